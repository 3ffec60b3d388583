"""Containers of testcontainers for real: runtimes alone, and a killed process's leftovers."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator

import pytest
from tests.end_to_end.cri_pods import CriPod
from tests.end_to_end.engines import RealEngine, engine
from tests.end_to_end.leading import leading_to
from tests.end_to_end.real_clusters import until

from podresize.cri.client import RuntimeClient
from podresize.providers.containers.containerd import Containerd

__all__ = ["engine"]

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

# Whether a container's status tells its resources: known of containerd since 1.6.9.
REPORTS = {"1.6.8": False, "1.6.36": True, "2.1.4": True}
BEFORE = {"cpu_period": 100_000, "cpu_quota": 20_000, "cpu_shares": 102}
BEFORE |= {"memory_limit_in_bytes": 64 << 20}
AFTER = {"cpu_period": 100_000, "cpu_quota": 50_000, "cpu_shares": 307}
AFTER |= {"memory_limit_in_bytes": 96 << 20}
PARENT = "/pods"
# The reaper waits 10 s for a client that might come back.
_REAPED_SECONDS = 60.0
_MAKE = """
import os, sys
from testcontainers.core.network import Network
from testcontainers.core.labels import LABEL_SESSION_ID, SESSION_ID
from podresize.providers.containers.containerd import Containerd
from podresize.providers.containers.registry import Registry
runtime = Containerd("1.6.36").start()
registry = Registry().start()
network = Network().create()
runtime.get_docker_client().client.volumes.create(
    name=f"left-{SESSION_ID}", labels={LABEL_SESSION_ID: SESSION_ID}
)
print("made", flush=True)
sys.stdin.read()
"""
_ONE = """
import sys
from podresize.providers.containers.containerd import Containerd
runtime = Containerd("1.6.36").start()
print("made", flush=True)
sys.stdin.read()
"""
_SWEEP = """
from podresize.providers.containers.owning import sweep
from podresize.providers.kind.engine import find_engine
print(sweep(find_engine()))
"""


@pytest.fixture
def led(engine: RealEngine) -> Iterator[None]:
    """This process's environment leads to the engine."""
    with leading_to(engine):
        yield


@contextlib.contextmanager
def pod_on(runtime: Containerd) -> Iterator[CriPod]:
    pod = CriPod(runtime.endpoint, cgroup_parent=PARENT, resources=BEFORE)
    try:
        yield pod
    finally:
        pod.close()


def kernel(runtime: Containerd, pod: CriPod) -> dict[str, int]:
    """What the kernel has for the pod's container, under the CRI's names."""
    version, _ = runtime.node.cgroups()
    place = f"{PARENT}/{pod.container}"
    if version == 2:
        quota, period = (runtime.cgroup("cpu", place) / "cpu.max").read_text().split()
        memory = (runtime.cgroup("memory", place) / "memory.max").read_text()
        return {
            "cpu_quota": int(quota),
            "cpu_period": int(period),
            "memory_limit_in_bytes": int(memory),
        }
    cpu, memory_group = runtime.cgroup("cpu", place), runtime.cgroup("memory", place)
    files = {
        "cpu_quota": cpu / "cpu.cfs_quota_us",
        "cpu_period": cpu / "cpu.cfs_period_us",
        "cpu_shares": cpu / "cpu.shares",
        "memory_limit_in_bytes": memory_group / "memory.limit_in_bytes",
    }
    return {name: int(file.read_text()) for name, file in files.items()}


@pytest.mark.usefixtures("led")
@pytest.mark.parametrize("containerd", REPORTS)
def test_a_runtime_alone_resizes_and_tells_it_as_its_version_does(
    engine: RealEngine, containerd: str
) -> None:
    before = engine.things["containers"] | engine.things["volumes"]
    with (
        Containerd(containerd) as runtime,
        RuntimeClient(runtime.endpoint) as cri,
        pod_on(runtime) as pod,
    ):
        assert cri.version()["runtime_version"] == f"v{containerd}"
        status = cri.container_status(pod.container)
        assert status["state"] == "CONTAINER_RUNNING"
        had = kernel(runtime, pod)
        assert had == {name: BEFORE[name] for name in had}

        pod.update(**AFTER)

        has = kernel(runtime, pod)
        after = cri.container_status(pod.container)
        print(containerd, "kernel", has, "runtime", after["resources"])
        assert has == {name: AFTER[name] for name in has}
        assert (after["id"], after["started_at"]) == (status["id"], status["started_at"])
        if REPORTS[containerd]:
            told = after["resources"]
            assert {name: told[name] for name in AFTER} == AFTER
        else:
            assert status["resources"] is None
            assert after["resources"] is None
    # The reaper of this process stays until the process ends.
    left = (engine.things["containers"] | engine.things["volumes"]) - before
    assert {name for name in left if not name.startswith("testcontainers-ryuk-")} == set()


def test_what_a_killed_process_left_is_reaped(engine: RealEngine) -> None:
    before = engine.things
    with engine.start(sys.executable, "-c", _MAKE) as owner:
        try:
            assert owner.stdout is not None
            said = []
            for line in owner.stdout:
                said.append(line)
                if line == "made\n":
                    break
            made = {kind: names - before[kind] for kind, names in engine.things.items()}
            print(made, *said)
            assert len(made["containers"]) == 3, said
            assert len(made["networks"]) == 1
            assert len(made["volumes"]) >= 2
            os.kill(owner.pid, signal.SIGKILL)
            began = time.monotonic()

            def is_gone() -> bool:
                now = engine.things
                return not any(now[kind] & names for kind, names in made.items())

            assert until(is_gone, deadline=_REAPED_SECONDS, every=0.5), engine.things
            print(f"gone {time.monotonic() - began:.1f} s after the kill")
        finally:
            owner.kill()


def test_without_a_reaper_the_next_process_removes_what_a_killed_one_left(
    engine: RealEngine,
) -> None:
    without = RealEngine(engine.environment | {"TESTCONTAINERS_RYUK_DISABLED": "true"})
    before = engine.things
    with without.start(sys.executable, "-c", _ONE) as owner:
        try:
            assert owner.stdout is not None
            assert "made\n" in owner.stdout
            (left,) = engine.things["containers"] - before["containers"]
            lives = without.run(sys.executable, "-c", _SWEEP, seconds=_REAPED_SECONDS)
            assert lives.stdout.strip() == "[]"
            assert left in engine.things["containers"]
            os.kill(owner.pid, signal.SIGKILL)
            assert owner.wait(_REAPED_SECONDS) == -signal.SIGKILL
        finally:
            owner.kill()
    assert left in engine.things["containers"]

    swept = without.run(sys.executable, "-c", _SWEEP, seconds=_REAPED_SECONDS)

    assert swept.returncode == 0, swept.stdout
    assert engine.things == before
