"""Real runtimes without Kubernetes in a virtual machine: driven, judged, and nothing of them left.

Where KVM does not work the guest is emulated, and everything here takes minutes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.finished_run import Finished, is_whole, one_commit_in_three, podresize
from tests.end_to_end.real_clusters import leftovers, leftovers_after, own_name, processes_of

from podresize.providers import control
from podresize.providers.runtimes import provider
from podresize.requirements.runtime_target import RuntimeHandle, RuntimeTarget
from podresize_fixtures.runtimes.containers import Containers
from podresize_fixtures.runtimes.reach import RuntimeReach, reach_runtime, why_dead

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("guests")]

MIB = 1 << 20
V2 = RuntimeTarget(provider="vm", cgroup="v2", containerd="2.1.4")
ALONE = RuntimeTarget(provider="vm", cgroup="v2", alone=True)
_CERTIFY_SECONDS = 3000.0
CELLS = {
    "alone": ("--oci-alone", "--cgroup-driver=systemd"),
    "containerd": ("--containerd=2.1.4", "--cgroup-driver=systemd"),
    "crun": ("--containerd=1.6.36", "--cgroup-driver=cgroupfs", "--oci-runtime=crun"),
}
if not is_whole():
    # The whole suite takes long where it is emulated: one check alone starts a hundred containers.
    CELLS = {"alone": ("RT-01", "RT-05", "RT-14", "RT-21", *CELLS["alone"])}
OWNER = """
import json, os, sys
from podresize.providers.runtimes import provider
from podresize.requirements.runtime_target import RuntimeTarget
target = RuntimeTarget(provider="vm", cgroup="v2", containerd="2.1.4")
handle = provider.up(target, name=sys.argv[1], owner=os.getpid())
print(json.dumps(handle.to_json()), flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def up(target: RuntimeTarget) -> Iterator[RuntimeReach]:
    """Give a runtime that goes when the test ends."""
    handle = provider.up(target, name=own_name("vr"), owner=os.getpid())
    try:
        with reach_runtime(handle, "test") as reach:
            yield reach
    finally:
        provider.end(handle)


@pytest.mark.parametrize("driver", ["systemd", "cgroupfs"])
@pytest.mark.parametrize("alone", [False, True], ids=["containerd", "alone"])
def test_a_container_is_made_updated_and_ended_and_every_witness_sees_it(
    driver: str, alone: bool
) -> None:
    target = dataclasses.replace(ALONE if alone else V2, cgroup_driver=driver)
    with up(target) as reach, Containers(reach) as containers:
        found = reach.handle.fingerprint
        created = containers.created(cpuset_cpus="0")
        container = created.start()
        update = container.update(cpu_shares=1024, cpu_quota=80_000, memory_limit_in_bytes=96 * MIB)
        told = container.execute("/probe", "identity")
        cgroups = container.cgroups()
        with container.paused():
            assert container.oci_status() == "paused"
        container.stop()
        stopped = container.now()
        name = reach.handle.name or ""
        assert why_dead(reach.handle) is None

        assert (found.cgroup_version, found.cgroup_driver, found.is_alone) == (2, driver, alone)
        assert found.kernel != os.uname().release
        assert ("podresize.slice/" in cgroups[0]) is (driver == "systemd")
        assert update.answer.is_ok, update.answer
        assert update.after.kernel["cpu.max"] == "80000 100000"
        assert update.after.kernel["memory.max"] == str(96 * MIB)
        assert update.after.process == update.before.process
        assert "the pod's cgroup" in update.after.around
        assert update.after.oci is not None
        assert update.after.oci["cpu_shares"] == 1024
        assert json.loads(told.stdout)["pid"] == 1
        assert (stopped.state, stopped.process.get("pid")) == ("CONTAINER_EXITED", None)

    assert leftovers(name) == []


def test_memory_alone_resets_a_period_where_runc_stands_alone_below_systemd() -> None:
    """Deviation R-05; a containerd that hands over everything hides it."""
    seen = {}
    for name, target in (("alone", ALONE), ("containerd", V2)):
        with up(dataclasses.replace(target, cgroup_driver="systemd")) as reach:
            with Containers(reach) as containers:
                container = containers.running(cpu_quota=0, cpu_period=200_000)
                update = container.update(memory_limit_in_bytes=192 * MIB)
            both = (update.before, update.after)
            seen[name] = [each.kernel["cpu.max"] for each in both]

    assert seen["containerd"] == ["max 200000", "max 200000"]
    assert seen["alone"] == ["max 200000", "max 100000"]


@one_commit_in_three(2)
def test_its_containerd_is_stopped_and_started_under_its_containers() -> None:
    with up(V2) as reach, Containers(reach) as containers:
        container = containers.running()
        before = container.now()

        control.stop(reach.handle, "containerd", kill=True)
        assert control.running(reach.handle) == {"containerd": False}
        control.start(reach.handle, "containerd")

        assert container.now() == before
        assert container.footprint()["memory"] > MIB
        assert container.footprint()["files"] > 5


@one_commit_in_three(2)
def test_nothing_is_left_of_one_whose_owner_is_killed() -> None:
    name = own_name("vr")
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    handle = RuntimeHandle.from_json(json.loads(owner.stdout.readline()))
    assert handle.agent is not None
    assert any("qemu-system" in each for each in processes_of(name).values())

    owner.kill()
    owner.communicate(timeout=60)

    assert leftovers_after(name) == []
    assert why_dead(handle) is not None


@one_commit_in_three(1)
@pytest.mark.parametrize("words", CELLS.values(), ids=CELLS)
def test_the_suite_has_nothing_unexpected(words: tuple[str, ...], tmp_path: Path) -> None:
    asked = ("certify-runtime", "--provider=vm", "--cgroup=v2", *words, f"--out={tmp_path}")
    done = podresize(*asked, timeout=_CERTIFY_SECONDS)
    run = Finished(code=done.returncode, output=done.stdout, out=tmp_path)

    print(run.output[-6000:])
    assert run.code == 0, run.unexpected
    (target,) = run.of("target")
    assert target["fingerprint"]["cgroup_version"] == 2
