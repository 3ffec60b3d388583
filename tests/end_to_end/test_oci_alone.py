"""OCI runtimes alone, real ones: driven without containerd, judged, and nothing of them left."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.finished_run import Finished, podresize
from tests.end_to_end.real_clusters import leftovers, leftovers_after, own_name, processes_of

from podresize.providers import control
from podresize.providers.runtimes import provider
from podresize.requirements.runtime_target import RuntimeHandle, RuntimeTarget
from podresize_fixtures.runtimes.reach import RuntimeReach, reach_runtime, why_dead

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

MIB = 1 << 20
RESOURCES = {
    "cpu_shares": 300,
    "cpu_quota": 20_000,
    "cpu_period": 100_000,
    "memory_limit_in_bytes": 64 * MIB,
}
# A refusal, a pause, an exec, and what is unsupported there.
QUICK = ("RT-23", "RT-26", "RT-18", "RT-24", "RT-35")
OWNER = """
import json, os, sys
from podresize.providers.runtimes import provider
from podresize.requirements.runtime_target import RuntimeTarget
handle = provider.up(RuntimeTarget(alone=True), name=sys.argv[1], owner=os.getpid())
print(json.dumps(handle.to_json()), flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def alone(oci_runtime: str) -> Iterator[RuntimeReach]:
    handle = provider.up(
        RuntimeTarget(alone=True, oci_runtime=oci_runtime), name=own_name("oa"), owner=os.getpid()
    )
    try:
        with reach_runtime(handle, "test") as reach:
            yield reach
    finally:
        provider.end(handle)


def container(reach: RuntimeReach) -> tuple[str, str]:
    """Return the id of a container that is created, and its sandbox's cgroup."""
    parent = f"/{reach.handle.cgroup_parent}/pod"
    sandbox = reach.service.run_sandbox(name="pod", run=reach.run, cgroup_parent=parent)
    made = reach.service.create(sandbox, name="c", image=reach.handle.image, resources=RESOURCES)
    return made, parent


@pytest.mark.parametrize("oci_runtime", ["runc", "crun"])
def test_a_container_is_made_updated_and_ended_and_every_witness_sees_it(oci_runtime: str) -> None:
    with alone(oci_runtime) as reach:
        made, parent = container(reach)
        created = reach.camera.take(made, parent=parent)
        reach.service.start(made)
        refused = reach.service.update(made, {"cpuset_cpus": "4096"})
        granted = reach.service.update(made, {"cpu_shares": 700})
        updated = reach.camera.take(made, parent=parent)
        told = reach.service.execute(made, "/probe", "identity")
        reach.service.stop(made)
        stopped = reach.camera.take(made, parent=parent)
        reach.service.remove_sandbox("pod")
        gone = reach.camera.take(made, parent=parent)

        found = reach.handle.fingerprint
        assert (found.oci_runtime, found.runtime, found.is_alone) == (oci_runtime, "", True)
        assert (created.state, updated.state) == ("CONTAINER_CREATED", "CONTAINER_RUNNING")
        assert created.process.items() <= updated.process.items()
        weight = "cpu.shares" if found.cgroup_version == 1 else "cpu.weight"
        assert created.kernel[weight] != updated.kernel[weight]
        assert (updated.oci is None) is (oci_runtime != "runc")
        assert (granted.code, granted.message) == ("OK", "")
        assert (refused.code, refused.message != "") == ("UNKNOWN", True)
        assert json.loads(told.stdout)["pid"] == 1
        assert (stopped.state, stopped.process.get("pid")) == ("CONTAINER_EXITED", None)
        assert (gone.state, gone.kernel) == (None, {})
        name = reach.handle.name or ""
        assert not [each for each in processes_of(name).values() if "containerd" in each]

    assert leftovers(name) == []


def test_what_is_not_there_is_seen_before_a_check_would_ask_it() -> None:
    with alone("runc") as reach:
        assert control.running(reach.handle) == {}
        assert why_dead(reach.handle) is None

    assert "ended" in (why_dead(reach.handle) or "")


def test_nothing_is_left_of_one_whose_owner_is_killed() -> None:
    name = own_name("oa")
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    handle = RuntimeHandle.from_json(json.loads(owner.stdout.readline()))
    with reach_runtime(handle, "test") as reach:
        made, _ = container(reach)
        reach.service.start(made)
        owner.kill()
        owner.communicate(timeout=20)

        assert leftovers_after(name) == []


def test_two_are_certified_side_by_side_and_what_asks_cri_is_unsupported(tmp_path: Path) -> None:
    words = ("certify-runtime", *QUICK, "--oci-alone", "--and", "-/crun", f"--out={tmp_path}")
    done = podresize(*words, timeout=300)
    run = Finished(code=done.returncode, output=done.stdout, out=tmp_path)

    assert run.code == 0, run.unexpected
    targets = {each["target"]: each["fingerprint"]["oci_runtime"] for each in run.of("target")}
    assert sorted(targets.values()) == ["crun", "runc"]
    for target in targets:
        assert " alone, " in target
        found = {
            (each["requirement"], each["verdict"])
            for each in run.of("verdict")
            if each["target"] == target and each["requirement"] in QUICK
        }
        unsupported = {id_ for id_, verdict in found if verdict == "unsupported"}
        assert unsupported == {"RT-35"}
        assert {id_ for id_, verdict in found if verdict == "passed"} == {*QUICK} - unsupported
