"""A cache of its own for every test, and a release server that misbehaves on demand."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from podresize.artifacts import download
from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.progress import Progress, Silent
from podresize.artifacts.source import SourcePassedOverError

_GO_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "go-build"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # The compiler's own cache lies under XDG_CACHE_HOME too; a test need not fill another.
    monkeypatch.setenv("GOCACHE", os.environ.get("GOCACHE") or str(_GO_CACHE))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("PODRESIZE_DOWNLOAD_MIRROR", raising=False)
    download.forget_unreachable()
    yield
    download.forget_unreachable()


@pytest.fixture
def cache() -> Cache:
    return Cache()


class Notes(Silent):
    """Keeps what a person would have read."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@dataclasses.dataclass
class FakeSource:
    """Delivers given bytes, or says why not."""

    source: Source
    files: dict[str, bytes] = dataclasses.field(default_factory=dict)
    preferred: str = "1.0.0"
    refuses: str | None = None
    fails: BaseException | None = None
    fetched: int = 0

    def version_for(self, component: Component, asked: str | None, *, arch: str) -> str:
        del component, arch  # the protocol's
        if self.refuses is not None:
            raise SourcePassedOverError(self.refuses)
        return asked or self.preferred

    def fetch(
        self, component: Component, version: str, *, arch: str, work: Path, progress: Progress
    ) -> dict[str, Path]:
        del component, version, arch, progress  # the protocol's
        self.fetched += 1
        for name, data in self.files.items():
            (work / name).write_bytes(data)
        if self.fails is not None:
            raise self.fails
        return {name: work / name for name in self.files}


@pytest.fixture
def fake() -> type[FakeSource]:
    return FakeSource


class ReleaseServer(http.server.ThreadingHTTPServer):
    """Serves ``files`` by path. ``behaviour`` of a path: ``truncate``, ``stall``, ``no-range``.

    A behaviour holds for ``times`` answers with a body; ``asked`` lists path and Range header.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.behaviour: dict[str, str] = {}
        self.times = 1_000_000
        self.asked: list[tuple[str, str | None]] = []
        self.half_sent = threading.Event()
        self.release = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def publish(self, path: str, data: bytes) -> None:
        """Serve a file and, beside it, its checksum as dl.k8s.io publishes it."""
        self.files[path] = data
        self.files[f"{path}.sha256"] = hashlib.sha256(data).hexdigest().encode()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: ReleaseServer

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path, wanted))
        data = self.server.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        behaviour = self.server.behaviour.get(self.path) if self.server.times > 0 else None
        self.server.times -= behaviour is not None
        start = 0
        if wanted is not None and behaviour != "no-range":
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                self.send_error(416)
                return
        body = data[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if behaviour in ("truncate", "stall"):
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.server.half_sent.set()
            if behaviour == "stall":
                self.server.release.wait(30)
            self.close_connection = True
            return
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
        pass


@pytest.fixture
def server() -> Iterator[ReleaseServer]:
    with ReleaseServer() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.release.set()
        running.shutdown()
        thread.join()
