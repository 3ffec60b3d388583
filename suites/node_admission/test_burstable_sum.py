"""The cgroup of all Burstable pods follows the resizes of each (KL-38).

It decides what they get together beside Guaranteed and BestEffort pods. Every check has the node
for itself, so that the sum is known.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import QUICK_SYNC, Change, Pods, claim, deadline, requirement

pytestmark = pytest.mark.own_cluster(kubelet=QUICK_SYNC)


@requirement("KL-38")
def test_the_sum_is_computed_anew_when_a_pod_starts(pods: Pods) -> None:
    """What the first pod has asked for is in the sum once the second one runs."""
    pod = pods.running(qos="Burstable")
    before = pods.node.burstable_cpu

    pod.ask(Change(cpu="+50m"))
    pods.running(qos="Burstable")

    want = pods.node.burstable_cpu
    seen = pods.node.burstable_cpu_seen(pod, until=want, within=deadline(pods, "KL-38"))
    claim("KL-38", "the sum before, which the resize is to move", got=before < want, want=True)
    claim("KL-38", "cpu of the cgroup, from the start of the pod on", got=seen, want=[want])


@requirement("KL-38")
# It lasts up to a minute: nothing but the kubelet's own clock brings it about.
@pytest.mark.profile("extended")
@pytest.mark.parametrize("change", [Change(cpu="+50m"), Change(cpu="-30m")], ids=str)
def test_the_sum_follows_a_resize_within_a_minute(pods: Pods, change: Change) -> None:
    """It holds the old sum, then the new one, and nothing else in between."""
    pod = pods.running(qos="Burstable")
    before = pods.node.burstable_cpu

    pod.ask(change)

    want = pods.node.burstable_cpu
    seen = pods.node.burstable_cpu_seen(pod, until=want, within=deadline(pods, "KL-38"))
    claim("KL-38", "the sum before, which the resize is to move", got=before != want, want=True)
    claim("KL-38", "the last sum that was seen", got=seen[-1], want=want)
    claim("KL-38", "sums that are neither", got=sorted({*seen} - {before, want}), want=[])
