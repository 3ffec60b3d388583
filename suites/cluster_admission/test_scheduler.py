"""What the scheduler counts of a pod that is resized, and whom it lets in beside it.

(KEP-1287, "Scheduler and API Server Interaction".) Every check has the node for itself: a new pod
asks for what is left of it, to the last millicore and byte, or for more.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import QUICK_SYNC, Change, Pods, claim, expectation, requirement
from podresize_fixtures.scheduling import (
    arrives,
    never_granted,
    reports,
    room,
    seconds_for,
    withdraw,
)

pytestmark = pytest.mark.own_cluster(kubelet=QUICK_SYNC)

# core has one of each kind.
EXTENDED = pytest.mark.profile("extended")
SIZE = {"cpu": "200m", "memory": "128Mi"}
TWO = [{"requests": SIZE, "limits": SIZE}] * 2
NOTHING = Change()
MORE, LESS = Change(cpu="+60m", memory="+48Mi"), Change(cpu="-50m", memory="-32Mi")
# The first container asks for more of what the second one gives back.
ACROSS = Change(cpu="+60m", memory="+48Mi", container="c1") & Change(
    cpu="-50m", memory="-32Mi", container="c2"
)
STATES = [
    pytest.param(MORE, NOTHING, NOTHING, "", id="asked"),
    # The one that a scheduler without the gate gets wrong: it counts what is asked alone.
    pytest.param(LESS, NOTHING, LESS, "", id="allocated"),
    pytest.param(LESS, LESS, NOTHING, "", id="in force", marks=EXTENDED),
    pytest.param(ACROSS, NOTHING, NOTHING, "", id="across", marks=EXTENDED),
    pytest.param(MORE, NOTHING, NOTHING, "Infeasible", id="infeasible", marks=EXTENDED),
]


@requirement("SCH-01")
@pytest.mark.parametrize(("asked", "allocated", "in_force", "pending"), STATES)
def test_the_larger_of_asked_allocated_and_in_force(
    pods: Pods, asked: Change, allocated: Change, in_force: Change, pending: str
) -> None:
    """Each is the largest once. No kubelet is there to go on to the next state."""
    pod = pods.running(resources=TWO)

    with pods.node.without("kubelet"):
        pod.ask(asked)
        reports(pods, pod, allocated=allocated, in_force=in_force, pending=pending)
        left = room(pods)
        more_cpu = arrives(pods, **left.all("cpu", and_more=True))
        cpu = arrives(pods, **left.all("cpu"))
        more_memory = arrives(pods, **left.all("memory", and_more=True))
        memory = arrives(pods, **left.all("memory"))
        withdraw(pods, more_cpu, cpu, more_memory, memory)

    claim("SCH-01", "what 1m more cpu than is left lacks", got=more_cpu.lacks, want=["cpu"])
    claim("SCH-01", "what all cpu that is left lacks", got=cpu.lacks, want=[])
    claim("SCH-01", "what 1 byte more than is left lacks", got=more_memory.lacks, want=["memory"])
    claim("SCH-01", "what all memory that is left lacks", got=memory.lacks, want=[])


@requirement("SCH-02")
@pytest.mark.parametrize(
    ("leave", "change", "back", "small"),
    [
        pytest.param(
            {"cpu": "300m"}, Change(cpu="+500m"), Change(cpu="-500m"), {"cpu": "100m"}, id="cpu"
        ),
        pytest.param(
            *({"memory": "512Mi"}, Change(memory="+1Gi"), Change(memory="-1Gi")),
            {"memory": "128Mi"},
            id="memory",
            marks=EXTENDED,
        ),
    ],
)
def test_a_deferred_increase_reserves_room(
    pods: Pods, leave: dict[str, str], change: Change, back: Change, small: dict[str, str]
) -> None:
    """A small pod fits before it is asked for and after it is withdrawn, and not between (K-25)."""
    pods.filling(leave=leave)
    pod = pods.running(qos="Guaranteed")
    before = arrives(pods, **small)
    withdraw(pods, before)

    seconds = seconds_for(pods, "SCH-02")
    pending = pod.becomes(change, within=seconds)
    beside = arrives(pods, **small)
    withdraw(pods, beside)
    pod.ask(back)
    left = pod.settles(within=seconds)
    after = arrives(pods, **small)

    claim("SCH-02", "what is pending", got=[pending, left], want=["Deferred", ""])
    claim("SCH-02", "what a new pod lacks before", got=before.lacks, want=before.must_lack)
    claim("SCH-02", "what a new pod lacks meanwhile", got=beside.lacks, want=beside.must_lack)
    claim("SCH-02", "what a new pod lacks afterwards", got=after.lacks, want=after.must_lack)


@requirement("SCH-02")
@pytest.mark.own_cluster(cpu_manager_policy="static")
@EXTENDED
def test_an_infeasible_increase_reserves_none(pods: Pods) -> None:
    """What is left beside the allocation goes to a new pod, to the last millicore, and it runs."""
    pod = pods.running(qos="Guaranteed")
    change = never_granted(pods, pod)

    pending = pod.becomes(change, within=seconds_for(pods, "SCH-02"))
    left = room(pods)
    more = arrives(pods, **left.all("cpu", and_more=True))
    rest = arrives(pods, **left.all("cpu"))

    claim("SCH-02", "what is pending", got=pending, want="Infeasible")
    claim("SCH-02", "what 1m more than is left lacks", got=more.lacks, want=["cpu"])
    claim("SCH-02", "what all that is left lacks", got=rest.lacks, want=[])
    claim("SCH-02", "the new pod runs", got=rest.pod.runs(within=pods.patience(30.0)), want=True)


SHRINKING = pytest.mark.parametrize(
    ("leave", "less", "size"),
    [
        pytest.param({"cpu": "100m"}, Change(cpu="-400m"), {"cpu": "300m"}, id="cpu"),
        pytest.param(
            *({"memory": "256Mi"}, Change(memory="-1Gi"), {"memory": "512Mi"}),
            id="memory",
            marks=EXTENDED,
        ),
    ],
)


@requirement("SCH-03")
@SHRINKING
def test_a_pod_that_shrinks_lets_another_in(
    pods: Pods, leave: dict[str, str], less: Change, size: dict[str, str]
) -> None:
    """The one that waits is looked at again by itself, and runs."""
    filler = pods.filling(leave=leave)
    waiting = arrives(pods, **size)

    filler.ask(less)

    seconds = seconds_for(pods, "SCH-03")
    claim("SCH-03", "what the pod lacks before", got=waiting.lacks, want=waiting.must_lack)
    claim("SCH-03", "the pod runs afterwards", got=waiting.pod.runs(within=seconds), want=True)


@requirement("SCH-03")
@EXTENDED
@SHRINKING
def test_room_is_free_once_the_status_shows_it(
    pods: Pods, leave: dict[str, str], less: Change, size: dict[str, str]
) -> None:
    """No kubelet is there to answer what was asked for, until its answer is written for it."""
    filler = pods.filling(leave=leave)

    with pods.node.without("kubelet"):
        filler.ask(less)
        # A pod that waits is looked at when something happens, a new one at once.
        asked = arrives(pods, **size)
        withdraw(pods, asked)
        reports(pods, filler, allocated=less, in_force=less)
        shown = arrives(pods, **size)
        withdraw(pods, shown)

    claim("SCH-03", "what a new pod lacks once asked", got=asked.lacks, want=asked.must_lack)
    claim("SCH-03", "what a new pod lacks once shown", got=shown.lacks, want=shown.must_lack)


@requirement("API-37")
@EXTENDED
def test_a_pod_that_waits_is_made_smaller_and_fits(pods: Pods) -> None:
    """It is the new values that it is scheduled by, and that it starts with."""
    change = Change(cpu="-200m")
    pods.filling(leave={"cpu": "300m"})
    waiting = arrives(pods, cpu="400m")

    waiting.pod.ask(change)
    wanted = expectation(waiting.pod, change)

    claim("API-37", "what the pod lacks before", got=waiting.lacks, want=waiting.must_lack)
    claim(
        "API-37",
        "the pod runs afterwards",
        got=waiting.pod.runs(within=pods.patience(30.0)),
        want=True,
    )
    got = waiting.pod.until(lambda _: True, within=5.0)["status"]["containerStatuses"][0]
    want = wanted.container("c1").asked["requests"]
    claim("API-37", "the requests that it runs with", got=got["resources"]["requests"], want=want)
