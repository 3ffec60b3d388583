"""What the pod's status says from the patch to the end of a resize (KEP-1287, "Resize Status").

Each change is asked of a running pod; the API's watch, its Events, the runtime's ContainerStatus
and the cgroup files are followed on one clock until all hold the new values or the time is over.
"""

from __future__ import annotations

import dataclasses

import pytest

from podresize_fixtures import QUICK_SYNC, Change, Pods, expectation, requirement, verify

CHANGES = [
    Change(cpu="+50m"),
    Change(memory="+32Mi"),
    Change(cpu="+50m", memory="-32Mi"),
]
CORE = [("Guaranteed", CHANGES[0]), ("Burstable", CHANGES[1]), ("Guaranteed", CHANGES[2])]
SCOPES = ["both", "requests", "limits"]
SIZES = [
    Change(cpu="+50m"),
    Change(cpu="-30m"),
    Change(memory="+32Mi"),
    Change(memory="-16Mi"),
    Change(cpu="+50m", memory="+32Mi"),
    Change(cpu="-30m", memory="+32Mi"),
]
follows = requirement(
    *("API-01", "API-02", "ST-01", "ST-02", "ST-05", "ST-10", "ST-11", "ST-14", "ST-15"),
    *("ST-20", "ST-21", "ST-22", "ST-26", "ST-30", "CRI-03"),
    *("PR-01", "PR-10", "PR-11", "PR-12", "PR-13"),
)


@follows
@pytest.mark.parametrize(
    ("qos", "change"),
    [
        pytest.param(
            qos,
            change,
            # core has each change and each class.
            marks=pytest.mark.profile("headline", *(["core"] if (qos, change) in CORE else [])),
        )
        for qos in ("Guaranteed", "Burstable")
        for change in CHANGES
    ],
    ids=str,
)
def test_status_follows_the_resize(pods: Pods, qos: str, change: Change) -> None:
    """Proposed, InProgress, done; allocatedResources and resources arrive at the new values."""
    pod = pods.running(qos=qos)

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@follows
@pytest.mark.quick_sync
def test_containers_that_move_in_opposite_directions(pods: Pods) -> None:
    """Each container has its own values at the end, and the pod their sums."""
    change = Change(cpu="+50m", container="c1") & Change(cpu="-30m", memory="+32Mi", container="c2")
    pod = pods.running(qos="Guaranteed", containers=2)

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@requirement("ST-03", "ST-21", "ST-30", "PR-10")
@pytest.mark.quick_sync
@pytest.mark.parametrize(
    "change",
    [
        Change(cpu="+50m", scope="limits"),
        pytest.param(Change(memory="+32Mi", scope="limits"), marks=pytest.mark.profile("extended")),
    ],
    ids=str,
)
def test_a_change_of_limits_alone(pods: Pods, change: Change) -> None:
    """It is enacted; up to 1.31 status.resize says nothing of it."""
    pod = pods.running(qos="Burstable")

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@requirement("ST-22", "ST-21", "PR-13")
@pytest.mark.quick_sync
def test_a_limit_that_is_not_there_is_not_shown(pods: Pods) -> None:
    """Containers without any limit: the status has requests and nothing else."""
    change = Change(memory="+32Mi", scope="requests")
    pod = pods.running(resources=[{"requests": {"cpu": "100m", "memory": "64Mi"}}])

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@requirement("ST-23", "ST-21")
@pytest.mark.quick_sync
def test_a_resize_below_what_the_kernel_holds(pods: Pods) -> None:
    """2m and 1m are the same two shares: the status shows what was asked for all the same."""
    change = Change(cpu="1m", scope="requests")
    pod = pods.running(resources=[{"requests": {"cpu": "2m", "memory": "64Mi"}}])

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@requirement("PR-14")
# A statement about the host as well: where checks fill its processors nobody looks so often.
@pytest.mark.profile("extended")
@pytest.mark.own_cluster(kubelet=QUICK_SYNC)
def test_the_cgroups_are_sampled_fast_enough(pods: Pods) -> None:
    """What later says that something was never seen rests on how often somebody looked."""
    change = Change(cpu="+50m", memory="+32Mi")
    pod = pods.running(qos="Guaranteed")

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@follows
@pytest.mark.profile("extended")
@pytest.mark.quick_sync
@pytest.mark.parametrize("containers", [1, 2])
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_burstable_in_every_scope(pods: Pods, size: Change, scope: str, containers: int) -> None:
    """Requests, limits and both, up, down and mixed."""
    change = dataclasses.replace(size, scope=scope, container="c1")
    pod = pods.running(qos="Burstable", containers=containers)

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@follows
@pytest.mark.profile("extended")
@pytest.mark.quick_sync
@pytest.mark.parametrize("containers", [1, 2])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_guaranteed(pods: Pods, size: Change, containers: int) -> None:
    """Requests and limits stay equal; the other container stays as it is."""
    change = dataclasses.replace(size, container="c1")
    pod = pods.running(qos="Guaranteed", containers=containers)

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))
