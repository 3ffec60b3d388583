"""A resize that the node cannot grant: called so, enacted in no part (KEP-1287, "Resize Status").

Every check has the node for itself, so that what fits is known before it is asked.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import QUICK_SYNC, Change, Pods, expectation, requirement, verify

pytestmark = pytest.mark.own_cluster(kubelet=QUICK_SYNC)

# core has one of each kind.
EXTENDED = pytest.mark.profile("extended")
MORE = Change(cpu="+500m")
SHOWN = ("ST-01", "ST-05", "ST-10", "ST-14", "ST-15", "ST-17", "ST-27", "PR-10", "PR-12", "PR-13")
pending = requirement("KL-01", "KL-02", "KL-03", *SHOWN, "PR-01", "PR-20")


@pending
@pytest.mark.parametrize(
    "change",
    [Change(cpu="+100"), pytest.param(Change(memory="+1000Gi"), marks=EXTENDED)],
    ids=str,
)
def test_more_than_the_node_has_is_never_granted(pods: Pods, change: Change) -> None:
    """Infeasible up to 1.35; from 1.36 on the apiserver refuses it (API-41)."""
    pod = pods.running(qos="Guaranteed")

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@requirement("API-41")
@EXTENDED
def test_more_than_the_node_has_is_refused_with_the_numbers(pods: Pods) -> None:
    """Both resources at once, each with what is asked for and what there is."""
    change = Change(cpu="+100", memory="+1000Gi")
    pod = pods.running(qos="Guaranteed")

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@pending
@pytest.mark.parametrize("qos", ["Guaranteed", pytest.param("Burstable", marks=EXTENDED)])
def test_more_than_the_node_has_left_is_deferred(pods: Pods, qos: str) -> None:
    """The node could hold it, were it not for another pod."""
    pods.filling(leave={"cpu": "300m"})
    pod = pods.running(qos=qos)

    timeline = pod.resize(MORE)

    verify(timeline, expectation(pod, MORE))


@pending
def test_another_wish_that_waits_is_told_as_one(pods: Pods) -> None:
    """The condition is written anew with its message and generation, and keeps reason and time."""
    pods.filling(leave={"cpu": "300m"})
    pod = pods.running(qos="Guaranteed")
    verify(pod.resize(MORE), expectation(pod, MORE))

    timeline = pod.resize(MORE)

    verify(timeline, expectation(pod, MORE))


@pending
def test_one_container_too_many_keeps_all_as_they_are(pods: Pods) -> None:
    """The change of the second container would fit alone; it waits with the first one's."""
    change = Change(cpu="+500m", container="c1") & Change(memory="+32Mi", container="c2")
    pods.filling(leave={"cpu": "300m"})
    pod = pods.running(qos="Burstable", containers=2)

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@pending
@EXTENDED
def test_memory_that_is_taken_is_waited_for_with_cpu_that_is_free(pods: Pods) -> None:
    """cpu would fit; a resize is granted as a whole."""
    change = Change(cpu="+50m", memory="+800Mi")
    pods.filling(leave={"memory": "512Mi"})
    pod = pods.running(qos="Guaranteed")

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@requirement("KL-04", "KL-30", "PR-01")
def test_a_full_node_grants_what_increases_nothing(pods: Pods) -> None:
    """Nothing is left, and nothing is needed."""
    change = Change(cpu="-20m")
    pod = pods.running(qos="Guaranteed")
    pods.filling(leave={"cpu": "10m"})

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))
