"""What the pod's status says from the patch to the end of a resize (KEP-1287, "Resize Status").

Each change is asked of a running pod; the API's watch, the runtime's ContainerStatus and the
cgroup files are followed on one clock until all three hold the new values or the time is over.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import Change, Pods, expectation, requirement, verify

CHANGES = [
    Change(cpu="+50m"),
    Change(memory="+32Mi"),
    Change(cpu="+50m", memory="-32Mi"),
]


@requirement("API-01", "API-02", "ST-01", "ST-02", "ST-11", "ST-20", "ST-21", "CRI-03", "PR-01")
@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("qos", ["Guaranteed", "Burstable"])
def test_status_follows_the_resize(pods: Pods, qos: str, change: Change) -> None:
    """Proposed, InProgress, done; allocatedResources and resources arrive at the new values."""
    pod = pods.running(qos=qos)

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))
