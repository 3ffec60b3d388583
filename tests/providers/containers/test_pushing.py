"""An archive's way into a registry, with a registry that this test plays."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from podresize.artifacts.images import write_image
from podresize.errors import HarnessError, UsageError
from podresize.providers.containers.pushing import push


class PlayedRegistry(http.server.ThreadingHTTPServer):
    """Keeps blobs and manifests; refuses manifests if told so. ``sent`` are the blobs put."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.sent: list[str] = []
        self.refuses = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: PlayedRegistry

    def do_HEAD(self) -> None:
        self._say(200 if self.path.rpartition("/")[2] in self.server.blobs else 404)

    def do_POST(self) -> None:
        self._say(202, Location=f"{self.path}one?state=x")

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if "/manifests/" in self.path:
            if not self.server.refuses:
                self.server.manifests[self.path] = (self.headers["Content-Type"], data)
            self._say(500 if self.server.refuses else 201)
            return
        assert "state=x&digest=" in self.path
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        assert self.path.endswith(digest.replace(":", "%3A"))
        self.server.blobs[digest] = data
        self.server.sent.append(digest)
        self._say(201)

    def _say(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (the base's name)
        del format, arguments


@pytest.fixture
def registry() -> Iterator[PlayedRegistry]:
    with PlayedRegistry() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    program, target = tmp_path / "program", tmp_path / "image.tar"
    program.write_bytes(b"program")
    write_image(target, name="a/b:1", arch="amd64", programs={"program": program}, config={})
    return target


def test_blobs_come_before_the_manifest_that_names_them(
    registry: PlayedRegistry, archive: Path
) -> None:
    digest = push(registry.url, archive, "some/probe", "one")

    ((path, (kind, data)),) = registry.manifests.items()
    assert path == "/v2/some/probe/manifests/one"
    assert kind == "application/vnd.oci.image.manifest.v1+json"
    assert digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert len(registry.blobs) == 2
    assert all(blob.encode() in data for blob in registry.blobs)


def test_what_the_registry_has_is_not_sent_again(registry: PlayedRegistry, archive: Path) -> None:
    push(registry.url, archive, "some/probe", "one")
    push(registry.url, archive, "some/probe", "two")

    assert len(registry.sent) == 2
    assert len(registry.manifests) == 2


@pytest.mark.parametrize(
    ("repository", "tag", "wrong"),
    [
        ("Probe", "1", "Probe"),
        ("host:5000/probe", "1", "host:5000/probe"),
        ("probe", "a:b", "a:b"),
        ("", "1", ""),
    ],
)
def test_a_name_that_no_registry_takes_is_refused(
    archive: Path, repository: str, tag: str, wrong: str
) -> None:
    with pytest.raises(UsageError, match="is not the name of a") as error:
        push("http://127.0.0.1:1", archive, repository, tag)

    assert error.value.value == wrong


def test_a_file_that_is_no_archive_is_refused(archive: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.tar"
    cut.write_bytes(archive.read_bytes()[:2000])
    for file in (cut, tmp_path / "none.tar"):
        with pytest.raises(UsageError, match="not an archive of an OCI image") as error:
            push("http://127.0.0.1:1", file, "probe", "1")

        assert error.value.value == str(file)


def test_a_registry_that_refuses_or_is_gone_is_told(
    registry: PlayedRegistry, archive: Path
) -> None:
    registry.refuses = True
    with pytest.raises(HarnessError, match="does not take an image") as error:
        push(registry.url, archive, "probe", "1")
    assert "500" in error.value.causes[0]

    with pytest.raises(HarnessError, match="does not take an image") as error:
        push("http://127.0.0.1:1", archive, "probe", "1")
    assert error.value.origin == "http://127.0.0.1:1"
