"""Commands to a cluster: what is carried out, and what is said when it is not."""

from __future__ import annotations

import dataclasses
import json
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podresize.errors import HarnessError, UsageError
from podresize.providers import control
from podresize.providers.commands import Commands
from podresize.providers.interface import ClusterHandle, NodeHandle
from podresize.providers.systemd import NodeSystemd, NoSystemdError, Systemd
from podresize.requirements.target import Fingerprint

FINGERPRINT = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "data" / "reporting.json").read_text()
)["expectation"]["fingerprint"]


class Components:
    """Stands for the init: two components, and one that does not end."""

    def __init__(self) -> None:
        self.there = dict.fromkeys(control.COMPONENTS, True)
        self.seen: list[tuple[Any, ...]] = []
        self.why_no_systemd = ""

    def running(self) -> dict[str, bool]:
        return self.there

    def ended(self, name: str) -> bool:
        return name == "kubelet"

    def stop(self, name: str, *, kill: bool) -> None:
        if name == "etcd":
            raise TimeoutError("etcd is still there")
        self.seen.append(("stop", name, kill))
        self.there[name] = False

    def start(self, name: str) -> None:
        if name not in self.there:
            raise LookupError(f"no component {name!r}")
        self.seen.append(("start", name))
        self.there[name] = True

    def systemd(self) -> Systemd:
        if self.why_no_systemd:
            raise NoSystemdError(self.why_no_systemd)
        return NodeSystemd(self.run)

    def run(self, *words: str) -> str:
        self.seen.append(words)
        return f"Id={words[-1]}\n"


@dataclasses.dataclass
class Served:
    components: Components
    handle: ClusterHandle
    socket: Path


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    components = Components()
    socket = tmp_path / "control.sock"
    commands = Commands(socket, components)
    commands.serve()
    node = NodeHandle(
        name="n",
        cri_endpoint="unix:///none",
        cgroup_mounts={},
        proc=Path("/proc"),
        logs=tmp_path,
        control=str(socket),
    )
    handle = ClusterHandle(
        name="one",
        provider="local",
        kubeconfig=tmp_path / "none",
        nodes=(node,),
        workload_image="none",
        fingerprint=Fingerprint.from_json(FINGERPRINT),
    )
    yield Served(components, handle, socket)
    commands.close()


def test_a_restart_is_a_stop_and_a_start(served: Served) -> None:
    control.restart(served.handle, "kubelet")
    control.stop(served.handle, "kube-scheduler", kill=True)

    assert served.components.seen == [
        ("stop", "kubelet", False),
        ("start", "kubelet"),
        ("stop", "kube-scheduler", True),
    ]
    assert control.running(served.handle)["kube-scheduler"] is False


def test_a_component_that_ended_by_itself_is_asked_for(served: Served) -> None:
    assert control.ended(served.handle, "kubelet")
    assert not control.ended(served.handle, "containerd")


def test_start_all_starts_what_is_stopped_in_the_order_of_need(served: Served) -> None:
    served.components.there |= {"kubelet": False, "kube-apiserver": False}

    assert control.start_all(served.handle) == ["kube-apiserver", "kubelet"]
    assert served.components.seen == [("start", "kube-apiserver"), ("start", "kubelet")]


def test_systemd_reads_its_units_anew_and_tells_of_them(served: Served) -> None:
    control.daemon_reload(served.handle)
    found = control.units(served.handle, ["a.scope", "b.slice"], properties=["Id"])

    assert served.components.seen[0] == ("systemctl", "daemon-reload")
    assert found == {"a.scope": {"Id": "a.scope"}, "b.slice": {"Id": "b.slice"}}


def test_a_node_without_systemd_says_why(served: Served) -> None:
    served.components.why_no_systemd = "no systemd runs them"

    for ask in (
        lambda: control.daemon_reload(served.handle),
        lambda: control.units(served.handle, ["a.scope"], properties=["Id"]),
    ):
        with pytest.raises(UsageError, match="no systemd runs them") as error:
            ask()
        assert not error.value.causes


def test_only_the_owner_may_command(served: Served) -> None:
    assert stat.S_IMODE(served.socket.stat().st_mode) == 0o600


def test_an_unknown_component_is_the_callers_mistake(served: Served) -> None:
    with pytest.raises(UsageError, match="no component 'kublet'") as error:
        control.start(served.handle, "kublet")

    assert "kublet" in str(error.value.value)
    assert error.value.next_command


def test_a_component_that_does_not_end_is_an_error_of_the_harness(served: Served) -> None:
    with pytest.raises(HarnessError, match="etcd is still there"):
        control.stop(served.handle, "etcd")


def test_a_cluster_that_has_ended_is_an_error_of_the_harness(served: Served) -> None:
    served.socket.unlink()

    with pytest.raises(HarnessError, match="did not carry out a command"):
        control.stop(served.handle, "kubelet")


@pytest.mark.parametrize("in_guest", [True, False])
def test_a_node_that_does_not_answer_in_time_is_told_as_such(
    served: Served, monkeypatch: pytest.MonkeyPatch, in_guest: bool
) -> None:
    """A guest may hang under the init, which waits for it longer than for a process of its own."""
    (node,) = served.handle.nodes
    agent = "/run/agent.sock" if in_guest else None
    handle = dataclasses.replace(served.handle, nodes=(dataclasses.replace(node, agent=agent),))
    monkeypatch.setattr(served.components, "running", lambda: time.sleep(2.0))
    short = "GUESTS_ANSWER_SECONDS" if in_guest else "_ANSWER_SECONDS"
    monkeypatch.setattr(control, short, 0.1)

    with pytest.raises(HarnessError, match="did not carry out a command: timed out") as raised:
        control.running(handle)

    assert (raised.value.causes[0].startswith("the guest answers no more")) is in_guest


def test_an_unknown_name_and_a_target_without_control_are_refused(served: Served) -> None:
    (node,) = served.handle.nodes
    elsewhere = dataclasses.replace(
        served.handle, provider="kind", nodes=(dataclasses.replace(node, control=None),)
    )

    assert control.why_not(served.handle) is None
    assert control.why_not(elsewhere) == "the components of one (provider kind) cannot be stopped"
    with pytest.raises(UsageError, match="provider kind"):
        control.stop(elsewhere, "kubelet")
    with pytest.raises(UsageError, match="no ready cluster of that name"):
        control.stop("nobody", "kubelet")


def test_a_handle_of_before_there_was_control_still_loads(served: Served) -> None:
    raw = served.handle.to_json()
    assert ClusterHandle.from_json(raw) == served.handle
    del raw["nodes"][0]["control"]

    assert ClusterHandle.from_json(raw).nodes[0].control is None
