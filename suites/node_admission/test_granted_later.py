"""A deferred resize is granted when another pod makes room (KEP-1287, "Retrying Deferred Resizes").

How the room comes about differs: a pod is deleted, shrinks, or finishes and stays as an object.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import QUICK_SYNC, Change, Pods, expectation, requirement, verify

pytestmark = pytest.mark.own_cluster(kubelet=QUICK_SYNC)

# core has one check of each kind.
EXTENDED = pytest.mark.profile("extended")

MORE, BACK = Change(cpu="+500m"), Change(cpu="-500m")
LATER = ("KL-10", "KL-30", "KL-32", "KL-34", "ST-20", "ST-21", "PR-01", "PR-10")


@requirement("KL-03", *LATER)
def test_granted_when_another_pod_leaves(pods: Pods) -> None:
    """The room of a pod that is gone is given to the one that waits."""
    filler = pods.filling(leave={"cpu": "300m"})
    pod = pods.running(qos="Guaranteed")
    verify(pod.resize(MORE), expectation(pod, MORE))

    timeline = pod.observe(filler.delete, what="DELETE the pod that fills the node")

    verify(timeline, expectation(pod))


@requirement("KL-03", *LATER)
@EXTENDED
def test_granted_when_another_pod_shrinks(pods: Pods) -> None:
    """One pod's resize down lets another's resize up."""
    filler = pods.filling(leave={"cpu": "300m"})
    pod = pods.running(qos="Guaranteed")
    verify(pod.resize(MORE), expectation(pod, MORE))

    timeline = pod.observe(lambda: filler.ask(BACK), what="a smaller pod that fills the node")

    verify(timeline, expectation(pod))


@requirement("KL-03", *LATER)
@EXTENDED
def test_granted_when_another_pod_finishes(pods: Pods) -> None:
    """A pod whose containers have ended needs no room, though its object stays (K-27)."""
    filler = pods.filling(leave={"cpu": "300m"}, restart_policy="Never")
    pod = pods.running(qos="Guaranteed")
    verify(pod.resize(MORE), expectation(pod, MORE))

    timeline = pod.observe(filler.finish, what="end of the pod that fills the node")

    verify(timeline, expectation(pod))


@requirement("KL-03", "KL-13", "KL-30", "KL-34", "PR-01", "PR-10", "PR-20")
def test_going_back_withdraws_it(pods: Pods) -> None:
    """The spec goes back to what is allocated: nothing is pending, nothing was written."""
    pods.filling(leave={"cpu": "300m"})
    pod = pods.running(qos="Guaranteed")
    verify(pod.resize(MORE), expectation(pod, MORE))

    timeline = pod.resize(BACK)

    verify(timeline, expectation(pod, BACK))


@requirement("KL-11")
@pytest.mark.parametrize(
    ("first", "second"),
    [pytest.param(1000, 10, id="high"), pytest.param(10, 1000, id="low", marks=EXTENDED)],
)
def test_the_higher_priority_is_granted_first(pods: Pods, first: int, second: int) -> None:
    """Whichever of the two was asked first: there is room for one."""
    filler = pods.filling(leave={"cpu": "300m"})
    waiting = {
        priority: pods.running(qos="Guaranteed", priorityClassName=pods.node.priority(priority))
        for priority in (first, second)
    }
    verify(waiting[first].resize(MORE), expectation(waiting[first], MORE))
    verify(waiting[second].resize(MORE), expectation(waiting[second], MORE))

    timeline = waiting[1000].observe(
        lambda: filler.ask(Change(cpu="-350m")), what="room for one of the two that wait"
    )

    verify(timeline, expectation(waiting[1000]))


@requirement("KL-11")
@EXTENDED
def test_guaranteed_is_granted_before_burstable(pods: Pods) -> None:
    """Of two alike in priority the class decides, though the other one has waited longer."""
    filler = pods.filling(leave={"cpu": "300m"})
    burstable, guaranteed = pods.running(qos="Burstable"), pods.running(qos="Guaranteed")
    verify(burstable.resize(MORE), expectation(burstable, MORE))
    verify(guaranteed.resize(MORE), expectation(guaranteed, MORE))

    timeline = guaranteed.observe(
        lambda: filler.ask(Change(cpu="-350m")), what="room for one of the two that wait"
    )

    verify(timeline, expectation(guaranteed))


@requirement("KL-10", "KL-11")
@EXTENDED
def test_one_after_the_other_as_room_is_made(pods: Pods) -> None:
    """Of two alike the one that has waited longer is granted first; then there is room for both."""
    filler = pods.filling(leave={"cpu": "300m"})
    early, late = pods.running(qos="Guaranteed"), pods.running(qos="Guaranteed")
    verify(early.resize(MORE), expectation(early, MORE))
    # The times of conditions are whole seconds.
    early.observe(lambda: None, what="waiting", surroundings=None, settle=2.5)
    verify(late.resize(MORE), expectation(late, MORE))

    first = early.observe(lambda: filler.ask(Change(cpu="-350m")), what="room for one")
    verify(first, expectation(early))
    second = late.observe(lambda: filler.ask(BACK), what="room for the other")

    verify(second, expectation(late))
