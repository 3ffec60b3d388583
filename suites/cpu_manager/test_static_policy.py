"""Pods with CPUs of their own: the static CPU manager and the static memory manager.

The announcement calls the static policy unsupported; 1.27 takes such a resize all the same and
leaves ``cpuset`` as it was. Later releases call it infeasible, in words (KL-50, KL-51).
"""

from __future__ import annotations

import pytest

from podresize_fixtures import (
    QUICK_SYNC,
    STATIC,
    Change,
    Pods,
    claim,
    expectation,
    requirement,
    verify,
)

WHOLE = {"cpu": "1", "memory": "64Mi"}
EXCLUSIVE = [{"requests": WHOLE, "limits": WHOLE}]
# The Static memory manager would keep such a pod's memory as it is.
STATIC_CPU = pytest.mark.own_cluster(cpu_manager_policy="static", kubelet=QUICK_SYNC)
# The static CPU manager looks each 10 s (cpuManagerReconcilePeriod).
_RECONCILED_SECONDS = 12.0
SHARED = {"cpu": "100m", "memory": "64Mi"}


@requirement("KL-50", "ST-10", "ST-17", "PR-20")
@STATIC
def test_a_guaranteed_pod_keeps_its_cpus(pods: Pods) -> None:
    """One whole CPU, resized to less than one."""
    change = Change(cpu="-500m")
    pod = pods.running(resources=EXCLUSIVE)

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@requirement("PR-21", "KL-30")
@STATIC
def test_the_cpuset_stays_where_nobody_asks_the_manager(pods: Pods) -> None:
    """To 1.31: the quota follows, the CPUs do not, nor when the manager next puts them right."""
    change = Change(cpu="-500m")
    pod = pods.running(resources=EXCLUSIVE)
    before = pods.node.cpuset(pod)

    timeline = pod.resize(change, settle=_RECONCILED_SECONDS)

    claim("PR-21", "cpuset.cpus of the container", got=pods.node.cpuset(pod), want=before)
    verify(timeline, expectation(pod, change))


@requirement("PR-60")
@STATIC
def test_cpus_of_ones_own_have_no_quota(pods: Pods) -> None:
    """As started, and after a resize that the policy does not grant."""
    pod = pods.running(resources=EXCLUSIVE)

    _claim_no_quota(pods.node.files(pod), "as started")
    pod.resize(Change(cpu="-500m"))

    _claim_no_quota(pods.node.files(pod), "after an infeasible resize")


@requirement("PR-60", "KL-30", "KL-32", "KL-34", "PR-01", "PR-20")
@STATIC_CPU
def test_a_resize_of_memory_brings_no_quota(pods: Pods) -> None:
    """The update of memory carries cpu, a quota of -1 included; 1.33 does not grant it."""
    change = Change(memory="+32Mi")
    pod = pods.running(resources=EXCLUSIVE)

    timeline = pod.resize(change)

    _claim_no_quota(pods.node.files(pod), "after a resize of memory")
    verify(timeline, expectation(pod, change))


@requirement("KL-30", "KL-34", "ST-21", "PR-01")
@STATIC
@pytest.mark.profile("extended")
def test_a_burstable_pod_is_resized(pods: Pods) -> None:
    """It has no CPUs of its own: the policy has nothing to say."""
    change = Change(cpu="+50m", memory="+32Mi")
    pod = pods.running(qos="Burstable")

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@requirement("KL-51", "ST-10", "ST-17", "PR-20")
@STATIC
@pytest.mark.parametrize(
    "change",
    [
        Change(memory="+32Mi"),
        pytest.param(Change(cpu="+50m"), marks=pytest.mark.profile("extended")),
    ],
    ids=str,
)
def test_a_guaranteed_pod_keeps_its_memory(pods: Pods, change: Change) -> None:
    """Memory of one NUMA node; a change of cpu alone is another matter from 1.34 on."""
    pod = pods.running(resources=[{"requests": SHARED, "limits": SHARED}])

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


def _claim_no_quota(files: dict[str, str], when: str) -> None:
    """Claim that neither the container nor the pod has one, in the file of the cgroup's version."""
    is_v1 = "c1 cpu.cfs_quota_us" in files
    name, none = ("cpu.cfs_quota_us", "-1") if is_v1 else ("cpu.max", "max 100000")
    for subject in ("c1", "pod"):
        found = files.get(f"{subject} {name}")
        claim("PR-60", f"{name} of {subject}, {when}", got=found, want=none)
