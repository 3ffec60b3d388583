"""Several deferred resizes, and room for them all (KEP-1287, "Retrying Deferred Resizes").

Room that is made serves one after the other, and a grant that gives back something itself makes
room for the next. Up to 1.33 every step takes a periodic sync, which comes every 5 s here.
"""

from __future__ import annotations

import pytest

from podresize.evidence.case import Case
from podresize.evidence.enacting import not_enacted
from podresize.resizing.together import observe_together
from podresize_fixtures import QUICK_SYNC, Change, Pods, claim, requirement
from podresize_fixtures.scheduling import room, seconds_for
from podresize_fixtures.verdicts import verify_all

pytestmark = pytest.mark.own_cluster(kubelet=QUICK_SYNC)

# core has one chain.
EXTENDED = pytest.mark.profile("extended")

LATER = ("KL-10", "KL-30", "KL-34", "ST-20", "ST-21", "PR-01")


@requirement("KL-14", *LATER)
@pytest.mark.lasts(14)
@pytest.mark.parametrize(
    ("leave", "more"),
    [
        pytest.param({"cpu": "300m"}, Change(cpu="+400m"), id="cpu"),
        pytest.param({"memory": "512Mi"}, Change(memory="+1Gi"), id="memory", marks=EXTENDED),
    ],
)
def test_room_for_several(pods: Pods, leave: dict[str, str], more: Change) -> None:
    """The pod that leaves takes what all three ask for with it."""
    filler = pods.filling(leave=leave)
    one, two, three = (pods.running(qos="Guaranteed") for _ in range(3))
    seconds = seconds_for(pods, "KL-14")
    pending = [pod.becomes(more, within=seconds) for pod in (one, two, three)]

    seen = observe_together(
        (one, two, three), filler.delete, what="DELETE the pod that fills the node"
    )

    claim("KL-14", "what is pending before", got=pending, want=["Deferred"] * 3)
    # In kernel and allocation: what the status says of each is ST-21's.
    left = [not_enacted(Case(timeline, wanted)) for timeline, wanted in seen]
    claim("KL-14", "what is not enacted of each", got=left, want=[None] * 3)
    verify_all(seen)


@requirement("KL-14", *LATER)
@EXTENDED
def test_each_grant_makes_room_for_the_next(pods: Pods) -> None:
    """The first wants cpu and gives memory, the second the other way round, the third wants cpu.

    After upstream's pod-resize-retry-deferred-test-3, with its fractions of the node.
    """
    node = room(pods)
    size = node.share(cpu="1/4", memory="1/5")
    leaving, one, two, three = (
        pods.running(resources=[{"requests": size, "limits": size}]) for _ in range(4)
    )
    wants_cpu = node.change(cpu="1/3", memory="1/24")
    wants_memory = node.change(cpu="1/24", memory="2/3")
    wants_more_cpu = node.change(cpu="5/8", memory="1/5")
    seconds = seconds_for(pods, "KL-14")
    pending = [
        one.becomes(wants_cpu, within=seconds),
        two.becomes(wants_memory, within=seconds),
        three.becomes(wants_more_cpu, within=seconds),
    ]

    seen = observe_together(
        (one, two, three), leaving.delete, what="DELETE the pod that lets the first grow"
    )

    claim("KL-14", "what is pending before", got=pending, want=["Deferred"] * 3)
    # In kernel and allocation: what the status says of each is ST-21's.
    left = [not_enacted(Case(timeline, wanted)) for timeline, wanted in seen]
    claim("KL-14", "what is not enacted of each", got=left, want=[None] * 3)
    verify_all(seen)
