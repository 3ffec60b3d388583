"""A kubelet that cannot read what it has written (PD-40)."""

from __future__ import annotations

import pytest

from podresize_fixtures import QUICK_SYNC, Pods, claim, requirement


@requirement("PR-02")
@pytest.mark.known_issue("PD-40")
# It takes a cluster of its own, which a run of the known issues does not want.
@pytest.mark.profile("extended")
@pytest.mark.own_cluster(kubelet=QUICK_SYNC)
@pytest.mark.lasts(20)
def test_the_second_restart_finds_a_corrupted_checkpoint(pods: Pods) -> None:
    """The first one writes down a memory of 0, which nobody asked for and it cannot read again."""
    pod = pods.running(resources=[{"requests": {"cpu": "100m"}}])

    at_first = pods.node.checkpointed(pod)
    pods.node.restart("kubelet")

    claim("PR-02", "PD-40: the allocation at first", got=at_first, want={"c1": {"cpu": "100m"}})
    claim(
        "PR-02",
        "PD-40: the allocation after a restart",
        got=pods.node.checkpointed(pod),
        want={"c1": {"cpu": "100m", "memory": "0"}},
    )
    back = pods.node.kubelet_comes_back()
    claim("PR-02", "PD-40: whether the kubelet comes back once more", got=back, want=False)
