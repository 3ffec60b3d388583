"""A real node in a virtual machine: a kernel of its own, and nothing left of it however it ends.

Where KVM does not work the guest is emulated, and everything here takes minutes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.finished_run import ROOT, Finished, is_whole, one_commit_in_three, this_commit
from tests.end_to_end.real_clusters import (
    api_of,
    kill_all,
    leftovers,
    leftovers_after,
    namespace,
    own_name,
    processes_of,
    until,
    workload,
)

from podresize.cluster.create import create
from podresize.cluster.wait import wait_for
from podresize.providers import control
from podresize.providers.interface import ClusterHandle
from podresize.providers.kernel_of import kernel_of
from podresize.providers.local import state
from podresize.providers.vm import provider
from podresize.requirements.target import Target

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("guests")]

V2 = Target(provider="vm", cgroup="v2")
CHECK = "suites/status_fields/test_status_follows_the_resize.py::test_status_follows_the_resize"
VICTIMS = ("owner", "supervisor", "qemu", "relay")
STEPS = ("files written", "qemu started", "up")
KILLS = [(step, victim) for step in STEPS for victim in VICTIMS]
if not is_whole():
    # A third of them with each commit, and in it each step and each victim.
    KILLS = KILLS[this_commit() % 3 :: 3]
OWNER = """
import os, sys
from podresize.providers.vm import provider
from podresize.requirements.target import Target
say = lambda what: print(what, flush=True)
target = Target(provider="vm", cgroup="v2")
provider.up(target, name=sys.argv[1], owner=os.getpid(), tell=lambda step, at: say(step))
say("up")
sys.stdin.readline()
"""
BOOTER = """
import dataclasses
from podresize.artifacts.progress import Silent
from podresize.providers.local.order import make_order
from podresize.providers.vm import host, provider
from podresize.providers.vm.kept import keep_guest
from podresize.requirements.target import Target
target = Target(provider="vm", cgroup="v2")
made = provider.gather(target)
machine, _ = host.machine_for(target, made.parts, host.check())
order = dataclasses.asdict(make_order(made.artifacts, None))
say = lambda what: print(what, flush=True)
keep_guest(machine, made.parts, order, progress=Silent(), tell=say, anew=True)
"""


@pytest.fixture(scope="module")
def cluster(guests: None) -> Iterator[ClusterHandle]:  # noqa: ARG001 (the skip comes first)
    """One cluster for the tests that leave it as it was."""
    handle = provider.up(V2, name=own_name("vm"), owner=os.getpid())
    yield handle
    provider.down(handle.name)


def test_the_node_is_what_was_asked_for(cluster: ClusterHandle) -> None:
    print_ = cluster.fingerprint

    assert (print_.provider, print_.cgroup_version, print_.cgroup_driver) == ("vm", 2, "systemd")
    assert (print_.kubernetes, print_.kubelet) == (V2.kubernetes, V2.kubernetes)
    assert print_.kernel != os.uname().release
    assert print_.host_limits == ("no swap (the guest has none)",)
    assert (print_.slowness > 1.5) or print_.accelerator == "kvm"


def test_a_pods_cgroups_are_the_guests(cluster: ClusterHandle) -> None:
    fingerprint = cluster.fingerprint
    with api_of(cluster) as api, namespace(api, "pods") as made:
        limits = {"cpu": "200m", "memory": "64Mi"}
        body = workload("one", image=cluster.workload_image)
        body["spec"]["containers"][0]["resources"] = {"requests": limits, "limits": limits}
        create(api, kind="pods", namespace=made, body=body)
        pod = wait_for(
            api,
            kind="pods",
            namespace=made,
            name="one",
            predicate=lambda found: found["status"].get("phase") == "Running",
            deadline=fingerprint.patience(90.0),
            what="Running",
        )
        kernel = kernel_of(cluster.nodes[0], patience=fingerprint.patience(30.0))
        assert kernel is not None
        ids = (pod["status"]["containerStatuses"][0]["containerID"],)
        found = kernel.pod_cgroups(
            pod_uid=pod["metadata"]["uid"], qos_class="Guaranteed", container_ids=ids
        )
        (container,) = found.containers.values()
        files = kernel.resource_files(container)

        assert kernel.read(files["cpu.max"]).split() == ["20000", "100000"]
        assert kernel.read(files["memory.max"]).strip() == str(64 << 20)


def test_the_guests_units_are_stopped_and_started(cluster: ClusterHandle) -> None:
    there = control.running(cluster)
    assert all(there[name] for name in control.COMPONENTS)

    control.stop(cluster, "kubelet")
    assert control.running(cluster)["kubelet"] is False
    control.start(cluster, "kubelet")

    assert control.running(cluster)["kubelet"] is True
    assert not control.ended(cluster, "kubelet")


def test_the_logs_hold_the_guests_journal(cluster: ClusterHandle, tmp_path: Path) -> None:
    provider.keep_logs(cluster, tmp_path / "logs")

    names = {path.name for path in (tmp_path / "logs").iterdir()}
    assert {"kubelet.log", "containerd.log", "console.log", "kube-apiserver.log"} <= names
    assert "kubelet" in (tmp_path / "logs" / "kubelet.log").read_text()


@pytest.mark.parametrize(("step", "victim"), KILLS)
def test_nothing_is_left_after_a_kill(
    cluster: ClusterHandle,  # noqa: ARG001 (its guest is kept by now)
    step: str,
    victim: str,
) -> None:
    name = own_name("vmkill")
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        was_seen = any(line.strip() == step for line in owner.stdout)
        try:
            assert was_seen
            assert until(lambda: _pid(victim, name, owner) is not None, deadline=20)
            kill_all({victim: _pid(victim, name, owner)})
            left = leftovers_after(name)
        finally:
            owner.kill()

    assert left == []


def test_nothing_is_left_of_a_guest_whose_boot_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BOOTER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as owner:
        assert owner.stdout is not None
        assert any(line.strip() == "relay started" for line in owner.stdout)
        names = [each.layout.name for each in state.clusters(state.GUEST)]
        owner.kill()

    assert names
    assert [left for name in names for left in leftovers_after(name)] == []


@one_commit_in_three(0)
def test_a_guest_that_hangs_under_a_run_is_told_soon_by_each_check(tmp_path: Path) -> None:
    """A machine that is stopped has not ended: neither the kernel nor the cluster notices."""
    handle = provider.up(V2, name=own_name("vmhang"), owner=os.getpid())
    slowness, out = handle.fingerprint.slowness, tmp_path / "out"
    try:
        os.kill(_machine(handle.name), signal.SIGSTOP)
        began = time.monotonic()
        run = _run_on(handle.name, out, timeout=600.0 + 100.0 * slowness)
        seconds = time.monotonic() - began
    finally:
        provider.down(handle.name)

    print(run.output)
    verdicts = [each for each in run.of("verdict") if each["verdict"] != "unsupported"]
    assert run.code == 1
    assert {each["verdict"] for each in verdicts} == {"error"}
    assert {each["reading"] for each in verdicts} == {"the guest answers no more"}
    assert all("the last lines of its console" in each["text"] for each in verdicts)
    assert "Traceback" not in run.output
    assert (out / "logs" / handle.name / "console.log").exists()
    # One look of 5 s and then short ones, not a time-out of each check's own.
    assert seconds < 120.0 + 20.0 * slowness
    assert leftovers_after(handle.name) == []


def _machine(name: str) -> int:
    """Return the pid of a cluster's QEMU: no other process's program is called so."""
    (pid,) = (
        pid
        for pid, command in processes_of(name).items()
        if Path(command.split(" ")[0]).name.startswith("qemu-system-")
    )
    return pid


def _run_on(name: str, out: Path, *, timeout: float) -> Finished:
    """Run checks on a cluster that is there."""
    environment = {key: value for key, value in os.environ.items() if key != "PODRESIZE_RUN_ID"}
    checks = (CHECK, "-k=Guaranteed")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *checks, f"--cluster={name}", f"--out={out}"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=timeout,
        env=environment,
    )
    return Finished(code=done.returncode, output=done.stdout, out=out)


def _pid(victim: str, name: str, owner: subprocess.Popen[str]) -> int | None:
    if victim == "owner":
        return owner.pid
    if victim == "supervisor":
        found = state.find(name)
        return None if found is None else found.supervisor[0]
    there = processes_of(name)
    marks = {"qemu": "qemu-system", "relay": "podresize.guest.relay"}
    return next((pid for pid, command in there.items() if marks[victim] in command), None)


def test_after_down_nothing_is_left() -> None:
    handle = provider.up(V2, name=own_name("vm"), owner=os.getpid())
    assert any("qemu-system" in each for each in processes_of(handle.name).values())

    provider.down(handle.name)

    assert leftovers(handle.name) == []
