"""Each way in which a socket that somebody names is of no use, told apart."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.providers.runtimes.scripted import Runtime, answering, old, serving

from podresize.errors import HostError, UsageError
from podresize.providers.runtimes import endpoint, provider
from podresize.providers.runtimes.asking import Asking
from podresize.requirements.runtime_target import RuntimeTarget

# What dockerd 26.1 says to a GET of /_ping, and what it is recognised by.
DOCKER = b"HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\nServer: Docker/26.1.5\r\n\r\nOK"


@pytest.fixture
def path() -> Iterator[Path]:
    """A socket's place; pytest's own directories are too deep."""
    with tempfile.TemporaryDirectory(prefix="pr-sock-") as directory:
        yield Path(directory) / "s.sock"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "ANSWER_SECONDS", 0.5)


def up(path: Path, **options: object) -> None:
    provider.up(RuntimeTarget(endpoint=f"unix://{path}", **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["tcp://127.0.0.1:1", "containerd.sock", "", "http://x", "unix://relative/x.sock"]
)
def test_what_names_no_socket(text: str) -> None:
    with pytest.raises(UsageError, match="not the address of a CRI socket") as caught:
        endpoint.path_of(text)
    assert caught.value.value == text


def test_a_bare_path_is_one_as_well() -> None:
    assert endpoint.path_of("/run/x.sock") == endpoint.path_of("unix:///run/x.sock")


def test_a_path_that_no_socket_can_have() -> None:
    with pytest.raises(UsageError, match="the kernel takes 107"):
        endpoint.path_of(f"unix:///{'x' * 107}")


def test_no_such_socket_and_where_there_is_one(path: Path, tmp_path: Path) -> None:
    known = tmp_path / "containerd.sock"
    known.touch()

    with pytest.raises(UsageError, match="there is no such socket") as caught:
        endpoint.connect(path, known=(tmp_path / "not-this", known))

    assert f"here are: {known}" in str(caught.value)
    assert caught.value.next_command == f"podresize runtime up --cri-endpoint unix://{known}"


def test_a_file_is_no_socket(path: Path) -> None:
    path.touch(mode=0o640)

    with pytest.raises(UsageError, match="this is no socket") as caught:
        up(path)

    assert caught.value.value == f"{path} (-rw-r-----)"


def test_a_directory_below_a_file(path: Path) -> None:
    path.touch()

    with pytest.raises(UsageError, match="cannot be looked at: Not a directory"):
        up(path / "x.sock")


def test_nobody_listens(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))

    with pytest.raises(HostError, match="nobody listens"):
        up(path)


def test_dockers_api(path: Path) -> None:
    with answering(path, DOCKER), pytest.raises(UsageError, match="Docker's API socket"):
        up(path)


@pytest.mark.parametrize("said", [b"HTTP/1.1 404 Not Found\r\n\r\n", b"SSH-2.0-x\r\n", b""])
def test_another_protocol(path: Path, said: bytes) -> None:
    with answering(path, said), pytest.raises(UsageError, match="not a CRI socket") as caught:
        up(path)
    assert repr(said[:40]) in str(caught.value)


def test_a_server_that_says_nothing(path: Path) -> None:
    with answering(path, None), pytest.raises(HostError, match="does not answer within"):
        up(path)


def test_cri_v1alpha2_alone(path: Path) -> None:
    with old(path), pytest.raises(UsageError, match="CRI v1alpha2 only") as caught:
        up(path)
    assert caught.value.value == f"containerd v1.5.18 at {path}"


def test_a_runtime_that_is_not_ready(path: Path) -> None:
    runtime = Runtime()
    runtime.ready = False

    with serving(path, runtime), pytest.raises(HostError, match="not ready: Broken: no store"):
        up(path)


def test_a_handler_of_a_runtime_that_lists_none_is_tried(path: Path) -> None:
    runtime = Runtime()

    with serving(path, runtime):
        up(path, handler="one")
        with pytest.raises(UsageError, match="no such handler") as caught:
            up(path, handler="two")

    assert runtime.removed == ["s1"]
    assert "no runtime for 'two' is configured" in str(caught.value)


def test_what_a_runtime_does_not_tell_is_unknown_and_said(path: Path) -> None:
    with serving(path, Runtime()):
        handle = provider.up(RuntimeTarget(endpoint=str(path)))

    found = handle.fingerprint
    assert (found.runtime, found.oci_runtime, found.cgroup_driver) == (
        "other",
        "unknown",
        "unknown",
    )
    assert "no oci-state (the runtime does not tell its OCI runtime)" in found.host_limits
    assert handle.oci is None
    assert handle.proc == Path("/proc")


@pytest.mark.parametrize("options", [{"tap": True}, {"faults": ("update-dropped",)}])
def test_a_tap_is_not_put_before_a_strangers(path: Path, options: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="does not go together with --cri-endpoint"):
        up(path, **options)


def test_the_listening_process_is_known(path: Path) -> None:
    with serving(path, Runtime()), Asking(path) as asking:
        asking.check_version()
        assert endpoint.connect(path) == os.getpid()
