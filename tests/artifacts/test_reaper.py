"""The reaper's own program, built for real, with an engine that this test plays."""

from __future__ import annotations

import http.server
import json
import os
import socket
import socketserver
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.artifacts.conftest import Notes
from tests.artifacts.test_node_image import layers

from podresize.artifacts.container_images import reaper_image

_SECONDS = 60.0


class PlayedEngine(socketserver.ThreadingUnixStreamServer):
    """Has things by kind and name with their labels; ``busy`` are not removed the first time."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), _Handler)
        self.things: dict[str, dict[str, set[str]]] = {
            "containers": {"ours": {"session=1", "a=b"}, "theirs": {"session=2"}},
            "networks": {"our-net": {"session=1"}, "bridge": set()},
            "volumes": {"our-volume": {"session=1"}, "data": set()},
        }
        self.busy = {"our-net"}


class _Handler(http.server.BaseHTTPRequestHandler):
    server: PlayedEngine

    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        kind = url.path.split("/")[1]
        wanted = set(json.loads(urllib.parse.parse_qs(url.query)["filters"][0])["label"])
        names = [name for name, labels in self.server.things[kind].items() if wanted <= labels]
        if kind == "volumes":
            self._say(200, {"Volumes": [{"Name": name} for name in names]})
        else:
            self._say(200, [{"Id": name} for name in names])

    def do_DELETE(self) -> None:
        _, kind, name = urllib.parse.urlsplit(self.path).path.split("/")
        if name in self.server.busy:
            self.server.busy.remove(name)
            self._say(409, {"message": "has active endpoints"})
            return
        del self.server.things[kind][name]
        self._say(200, {})

    def _say(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (the base's name)
        del format, arguments


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[PlayedEngine]:
    with PlayedEngine(tmp_path / "engine.sock") as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_what_has_the_labels_goes_when_the_last_client_went(
    engine: PlayedEngine, tmp_path: Path
) -> None:
    (own,) = layers(reaper_image(progress=Notes()))
    program = tmp_path / "reaper"
    data = own["reaper"]
    assert isinstance(data, bytes)
    program.write_bytes(data)
    program.chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    settings = {
        "REAPER_ADDRESS": f"127.0.0.1:{address[1]}",
        "DOCKER_SOCKET": str(tmp_path / "engine.sock"),
        "RYUK_RECONNECTION_TIMEOUT": "100ms",
    }
    before = {kind: set(things) for kind, things in engine.things.items()}
    with subprocess.Popen(
        [program], env=os.environ | settings, stderr=subprocess.PIPE, text=True
    ) as reaper:
        assert reaper.stderr is not None
        try:
            assert reaper.stderr.readline().endswith("Started!\n")
            with (
                socket.create_connection(address, timeout=_SECONDS) as client,
                client.makefile("rw", newline="\n") as lines,
            ):
                for words in ("", "label=", "nonsense", "label=session=1"):
                    lines.write(f"{words}\r\n")
                lines.flush()
                # The others have no label, and everything would match them.
                assert lines.readline() == "ACK\n"
                assert {kind: set(things) for kind, things in engine.things.items()} == before
            said = reaper.stderr.read()
            assert reaper.wait(_SECONDS) == 0, said
        finally:
            reaper.kill()

    print(said)
    assert said.count("no label in") == 3
    assert "409" in said
    assert {kind: set(things) for kind, things in engine.things.items()} == {
        "containers": {"theirs"},
        "networks": {"bridge"},
        "volumes": {"data"},
    }
