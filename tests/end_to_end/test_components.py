"""A component that cannot start, or that dies: what is told, and that nothing is left."""

from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path

import pytest
from tests.end_to_end.real_clusters import leftovers, leftovers_after, own_name, pid_of

from podresize.artifacts.artifact import Artifact, Component
from podresize.errors import HarnessError
from podresize.providers.child import why_ended
from podresize.providers.local import provider, state
from podresize.requirements.target import Target

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]


def test_a_component_that_dies_takes_the_cluster_down_and_its_owner_is_told_which_and_why() -> None:
    handle = provider.up(Target(), name=own_name("dies"), owner=os.getpid())
    os.kill(pid_of(handle.name, "kubelet"), signal.SIGKILL)

    assert leftovers_after(handle.name) == []

    why = why_ended(handle.name)
    assert why is not None
    assert why.what == "kubelet ended with -9"
    with pytest.raises(HarnessError, match="kubelet ended with -9") as error:
        provider.down(handle.name)
    assert "the last lines of its log" in str(error.value)


@pytest.mark.parametrize("program", ["kube-apiserver", "containerd"])
def test_a_component_that_dies_before_the_node_is_ready_ends_the_start_at_once(
    program: str,
) -> None:
    name = own_name("dies")

    def kill(step: str, _at: float) -> None:
        if step == "apiserver up":
            os.kill(pid_of(name, program), signal.SIGKILL)

    with pytest.raises(HarnessError, match=f"{program} ended with -9"):
        provider.up(Target(), name=name, owner=os.getpid(), tell=kill)

    assert leftovers_after(name) == []


def test_a_setting_that_the_kubelet_refuses_is_one_error_with_the_kubelets_own_words(
    tmp_path: Path,
) -> None:
    file = tmp_path / "kubelet.yaml"
    file.write_text("topologyManagerPolicy: nonsense\n")
    name = own_name("bad")

    with pytest.raises(HarnessError, match="kubelet ended with 1") as error:
        provider.up(Target(kubelet_config=file), name=name, owner=os.getpid())

    assert "nonsense" in str(error.value)
    assert "Traceback" not in str(error.value)
    assert leftovers(name) == []


@pytest.mark.parametrize(
    ("program", "what"),
    [("/bin/false", "etcd ended with 1"), ("/nowhere/etcd", "etcd cannot be started")],
)
def test_a_program_that_does_not_run_is_one_error_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, program: str, what: str
) -> None:
    name = own_name("bad")
    gather = provider.gather

    def without_etcd(*arguments: object, **options: object) -> list[Artifact]:
        found = gather(*arguments, **options)  # type: ignore[arg-type]  # passed through
        return [
            dataclasses.replace(each, files={"etcd": Path(program)})
            if each.component is Component.ETCD
            else each
            for each in found
        ]

    monkeypatch.setattr(provider, "gather", without_etcd)

    with pytest.raises(HarnessError, match=what):
        provider.up(Target(), name=name, owner=os.getpid())

    assert leftovers(name) == []
    assert state.find(name) is None


def test_an_owner_that_has_ended_already_gets_no_cluster() -> None:
    name = own_name("ended")
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)

    with pytest.raises(HarnessError, match="ended before the cluster was up"):
        provider.up(Target(), name=name, owner=pid)

    assert leftovers(name) == []
