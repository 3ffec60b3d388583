"""Which node's components are stopped: the kubelet's and the control plane's are two."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from podresize.providers.kind import components
from podresize.providers.kind.components import NodeComponents
from podresize.providers.kind.node import Node


class FakeNode(Node):
    """A node that is a directory, and writes down what it is asked to run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.asked: list[tuple[str, ...]] = []
        self.answers: dict[str, str] = {}
        manifests = directory / "etc/kubernetes/manifests"
        manifests.mkdir(parents=True)

    @property
    def root(self) -> Path:
        return self.directory

    def run(self, *words: str) -> str:
        self.asked.append(words)
        return self.answers.get(words[-2], "ActiveState=active") + "\n"


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[FakeNode, FakeNode]:
    monkeypatch.setattr(components, "_running", lambda _runtime, _name: [])
    monkeypatch.setattr(components, "RuntimeClient", lambda _endpoint: contextlib.nullcontext())
    worker, control_plane = FakeNode(tmp_path / "worker"), FakeNode(tmp_path / "control-plane")
    (control_plane.directory / "etc/kubernetes/manifests/etcd.yaml").touch()
    return worker, control_plane


def test_the_kubelet_is_that_of_the_checks_node(nodes: tuple[FakeNode, FakeNode]) -> None:
    worker, control_plane = nodes

    NodeComponents(worker, control_plane).stop("kubelet", kill=False)

    assert worker.asked == [("systemctl", "stop", "kubelet")]
    assert control_plane.asked == []


def test_etcd_is_that_of_the_control_plane(nodes: tuple[FakeNode, FakeNode]) -> None:
    worker, control_plane = nodes
    both = NodeComponents(worker, control_plane)
    assert both.running()["etcd"]

    both.stop("etcd", kill=False)

    assert not both.running()["etcd"]
    assert (control_plane.directory / "etc/kubernetes/stopped/etcd.yaml").exists()
    assert not (worker.directory / "etc/kubernetes/stopped").exists()


@pytest.mark.parametrize(("said", "ended"), [("NRestarts=0", False), ("NRestarts=7", True)])
def test_what_systemd_had_to_start_again_has_ended(
    nodes: tuple[FakeNode, FakeNode], said: str, *, ended: bool
) -> None:
    worker, control_plane = nodes
    worker.answers["--property=NRestarts"] = said

    assert NodeComponents(worker, control_plane).ended("kubelet") is ended


def test_systemd_is_that_of_the_checks_node(nodes: tuple[FakeNode, FakeNode]) -> None:
    worker, control_plane = nodes

    NodeComponents(worker, control_plane).systemd().daemon_reload()

    assert worker.asked == [("systemctl", "daemon-reload")]
    assert control_plane.asked == []


def test_of_a_static_pod_it_is_not_known(nodes: tuple[FakeNode, FakeNode]) -> None:
    with pytest.raises(LookupError, match="etcd is not systemd's"):
        NodeComponents(*nodes).ended("etcd")
