"""What kubelet and apiserver count of a resize (KEP-1287, "Monitoring Requirements").

Their counters are of the whole node: beside other checks they rise by what this resize adds, at
least; on a node of the check's own by exactly that.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import QUICK_SYNC, STATIC, Change, Pods, expectation, requirement, verify

# core counts one that is granted at once, one that is deferred before, and one that never is.
EXTENDED = pytest.mark.profile("extended")


@requirement("ST-40", "ST-41", "ST-47")
@EXTENDED
def test_a_granted_resize_is_counted(pods: Pods) -> None:
    """One request up, one limit up, one request down: each counts for itself."""
    change = Change(cpu="+50m", memory="-16Mi")
    pod = pods.running(qos="Burstable")

    timeline = pod.resize(change, metrics=True)

    verify(timeline, expectation(pod, change))


@requirement("ST-40", "ST-41", "ST-42", "ST-44", "ST-47")
@pytest.mark.own_cluster(kubelet=QUICK_SYNC)
def test_a_granted_resize_is_counted_exactly(pods: Pods) -> None:
    """Nobody else is on the node."""
    change = Change(cpu="+50m", memory="+32Mi")
    pod = pods.running(qos="Guaranteed", containers=2)

    timeline = pod.resize(change, metrics=True)

    verify(timeline, expectation(pod, change))


@requirement("ST-10", "ST-14", "ST-15", "ST-30", "ST-40", "ST-42", "ST-44", "PR-10", "PR-13")
@EXTENDED
@pytest.mark.own_cluster(kubelet=QUICK_SYNC)
def test_a_deferred_resize_is_counted(pods: Pods) -> None:
    """The whole node is asked for, which the other pods on it do not leave."""
    change = Change(cpu=pods.allocatable["cpu"], scope="requests")
    pods.running(resources=[{"requests": {"cpu": "200m", "memory": "64Mi"}}])
    pod = pods.running(resources=[{"requests": {"cpu": "100m", "memory": "64Mi"}}])

    timeline = pod.resize(change, metrics=True)

    verify(timeline, expectation(pod, change))


@requirement("ST-11", "ST-30", "ST-41", "ST-42", "ST-44", "ST-45", "ST-46", "PR-11", "PR-13")
@pytest.mark.own_cluster(kubelet=QUICK_SYNC)
def test_a_deferred_resize_that_is_granted_is_counted(pods: Pods) -> None:
    """The pod that is in the way goes, and the resize is granted."""
    change = Change(cpu=pods.allocatable["cpu"])
    filler = pods.running(resources=[{"requests": {"cpu": "200m", "memory": "64Mi"}}])
    pod = pods.running(qos="Guaranteed")
    pod.resize(change)

    timeline = pod.observe(filler.delete, what=f"DELETE pod {filler.name}", metrics=True)

    verify(timeline, expectation(pod))


@requirement("ST-10", "ST-17", "ST-30", "ST-42", "ST-43", "PR-13")
@STATIC
def test_an_infeasible_resize_is_counted(pods: Pods) -> None:
    """A Guaranteed pod's cpu request beside the static CPU manager, which 1.34 and later refuse."""
    change = Change(cpu="+50m")
    pod = pods.running(qos="Guaranteed")

    timeline = pod.resize(change, metrics=True)

    verify(timeline, expectation(pod, change))
