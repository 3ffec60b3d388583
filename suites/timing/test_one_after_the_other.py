"""A resize that comes while another is on its way (KEP-1287, "Atomic Resizes").

The last write before the allocation wins: whatever the node took up on the way, spec, allocation,
status, runtime and kernel must end at the last change that was accepted, and nothing may restart.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import (
    Change,
    Pace,
    Pods,
    claim,
    expectation,
    requirement,
    verify,
)

UP = Change(cpu="+50m", memory="+32Mi")
DOWN = Change(cpu="-50m", memory="-32Mi")
FURTHER = Change(cpu="+100m")
BURST = [Change(cpu=f"{milli}m") for milli in (160, 210, 130, 260, 180, 240, 150, 220)]

AT_EITHER_PACE = pytest.mark.parametrize(
    "pace",
    [
        pytest.param(Pace.AT_ONCE, id="at-once"),
        pytest.param(Pace.IN_PROGRESS, id="in-progress", marks=pytest.mark.profile("extended")),
    ],
)
ENDS = requirement("PR-03", "PR-01", "PR-04", "KL-30", "KL-34", "ST-20", "ST-21")
# Up to 1.31 the status needs one sync or two: with a minute each, six checks would take ten.
pytestmark = pytest.mark.quick_sync


@ENDS
@AT_EITHER_PACE
def test_a_second_change_takes_the_place_of_the_first(pods: Pods, pace: Pace) -> None:
    """Asked for at once, and while the node is busy with the first."""
    changes = [UP, FURTHER]
    pod = pods.running(qos="Guaranteed", grows="150m")

    timeline = pod.resize_many(changes, pace=pace)

    verify(timeline, expectation(pod, changes))


@ENDS
@AT_EITHER_PACE
def test_a_quick_revert_leaves_nothing_behind(pods: Pods, pace: Pace) -> None:
    """There and back: every witness ends where it began."""
    changes = [UP, DOWN]
    pod = pods.running(qos="Burstable")

    timeline = pod.resize_many(changes, pace=pace)

    verify(timeline, expectation(pod, changes))


@ENDS
def test_a_burst_ends_at_its_last_change(pods: Pods) -> None:
    """Eight changes of cpu, as fast as they are answered."""
    pod = pods.running(qos="Guaranteed", grows="210m")

    timeline = pod.resize_many(BURST)

    verify(timeline, expectation(pod, BURST))


@requirement("PR-07", "PR-03", "PR-01", "ST-21")
def test_a_label_at_the_same_moment_stays(pods: Pods) -> None:
    """Two clients, two fields, one pod: neither loses."""
    changes = [UP]
    pod = pods.running(qos="Burstable")

    timeline = pod.resize_many(changes, beside=lambda: pod.label("beside", "the-resize"))

    claim("PR-07", "the label beside", got=pod.labels.get("beside"), want="the-resize")
    verify(timeline, expectation(pod, changes))
