"""Commands for components: the control plane's go to the init, the node's to the guest."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.providers.vm.conftest import FakeGuest

from podresize.guest.client import PATIENCE_SECONDS
from podresize.providers import control
from podresize.providers.systemd import Systemd
from podresize.providers.vm.components import GuestComponents

PROCESSES = ("etcd", "kube-apiserver", "qemu", "relay", "tap")


class FakeInit:
    def __init__(self) -> None:
        self.did: list[tuple[str, str]] = []

    def running(self) -> dict[str, bool]:
        return dict.fromkeys(PROCESSES, True)

    def ended(self, name: str) -> bool:
        self.did.append(("ended", name))
        return False

    def stop(self, name: str, *, kill: bool) -> None:
        self.did.append(("kill" if kill else "stop", name))

    def start(self, name: str) -> None:
        self.did.append(("start", name))

    def systemd(self) -> Systemd:
        raise AssertionError("the host's")


@pytest.fixture
def init() -> FakeInit:
    return FakeInit()


def test_the_machine_is_nobodys_to_stop(init: FakeInit, guest_says: Callable[..., Any]) -> None:
    components = GuestComponents(init, guest_says())

    assert not {"qemu", "relay"} & components.running().keys()
    for name in ("qemu", "relay"):
        with pytest.raises(LookupError, match="the machine's"):
            components.stop(name, kill=True)
        with pytest.raises(LookupError, match="the machine's"):
            components.start(name)
    assert init.did == []


def test_what_runs_is_asked_of_systemd(init: FakeInit, guest_says: Callable[..., Any]) -> None:
    guest = guest_says({"ActiveState kubelet": "inactive", "ActiveState containerd": "active"})

    found = GuestComponents(init, guest).running()

    assert found == {
        "etcd": True,
        "kube-apiserver": True,
        "tap": True,
        "containerd": True,
        "kubelet": False,
    }


def test_a_guest_without_a_kubelet_has_none_to_stop(
    init: FakeInit, guest_says: Callable[..., Any]
) -> None:
    guest = guest_says({"ActiveState containerd": "active"})
    components = GuestComponents(init, guest, units=("containerd",))

    found = components.running()

    assert found["containerd"] is True
    assert "kubelet" not in found
    with pytest.raises(LookupError, match="no component 'kubelet'"):
        components.stop("kubelet", kill=False)
    assert init.did == []


@pytest.mark.parametrize("ask", ["stop", "start", "ended"])
def test_an_unknown_component_is_told_with_those_that_can_be_commanded(
    init: FakeInit, guest_says: Callable[..., Any], ask: str
) -> None:
    guest = guest_says()
    more = {"kill": False} if ask == "stop" else {}

    with pytest.raises(LookupError) as raised:
        getattr(GuestComponents(init, guest), ask)("kubelett", **more)

    there = "containerd, etcd, kube-apiserver, kubelet, tap"
    assert str(raised.value) == f"no component 'kubelett'; there are {there}"
    # The names alone: a guest that hangs would be waited for.
    assert guest.ran == []


def test_a_unit_is_killed_and_stays_stopped(init: FakeInit, guest_says: Callable[..., Any]) -> None:
    guest = guest_says()
    components = GuestComponents(init, guest)

    components.stop("kubelet", kill=True)
    components.start("kubelet")

    kill, start = guest.ran
    # One way to the guest: systemd starts a unit again that is not stopped within a second.
    assert (kill[:2], kill[3:]) == (("/bin/sh", "-c"), ("sh", "kubelet"))
    assert start == ("systemctl", "start", "kubelet")
    assert init.did == []


SYSTEMCTL = """#!/bin/sh
echo "$@" >>{log}
case "$1" in show) echo {pid} ;; esac
"""


@pytest.mark.parametrize("runs", [True, False])
def test_a_kill_ends_the_main_process_before_the_stop(
    init: FakeInit,
    guest_says: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    runs: bool,
) -> None:
    """The script itself, with a systemctl of the test's own."""
    guest = guest_says()
    GuestComponents(init, guest).stop("kubelet", kill=True)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program, log = tmp_path / "systemctl", tmp_path / "log"

    with subprocess.Popen(["sleep", "1000"]) as process:
        program.write_text(SYSTEMCTL.format(log=log, pid=process.pid if runs else 0))
        program.chmod(0o755)
        done = subprocess.run(guest.ran[0], check=False)
        ended = process.poll() if not runs else process.wait(20)
        process.kill()

    assert done.returncode == 0
    assert ended == (-signal.SIGKILL if runs else None)
    asked = ["show --property=MainPID --value kubelet", "stop kubelet"]
    assert log.read_text().splitlines() == asked


def test_the_control_plane_is_the_inits(init: FakeInit, guest_says: Callable[..., Any]) -> None:
    guest = guest_says()
    components = GuestComponents(init, guest)

    components.stop("etcd", kill=False)
    components.start("etcd")
    components.ended("etcd")

    assert init.did == [("stop", "etcd"), ("start", "etcd"), ("ended", "etcd")]
    assert guest.ran == []


def test_systemd_is_the_guests(init: FakeInit, guest_says: Callable[..., Any]) -> None:
    guest = guest_says()
    systemd = GuestComponents(init, guest).systemd()

    systemd.daemon_reload()

    assert guest.ran == [("systemctl", "daemon-reload")]
    assert systemd.units(["a.scope"], ["CPUWeight"]) == {"a.scope": {"CPUWeight": "of a.scope"}}


@pytest.mark.parametrize(("said", "ended"), [("0", False), ("2", True)])
def test_a_kubelet_that_systemd_started_again_has_ended(
    init: FakeInit, guest_says: Callable[..., Any], said: str, ended: bool
) -> None:
    guest = guest_says({"NRestarts kubelet": said})

    assert GuestComponents(init, guest).ended("kubelet") is ended


def test_a_unit_that_does_not_end_is_told_as_such(
    init: FakeInit, guest_says: Callable[..., Any]
) -> None:
    components = GuestComponents(init, guest_says({"systemctl stop": "FAIL"}))

    with pytest.raises(TimeoutError, match="kubelet: a command failed in the guest"):
        components.stop("kubelet", kill=False)


def test_a_guest_is_given_up_before_who_commands_gives_up(init: FakeInit) -> None:
    """Else it would be told nothing, and the command carried out behind its back."""
    limits: list[float] = []

    class Noting(FakeGuest):
        def run(self, *command: str, seconds: float = 60.0) -> str:
            limits.append(seconds)
            return super().run(*command, seconds=seconds)

    components = GuestComponents(init, Noting())
    components.stop("kubelet", kill=True)
    components.stop("kubelet", kill=False)
    components.start("kubelet")
    components.systemd().daemon_reload()
    components.systemd().override("a.scope", "MemoryMax=4G")

    assert len(limits) == 5
    assert max(limits) + PATIENCE_SECONDS < control.GUESTS_ANSWER_SECONDS
