"""Which process is a node's first one, whoever counts them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.providers.kind.conftest import FakeProgram

from podresize.errors import HostError
from podresize.providers.interface import NodeHandle
from podresize.providers.kind.engine import find_engine
from podresize.providers.kind.node import Node, first_process, kept_on

ID = "f00d" * 16


def process(proc: Path, pid: int, *, cgroup: str, numbers: str) -> None:
    directory = proc / str(pid)
    directory.mkdir(parents=True)
    (directory / "cgroup").write_text(f"7:memory:{cgroup}\n1:name=systemd:{cgroup}\n")
    (directory / "status").write_text(f"Name:\tx\nNSpid:\t{numbers}\n")


@pytest.mark.parametrize(
    "cgroup",
    [
        f"/docker/{ID}",
        f"/podresize-engine-7/{ID}/init.scope",
        f"/system.slice/docker-{ID}.scope",
        f"/system.slice/docker-{ID}.scope/init.scope",
        f"/machine.slice/libpod-{ID}.scope",
    ],
)
def test_it_is_number_one_of_the_container(tmp_path: Path, cgroup: str) -> None:
    process(tmp_path, 11, cgroup="/", numbers="11")
    process(tmp_path, 21, cgroup=cgroup, numbers="21\t4\t1")

    assert first_process(ID, proc=tmp_path) == 21


@pytest.mark.parametrize(
    ("cgroup", "numbers"),
    [
        (f"/docker/{ID}", "30\t57"),  # what was executed in it
        (f"/docker/{ID}/kubelet.slice/kubelet-kubepods.slice/cri-x.scope", "30\t57\t1"),  # a pod
        (f"/docker/{ID}/system.slice/containerd.service", "30\t1"),
        ("/docker/" + "beef" * 16, "30\t1"),  # another node
    ],
)
def test_nothing_else_is_taken_for_it(tmp_path: Path, cgroup: str, numbers: str) -> None:
    process(tmp_path, 30, cgroup=cgroup, numbers=numbers)

    with pytest.raises(HostError, match="not processes of this host"):
        first_process(ID, proc=tmp_path)


def test_a_process_that_ends_meanwhile_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "12").mkdir()
    process(tmp_path, 21, cgroup=f"/docker/{ID}", numbers="21\t1")

    assert first_process(ID, proc=tmp_path) == 21


@pytest.fixture
def node(docker: FakeProgram, monkeypatch: pytest.MonkeyPatch) -> Node:
    docker.says("container", "inspect", output=json.dumps([{"Id": ID}]))
    monkeypatch.setattr("podresize.providers.kind.node.first_process", lambda _: os.getpid())
    return Node(find_engine(), "x-worker")


def test_the_witness_asks_the_runtime_itself_where_there_is_no_tap(node: Node) -> None:
    handle = node.handle(logs=Path("/logs"), driver="systemd")

    assert handle.cri_endpoint == f"unix:///proc/{node.pid}/root/run/containerd/containerd.sock"
    assert (handle.calls, handle.faults) == (None, ())


def test_the_witness_sees_what_the_kubelet_sees_through_a_tap(node: Node) -> None:
    calls = Path("/logs/calls.jsonl")

    # A list: it came as JSON.
    handle = node.handle(logs=Path("/logs"), driver="systemd", calls=calls, faults=["one"])

    assert handle.cri_endpoint == f"unix:///proc/{node.pid}/root/run/podresize-tap.sock"
    assert (handle.calls, handle.faults) == (calls, ("one",))
    assert handle.wrongs == ("fault one",)
    assert node.endpoint.endswith("containerd.sock")


def test_with_several_nodes_a_pod_is_kept_on_the_first() -> None:
    one, other = NodeHandle(name="x-worker"), NodeHandle(name="x-control-plane")

    assert kept_on((other,)) == {}
    assert kept_on((one, other)) == {"nodeSelector": {"kubernetes.io/hostname": "x-worker"}}
