"""What a runtime is served: the image of the archive, with a label that makes it one of its own."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from podresize.artifacts.images import write_image
from podresize.providers.runtimes.image_server import serving


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF" * 50_000)
    path = tmp_path / "image.tar"
    write_image(
        path, name="x.local/y:1", arch="amd64", programs={"y": program}, config={"Cmd": ["/y"]}
    )
    return path


def got(base: str, place: str) -> httpx.Response:
    with httpx.Client(trust_env=False) as client:
        answer = client.get(f"{base}/{place}")
        head = client.head(f"{base}/{place}")
    assert (head.status_code, head.content) == (answer.status_code, b"")
    if answer.status_code == 200:
        assert head.headers["content-length"] == str(len(answer.content))
        assert answer.headers["docker-content-digest"] == digest(answer.content)
    return answer


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def config_of(archive: Path, mark: str) -> Any:
    with serving(archive, mark=mark) as name:
        host, _, rest = name.partition("/")
        repository, _, tag = rest.rpartition(":")
        base = f"http://{host}/v2/{repository}"
        manifest = got(base, f"manifests/{tag}").json()
        for layer in manifest["layers"]:
            assert len(got(base, f"blobs/{layer['digest']}").content) == layer["size"]
        return got(base, f"blobs/{manifest['config']['digest']}").json()


def test_a_pull_gets_every_part_and_a_run_an_image_of_its_own(archive: Path) -> None:
    first, second = config_of(archive, "1-2-3"), config_of(archive, "4-5-6")

    assert first["config"].pop("Labels") == {"podresize.run": "1-2-3"}
    assert second["config"].pop("Labels") == {"podresize.run": "4-5-6"}
    assert first == second
    assert first["config"]["Cmd"] == ["/y"]


def test_nothing_else_is_served(archive: Path) -> None:
    with serving(archive, mark="1-2-3") as name:
        base = f"http://{name.partition('/')[0]}"
        assert got(base, "v2/").status_code == 200
        for place in ("", "v2/other/manifests/1-2-3", "v2/podresize/workload/blobs/sha256:00"):
            assert got(base, place).status_code == 404
        with httpx.Client(trust_env=False) as client:
            assert client.put(f"{base}/v2/podresize/workload/manifests/x").status_code == 501


def test_who_begins_with_tls_is_answered_in_plain_http(archive: Path) -> None:
    with serving(archive, mark="1-2-3") as name:
        host, _, port = name.partition("/")[0].partition(":")
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(b"\x16\x03\x01\x00\x05hello")
            assert connection.recv(64).startswith(b"HTTP/1.1 400 ")


def test_it_ends_with_the_block(archive: Path) -> None:
    with serving(archive, mark="1-2-3") as name:
        host, _, port = name.partition("/")[0].partition(":")

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=5)
