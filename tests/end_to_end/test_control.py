"""Kubelet and runtime stopped and started under a running pod, which does not notice."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.real_clusters import (
    api_of,
    leftovers_after,
    namespace,
    own_name,
    pid_of,
    processes_of,
    run_pod,
    workload,
)

from podresize.cluster.api import Api
from podresize.cluster.get import get
from podresize.cluster.wait import wait_for
from podresize.cri.client import RuntimeClient
from podresize.errors import HarnessError
from podresize.providers import control, linux
from podresize.providers.interface import ClusterHandle
from podresize.providers.local import provider
from podresize.requirements.target import Target

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]


@pytest.fixture(scope="module")
def handle(real_host: object) -> Iterator[ClusterHandle]:
    assert real_host
    made = provider.up(Target(), name=own_name("ctl"), owner=os.getpid())
    yield made
    provider.down(made.name)


@pytest.fixture(scope="module")
def api(handle: ClusterHandle) -> Iterator[Api]:
    with api_of(handle) as reached:
        yield reached


@pytest.fixture(scope="module")
def place(api: Api, handle: ClusterHandle) -> Iterator[str]:
    """The namespace in which a pod called ``probe`` runs."""
    with namespace(api, "control") as name:
        run_pod(api, namespace=name, body=workload("probe", image=handle.workload_image))
        yield name


def cgroup_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cgroup").read_text()
    return ""


def identity(api: Api, handle: ClusterHandle, place: str) -> dict[str, Any]:
    """What must stay the same of the pod: container, restarts, process with its start."""
    (status,) = get(api, kind="pods", namespace=place, name="probe")["status"]["containerStatuses"]
    container = status["containerID"].removeprefix("containerd://")
    (pid,) = [pid for pid in processes_of(handle.name) if container in cgroup_of(pid)]
    return {
        "container": status["containerID"],
        "restarts": status["restartCount"],
        "started": status["state"]["running"]["startedAt"],
        "process": (pid, linux.start_ticks(pid)),
    }


@pytest.mark.parametrize("kill", [False, True], ids=["term", "kill"])
@pytest.mark.parametrize("component", ["kubelet", "containerd"])
def test_a_pod_outlives_a_restart(
    handle: ClusterHandle, api: Api, place: str, component: str, kill: bool
) -> None:
    before = identity(api, handle, place)
    was = pid_of(handle.name, component)

    control.restart(handle, component, kill=kill)

    assert pid_of(handle.name, component) != was
    name = f"after-{component}-{kill}".lower()
    run_pod(api, namespace=place, body=workload(name, image=handle.workload_image))
    assert identity(api, handle, place) == before


def test_what_is_stopped_stays_so_until_it_is_started(handle: ClusterHandle, place: str) -> None:
    assert place
    control.stop(handle, "kubelet")
    control.stop(handle, "containerd")
    control.stop(handle, "containerd")

    assert {name for name, runs in control.running(handle).items() if not runs} == {
        "kubelet",
        "containerd",
    }
    assert control.start_all(handle) == ["containerd", "kubelet"]
    with RuntimeClient(handle.nodes[0].runtime_endpoint) as runtime:
        assert runtime.version()["runtime_name"] == "containerd"


def test_the_control_plane_is_restarted_and_knows_what_it_knew(
    handle: ClusterHandle, api: Api, place: str
) -> None:
    before = identity(api, handle, place)

    for component in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        control.restart(handle, component)
    wait_for(
        api,
        kind="pods",
        namespace=place,
        name="probe",
        predicate=lambda pod: pod["status"]["phase"] == "Running",
        deadline=60,
        what="Running",
    )

    assert identity(api, handle, place) == before


def test_another_process_commands_by_the_name_alone(handle: ClusterHandle) -> None:
    was = pid_of(handle.name, "kubelet")
    script = (
        "import json, sys; from podresize.providers import control; "
        "control.restart(sys.argv[1], 'kubelet'); print(json.dumps(control.running(sys.argv[1])))"
    )

    said = subprocess.run(
        [sys.executable, "-c", script, handle.name], capture_output=True, text=True, check=True
    )

    assert all(json.loads(said.stdout).values())
    assert pid_of(handle.name, "kubelet") != was


def test_an_end_that_nobody_asked_for_still_takes_the_cluster_down() -> None:
    handle = provider.up(Target(), name=own_name("ctl"), owner=os.getpid())
    control.restart(handle, "containerd")
    os.kill(pid_of(handle.name, "containerd"), 9)

    assert leftovers_after(handle.name) == []

    with pytest.raises(HarnessError, match="containerd ended with -9"):
        provider.down(handle.name)
    with pytest.raises(HarnessError, match="did not carry out"):
        control.running(handle)
    assert not Path(str(handle.nodes[0].control)).exists()
