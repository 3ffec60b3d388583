"""A resize whose policy is NotRequired leaves the container alone (KEP-1287, "Resize Policy").

"No restart" is proved five times: container id, start time, process id with its own start time,
restart count, and the workload's heartbeat. The kernel must hold the new values meanwhile, in the
container's cgroup and in the pod's.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import Change, Pods, expectation, requirement, verify


@requirement("KL-30", "KL-32", "KL-34", "ST-27", "PR-01")
@pytest.mark.parametrize("qos", ["Guaranteed", "Burstable"])
def test_requests_and_limits_change_without_restart(pods: Pods, qos: str) -> None:
    """cpu and memory, requests and limits, in one patch; nothing restarts."""
    change = Change(cpu="+50m", memory="+32Mi")
    pod = pods.running(qos=qos)

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))
