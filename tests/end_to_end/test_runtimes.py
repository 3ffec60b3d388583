"""A container runtime alone: what comes up, what the host sees of it, and that nothing stays."""

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
from tests.end_to_end.cri_pods import CriPod
from tests.end_to_end.real_clusters import leftovers, leftovers_after, own_name, pid_of

from podresize.cri.client import RuntimeClient
from podresize.errors import HarnessError, UsageError
from podresize.providers import control, linux
from podresize.providers.local import provider as local
from podresize.providers.runtimes import provider
from podresize.requirements.runtime_target import RuntimeHandle, RuntimeTarget

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

RESOURCES = {
    "cpu_shares": 300,
    "cpu_quota": 20_000,
    "cpu_period": 100_000,
    "memory_limit_in_bytes": 64 << 20,
}
TARGETS = [
    RuntimeTarget(containerd="1.6.36"),
    RuntimeTarget(containerd="1.6.36", oci_runtime="crun"),
    RuntimeTarget(containerd="2.1.4", oci_runtime="runc@1.3.3"),
    RuntimeTarget(containerd="2.1.4", tap=True),
]
OWNER = """
import json, os, sys
from podresize.providers.runtimes import provider
from podresize.requirements.runtime_target import RuntimeTarget
handle = provider.up(RuntimeTarget(), name=sys.argv[1], owner=os.getpid())
print(json.dumps(handle.to_json()), flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def running(target: RuntimeTarget) -> Iterator[RuntimeHandle]:
    made = provider.up(target, name=own_name("rt"), owner=os.getpid())
    try:
        yield made
    finally:
        provider.end(made)


@contextlib.contextmanager
def pod_of(handle: RuntimeHandle, **options: Any) -> Iterator[CriPod]:
    pod = CriPod(
        handle.endpoint, cgroup_parent=f"/{handle.cgroup_parent}", resources=RESOURCES, **options
    )
    try:
        yield pod
    finally:
        pod.close()


def asked(handle: RuntimeHandle, *words: str) -> str:
    """Return what the OCI runtime says, asked from this host."""
    assert handle.oci is not None
    return subprocess.run(
        [handle.oci.program, "--root", handle.oci.root, *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    ).stdout


def shares(handle: RuntimeHandle, pod: CriPod) -> str:
    """Return what the kernel has for the container's share of a busy processor."""
    below = Path(handle.cgroup_parent, str(pod.container))
    if handle.fingerprint.cgroup_version == 1:
        return (handle.cgroup_mounts["cpu"] / below / "cpu.shares").read_text()
    return (handle.cgroup_mounts["unified"] / below / "cpu.weight").read_text()


def test_what_comes_up_runs_a_container_that_all_witnesses_see() -> None:
    seen = []
    for target in TARGETS:
        with running(target) as handle, pod_of(handle) as pod:
            state = json.loads(asked(handle, "state", pod.container))
            before = shares(handle, pod)
            pod.update(cpu_shares=600)
            with RuntimeClient(handle.endpoint) as cri:
                status = cri.container_status(pod.container, verbose=True)
            pid = status["info"]["info"]["pid"]

            assert (state["status"], state["pid"]) == ("running", pid)
            assert handle.proc is not None
            assert (handle.proc / str(pid) / "cmdline").read_bytes().startswith(b"/probe\0")
            assert shares(handle, pod) != before
            assert (handle.calls is not None) is target.tap
            if handle.calls is not None:
                calls = handle.calls.read_text()
                assert "UpdateContainerResources" in calls
        assert leftovers(handle.name or "") == []
        found = handle.fingerprint
        seen.append((found.runtime_version, found.oci_runtime, found.cri_version))

    assert seen == [
        ("1.6.36", "runc", "1"),
        ("1.6.36", "crun", "1"),
        ("2.1.4", "runc", "1"),
        ("2.1.4", "runc", "1"),
    ]


def test_a_runc_of_a_given_release_is_that() -> None:
    with running(RuntimeTarget(oci_runtime="runc@1.3.3")) as handle:
        assert handle.fingerprint.oci_runtime_version == "1.3.3"


def test_gvisor_runs_a_container() -> None:
    with running(RuntimeTarget(oci_runtime="runsc")) as handle, pod_of(handle) as pod:
        assert handle.fingerprint.oci_runtime == "runsc"
        assert json.loads(asked(handle, "state", pod.container))["status"] == "running"


@pytest.fixture(scope="module")
def handle(real_host: object) -> Iterator[RuntimeHandle]:
    assert real_host
    with running(RuntimeTarget()) as made:
        yield made


@pytest.mark.parametrize("kill", [False, True], ids=["term", "kill"])
def test_a_container_outlives_its_runtime(handle: RuntimeHandle, kill: bool) -> None:
    assert handle.name is not None
    with pod_of(handle) as pod:
        before = json.loads(asked(handle, "state", pod.container))
        ticks = linux.start_ticks(before["pid"], proc=handle.proc or Path("/proc"))
        was = pid_of(handle.name, "containerd")

        control.restart(handle, "containerd", kill=kill)

        assert pid_of(handle.name, "containerd") != was
        assert json.loads(asked(handle, "state", pod.container)) == before
        assert linux.start_ticks(before["pid"], proc=handle.proc or Path("/proc")) == ticks
        pod.update(cpu_shares=700)
        pod.remove()


def test_a_stopped_runtime_is_started_and_has_no_kubelet(handle: RuntimeHandle) -> None:
    control.stop(handle, "containerd")

    assert control.running(handle) == {"containerd": False}
    assert control.start_all(handle) == ["containerd"]
    with pytest.raises(UsageError) as caught:
        control.stop(handle, "kubelet")
    assert "a runtime alone has nothing of Kubernetes" in str(caught.value)


def test_it_is_found_as_a_runtime_and_not_as_a_cluster(handle: RuntimeHandle) -> None:
    assert handle.name is not None

    (found,) = [each for each in provider.found() if each.name == handle.name]
    assert (found.is_alive, found.handle) == (True, handle)
    assert handle.name not in [each.name for each in local.found()]
    with pytest.raises(UsageError) as caught:
        local.down(handle.name)
    assert caught.value.next_command == f"podresize runtime down {handle.name}"


def test_a_name_in_use_is_refused_by_both(handle: RuntimeHandle) -> None:
    with pytest.raises(UsageError, match="a runtime of that name is running"):
        provider.up(RuntimeTarget(), name=handle.name)


def test_nothing_is_left_of_one_whose_owner_is_killed() -> None:
    name = own_name("rt")
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    made = RuntimeHandle.from_json(json.loads(owner.stdout.readline()))
    with pod_of(made):
        owner.kill()
        owner.communicate(timeout=20)

        assert leftovers_after(name) == []


def test_a_runtime_that_dies_says_so_and_leaves_nothing() -> None:
    made = provider.up(RuntimeTarget(), name=own_name("rt"), owner=os.getpid())
    assert made.name is not None

    os.kill(pid_of(made.name, "containerd"), 9)

    assert leftovers_after(made.name) == []
    with pytest.raises(HarnessError, match="containerd ended with -9"):
        provider.end(made)
