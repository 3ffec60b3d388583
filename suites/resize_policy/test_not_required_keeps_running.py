"""A resize whose policy is NotRequired leaves the container alone (KEP-1287, "Resize Policy").

"No restart" is proved five times: container id, start time, process id with its own start time,
restart count, and the workload's heartbeat. The kernel must hold the new values meanwhile, in the
container's cgroup and in the pod's, and nothing else in them may change.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import Change, Pods, expectation, requirement, verify

# core has one of each kind.
EXTENDED = pytest.mark.profile("extended")
# The kubelet asks its runtime once a second how the containers are (PLEG): what it is told after a
# resize that has long been done may yet make it end one.
AFTERWARDS = 6.0
pytestmark = requirement("KL-30", "KL-31", "KL-32", "KL-34", "ST-27", "PR-01", "PR-20")


@pytest.mark.parametrize(
    "qos",
    [
        pytest.param("Guaranteed", marks=pytest.mark.profile("headline", "core")),
        pytest.param("Burstable", marks=pytest.mark.profile("headline")),
    ],
)
def test_requests_and_limits_change_without_restart(pods: Pods, qos: str) -> None:
    """cpu and memory, requests and limits, in one patch; nothing restarts, soon after neither."""
    change = Change(cpu="+50m", memory="+32Mi")
    pod = pods.running(qos=qos)

    timeline = pod.resize(change, settle=AFTERWARDS)

    verify(timeline, expectation(pod, change))


@requirement("KL-04")
@pytest.mark.quick_sync
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(Change(cpu="-20m"), marks=EXTENDED),
        Change(cpu="-20m", memory="-32Mi"),
        pytest.param(Change(cpu="+50m", memory="-32Mi"), marks=EXTENDED),
    ],
    ids=str,
)
def test_a_decrease_needs_no_restart(pods: Pods, change: Change) -> None:
    """What shrinks is lowered in the containers first, then in the pod."""
    pod = pods.running(qos="Guaranteed")

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@EXTENDED
@pytest.mark.quick_sync
def test_containers_move_in_opposite_directions(pods: Pods) -> None:
    """One container grows by what another gives up; the third is not touched."""
    change = Change(cpu="+50m", memory="-32Mi", container="c1") & Change(
        cpu="-20m", memory="+32Mi", container="c2"
    )
    pod = pods.running(qos="Guaranteed", containers=3)

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@pytest.mark.quick_sync
def test_a_pod_that_is_never_restarted_can_be_resized(pods: Pods) -> None:
    """restartPolicy Never is about containers that end; a resize in place ends none."""
    change = Change(cpu="+50m", memory="+32Mi")
    pod = pods.running(qos="Burstable", restart_policy="Never")

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))
