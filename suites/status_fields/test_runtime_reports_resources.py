"""What the container runtime says of a container's resources (KEP-1287, "CRI Changes").

The kubelet learns from the runtime's ContainerStatus whether a resize has arrived. The report is
read ten times a second from before the patch on, beside the cgroup files that it speaks of.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import Change, Pods, expectation, requirement, verify

RUNTIME = requirement("CRI-02", "CRI-03", "CRI-05", "CRI-06", "CRI-07")
# Not a whole number of pages: the kernel rounds it, the runtime must not.
ODD = "+1000001"
# Not a whole hundredth of a processor either: nobody may round it.
ODD_CPU = "+53m"
# core has one of each kind.
HEADLINE = pytest.mark.profile("headline")
EXTENDED = pytest.mark.profile("extended")
CHANGES = [
    pytest.param(Change(cpu="+50m"), marks=HEADLINE),
    pytest.param(Change(memory=ODD), marks=HEADLINE),
    pytest.param(Change(cpu=ODD_CPU, memory=ODD), marks=pytest.mark.profile("headline", "core")),
]


@RUNTIME
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_the_report_follows_the_resize(pods: Pods, change: Change) -> None:
    """Whole resources, exact numbers, nothing beside what was asked for."""
    pod = pods.running(qos="Guaranteed")

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@RUNTIME
@pytest.mark.quick_sync
@pytest.mark.parametrize("scope", ["requests", pytest.param("limits", marks=EXTENDED)])
def test_the_report_follows_one_map_alone(pods: Pods, scope: str) -> None:
    """Shares without quota, quota without shares: each call still carries the whole of cpu."""
    change = Change(cpu="+20m", memory=ODD, scope=scope)
    pod = pods.running(qos="Burstable")

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))


@RUNTIME
@pytest.mark.quick_sync
def test_the_report_of_the_other_container_stays(pods: Pods) -> None:
    """A neighbour in the same pod, which is not resized, is reported as ever."""
    change = Change(cpu="+50m", memory=ODD, container="c1")
    pod = pods.running(qos="Guaranteed", containers=2)

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))
