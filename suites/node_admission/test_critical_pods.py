"""A critical pod is given its room, and others go (KEP-1287, "Kubelet-triggered eviction").

Every check has the node for itself: nobody else's pod may be evicted.
"""

from __future__ import annotations

from typing import Any

import pytest

from podresize_fixtures import QUICK_SYNC, Change, Pods, claim, deadline, requirement

pytestmark = pytest.mark.own_cluster(kubelet=QUICK_SYNC)

MORE = Change(cpu="+500m")


def has_ended(pod: dict[str, Any]) -> bool:
    """Return whether the pod of this raw object runs no more."""
    return pod["status"].get("phase") in ("Failed", "Succeeded")


@requirement("KL-06")
@pytest.mark.parametrize(
    "name",
    [
        "system-node-critical",
        pytest.param("system-cluster-critical", marks=pytest.mark.profile("extended")),
    ],
)
def test_another_pod_is_evicted_for_it(pods: Pods, name: str) -> None:
    """The pod that fills the node has no priority; the resize is granted in its place."""
    victim = pods.filling(leave={"cpu": "300m"}, terminationGracePeriodSeconds=1)
    pod = pods.running(qos="Guaranteed", priorityClassName=name)
    within = deadline(pods, "KL-06")

    pod.ask(MORE)

    gone = victim.until(has_ended, within=within)["status"]
    told = [each["reason"] for each in gone["conditions"] if each["type"] == "DisruptionTarget"]
    claim("KL-06", "the other pod has ended", got=has_ended({"status": gone}), want=True)
    claim("KL-06", "who has disrupted it", got=told, want=["TerminationByKubelet"])
    granted = pod.until(pod.is_allocated, within=within)
    claim("KL-06", "the resize is granted", got=pod.is_allocated(granted), want=True)
    claim("KL-06", "what is pending", got=pod.pending, want="")
    claim("KL-06", "restarts of the critical pod", got=pod.restarts, want=0)
