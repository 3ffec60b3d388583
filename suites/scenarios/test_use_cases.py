"""What people resize pods for (blog 2023-05-12, "What are the use cases?"): from need to relief.

Each check brings the need about first: without the resize the pod would wait, be killed or be
evicted. Then the resize is asked for, as whoever looks after such a pod would.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import QUICK_SYNC, Change, Pods, claim, expectation, requirement, verify

DONE = ("PR-03", "KL-34", "PR-01")


@requirement("UC-01", *DONE)
@pytest.mark.quick_sync
def test_a_pod_grows_with_its_load_and_shrinks_after_it(pods: Pods) -> None:
    """More cpu and memory while they are needed, less again, and the process is the same one."""
    more, less = Change(cpu="+100m", memory="+64Mi"), Change(cpu="-100m", memory="-64Mi")
    pod = pods.running(qos="Burstable", grows="100m")

    grown = pod.resize(more)
    verify(grown, expectation(pod, more))
    shrunk = pod.resize(less)

    verify(shrunk, expectation(pod, less))
    claim("UC-01", "the spec, the containers and the labels", got=pod.is_untouched, want=True)


@requirement("UC-02")
@pytest.mark.own_cluster(kubelet=QUICK_SYNC)
def test_a_pending_pod_gets_the_room_of_one_that_shrinks(pods: Pods) -> None:
    """The node is full; a pod that uses less than it asked for gives it back."""
    idle = pods.filling(leave={"cpu": "100m"})
    waiting = pods.running(resources=[{"requests": {"cpu": "300m"}}], runs=False)
    claim(
        "UC-02",
        "the scheduler's reason",
        got=waiting.unschedulable(within=pods.patience(20.0)),
        want=True,
    )

    idle.resize(Change(cpu="-400m"))

    claim("UC-02", "the waiting pod runs", got=waiting.runs(within=pods.patience(60.0)), want=True)
    claim("UC-02", "restarts of the pod that shrank", got=idle.restarts, want=0)


@requirement("UC-03", "KL-03", "PR-03", "PR-01")
@pytest.mark.own_cluster(kubelet=QUICK_SYNC)
def test_a_neighbour_shrinks_and_is_not_evicted(pods: Pods) -> None:
    """The stateful pod needs what the other one can spare; both go on."""
    more = Change(cpu="+400m")
    neighbour = pods.filling(leave={"cpu": "300m"})
    stateful = pods.running(qos="Guaranteed")
    verify(stateful.resize(more), expectation(stateful, more))

    granted = stateful.observe(
        lambda: neighbour.resize(Change(cpu="-500m")), what="a neighbour that shrinks"
    )

    verify(granted, expectation(stateful))
    claim("UC-03", "restarts of both", got=[neighbour.restarts, stateful.restarts], want=[0, 0])
    claim("UC-03", "the neighbour runs", got=neighbour.runs(within=pods.patience(5.0)), want=True)


@requirement("UC-04", *DONE)
# Once in a run of core on 1.37.2 the end of the exec'd build was not told within 30 s, although
# neither it nor the container was killed; not reduced, and so not core.
@pytest.mark.profile("extended")
def test_a_build_is_saved_from_the_oom_killer(pods: Pods) -> None:
    """The same build step is killed in a small container and ends well once that has grown."""
    step = ["/probe", "allocate", "96", "--seconds", "2"]
    more = Change(memory="+128Mi")
    small = pods.running(resources=[{"limits": {"cpu": "200m", "memory": "64Mi"}}])
    saved = pods.running(resources=[{"limits": {"cpu": "200m", "memory": "64Mi"}}])

    claim("UC-04", "the build ends well in a small container", got=small.run(step) == 0, want=False)
    timeline = saved.resize(more)

    claim("UC-04", "exit code of the build", got=saved.run(step), want=0)
    claim("UC-04", "restarts of the container", got=saved.restarts, want=0)
    verify(timeline, expectation(saved, more))
