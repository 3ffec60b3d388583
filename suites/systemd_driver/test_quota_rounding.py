"""Quotas that are no multiple of 10m, which is all that systemd knows (PR-62).

Runtime and kubelet tell systemd the quota, which rounds it up, and may write the exact one as well.
Whichever of the two it is, it has to stay.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import Change, Pods, claim_quota, expectation, requirement, verify

# Less by 7m would be rounded up to what there was before: every limit here is a multiple of 50m.
LESS = pytest.param(Change(cpu="-13m"), marks=pytest.mark.profile("extended"))
UNEVEN = [Change(cpu="+7m"), LESS]
MEMORY = Change(memory="+32Mi")


@pytest.mark.quick_sync
@pytest.mark.for_the_sake_of("PR-62")
@requirement("PR-62", "KL-30")
@pytest.mark.parametrize("qos", ["Guaranteed", "Burstable"])
@pytest.mark.parametrize("uneven", UNEVEN, ids=str)
def test_an_update_of_memory_leaves_it(pods: Pods, qos: str, uneven: Change) -> None:
    """The container's and the pod's, after a resize of cpu and one of memory alone."""
    pod = pods.running(qos=qos)
    of_cpu = pod.resize(uneven)
    wanted = expectation(pod, uneven)
    before = pods.node.settings(pod)

    of_memory = pod.resize(MEMORY)

    claim_quota("PR-62", pods, pod, wanted, before=before)
    verify(of_cpu, wanted)
    verify(of_memory, expectation(pod, MEMORY))
