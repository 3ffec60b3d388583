"""A scripted apiserver over real HTTP. It serves these unit tests only, never a check."""

from __future__ import annotations

import dataclasses
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from podresize.cluster.api import Api
from podresize.cluster.kubeconfig import Connection


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """``parts`` makes it a stream; a callable among them runs in between; ``torn`` cuts it off."""

    code: int = 200
    body: object = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    parts: tuple[bytes | Callable[[], object], ...] | None = None
    torn: bool = False


class FakeApiServer:
    """Answers each request with the next reply of its script; the last one stays."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.scripts: dict[tuple[str, str], list[Reply]] = {}
        self.ending = threading.Event()
        self.connections = 0
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                fake.connections += 1
                super().setup()

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:
                    self.close_connection = True  # the client cut the connection: often the point

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # inherited
                pass

            def answer(self) -> None:
                fake.answer(self)

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):  # the base class looks up do_GET, do_PATCH, ...
                    return self.answer
                raise AttributeError(name)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = False
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        scheme = "https" if context is not None else "http"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def on(self, method: str, path: str, *replies: Reply) -> None:
        self.scripts[method, path] = list(replies)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        url = urlsplit(handler.path)
        query = dict(parse_qsl(url.query))
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        method = "WATCH" if query.get("watch") == "true" else str(handler.command)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.requests.append(
            Request(method=method, path=url.path, query=query, headers=headers, body=body)
        )
        script = self.scripts.get((method, url.path))
        if not script:
            reply = Reply(code=404, body=status(404, "NotFound", f"no {url.path}"))
        else:
            reply = script.pop(0) if len(script) > 1 else script[0]
        handler.send_response(reply.code)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        if reply.parts is None:
            content = reply.body
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)
            return
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for part in reply.parts:
            if callable(part):
                part()
            elif part:
                handler.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        if reply.torn:
            handler.close_connection = True
        else:
            handler.wfile.write(b"0\r\n\r\n")

    def hold(self) -> None:
        """A stream's part that says nothing until the test ends."""
        self.ending.wait(20)

    def close(self) -> None:
        self.ending.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def status(code: int, reason: str, message: str, **details: Any) -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
        "details": details,
    }


@pytest.fixture
def server() -> Iterator[FakeApiServer]:
    fake = FakeApiServer()
    yield fake
    fake.close()


@pytest.fixture
def api(server: FakeApiServer) -> Iterator[Api]:
    with Api(Connection(server=server.url)) as client:
        yield client


@pytest.fixture
def reply() -> type[Reply]:
    return Reply


@pytest.fixture
def refusal() -> Callable[..., dict[str, Any]]:
    return status
