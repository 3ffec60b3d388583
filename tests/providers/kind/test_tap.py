"""The tap's process as a keeper has it: where it listens, and how it ends."""

from __future__ import annotations

import os
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.providers.kind.conftest import FakeProgram

from podresize.errors import HostError
from podresize.providers.kind.engine import find_engine
from podresize.providers.kind.layout import Layout
from podresize.providers.kind.node import Node
from podresize.providers.kind.tap import Tap

_SECONDS = 20.0
_KEEPER = """
import sys
from tests.providers.kind.test_tap import started
print(started(sys.argv[1])._process.pid, flush=True)
sys.stdin.read()
"""


class Directory(Node):
    """A directory of this host's instead of a node's container."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def root(self) -> Path:
        return self._root


def started(directory: str) -> Tap:
    """Start a tap for a node below that directory."""
    node = Directory(Path(directory) / "node")
    node.inside(Path("/run")).mkdir(parents=True)
    layout = Layout(name="x")
    layout.logs.mkdir(parents=True)
    return Tap(node, layout, ["update-dropped"])


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PODRESIZE_STATE_DIR", str(tmp_path / "state"))
    return tmp_path


@pytest.fixture
def tap(directory: Path) -> Iterator[Tap]:
    tap = started(str(directory))
    yield tap
    tap.stop()


def ends(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], _SECONDS)[0])


def listens(socket: Path) -> bool:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        if socket.exists():
            return stat.S_ISSOCK(socket.stat().st_mode)
        time.sleep(0.02)
    return False


def test_it_listens_in_the_node_and_writes_on_this_host(tap: Tap, directory: Path) -> None:
    assert tap
    assert listens(directory / "node" / "run" / "podresize-tap.sock")
    assert Layout(name="x").calls.is_file()


def test_the_kubelet_starts_after_it(tap: Tap, directory: Path) -> None:
    assert tap
    unit = directory / "node" / "etc" / "systemd" / "system" / "kubelet.service.d" / "tap.conf"

    assert "[ -S /run/podresize-tap.sock ]" in unit.read_text()


def test_one_that_stops_leaves_no_socket(directory: Path) -> None:
    tap = started(str(directory))
    socket = directory / "node" / "run" / "podresize-tap.sock"
    assert listens(socket)

    tap.stop()

    assert not socket.exists()


def test_one_that_ended_is_an_error_with_its_cause(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("podresize.providers.kind.tap.TAP_SOCKET", Path("/none/tap.sock"))
    tap = started(str(directory))

    assert ends(tap.descriptor)

    why = str(tap.why_ended())
    assert "tap ended with 2" in why
    assert "the tap cannot listen" in why
    tap.stop()


def test_a_node_that_is_gone_is_told(docker: FakeProgram) -> None:
    assert docker
    gone = Directory(Path("/proc/none/root"))
    gone.engine = find_engine()

    with pytest.raises(HostError, match="no tap can be put on the node") as error:
        Tap(gone, Layout(name="x"), [])

    assert "the node's container has ended" in str(error.value)
    assert error.value.next_command == "docker ps --all"


def test_it_ends_with_its_keeper(directory: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _KEEPER, directory],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as keeper:
        assert keeper.stdout is not None
        tap = os.pidfd_open(int(keeper.stdout.readline()))
        try:
            keeper.send_signal(signal.SIGKILL)

            assert ends(tap)
        finally:
            os.close(tap)
