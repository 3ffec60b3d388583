"""An infeasible resize is not looked at again by itself (KEP-1287, "Resize Status").

Each look that finds a resize infeasible is counted by the kubelet. A deferred resize beside it
shows when the kubelet has gone through those that are pending.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import QUICK_SYNC, Change, Pods, claim, deadline, requirement

# Half a minute and more: four decisions of the kubelet, and its restart.
pytestmark = [
    pytest.mark.own_cluster(cpu_manager_policy="static", kubelet=QUICK_SYNC),
    pytest.mark.profile("extended"),
]


@requirement("KL-12")
def test_only_a_new_spec_and_a_restart_have_it_looked_at(pods: Pods) -> None:
    """Room is made, which is no news for it; a new spec and a restart of the kubelet are."""
    within = deadline(pods, "KL-12")
    filler = pods.filling(leave={"cpu": "300m"})
    pod, other = pods.running(qos="Guaranteed"), pods.running(qos="Burstable")
    first = pod.becomes(Change(cpu="+50m"), within=within)
    waits = other.becomes(Change(cpu="+500m"), within=within)
    looks = pods.node.infeasible_looks

    filler.delete()
    granted = other.settles(within=within)

    claim("KL-12", "the two resizes", got=[first, waits], want=["Infeasible", "Deferred"])
    claim("KL-12", "the deferred one once there is room", got=granted, want="")
    claim("KL-12", "looks at the other one so far", got=looks, want=1)
    claim("KL-12", "looks at it since then", got=pods.node.infeasible_looks - looks, want=0)

    pod.ask(Change(cpu="+50m"))
    again = pods.node.infeasible_looks_reach(looks + 1, within=within)
    claim("KL-12", "looks after a new spec", got=again, want=looks + 1)

    # A process that was restarted counts from nothing.
    pods.node.restart("kubelet")
    anew = pods.node.infeasible_looks_reach(1, within=within)
    claim("KL-12", "looks after a restart of the kubelet", got=anew >= 1, want=True)
    claim("KL-12", "what is pending in the end", got=pod.pending, want="Infeasible")
