"""A node's systemd reads its units anew, as after a package's installation (PR-61, PR-63 to PR-65).

With the systemd driver each cgroup of a pod is a unit, and systemd then writes what it has of it
into the cgroup's files. What somebody wrote past it is gone: to 1.31 that is the kubelet, with
each resize of a pod's own cgroup (K-20). All pods of the node are concerned, so each check has a
node for itself.
"""

from __future__ import annotations

import functools

import pytest

from podresize_fixtures import (
    QUICK_SYNC,
    Change,
    Pods,
    claim_reload,
    claim_units,
    expectation,
    requirement,
    verify,
)

pytestmark = [
    pytest.mark.own_cluster(kubelet=QUICK_SYNC),
    pytest.mark.for_the_sake_of("PR-61"),
]

EXTENDED = pytest.mark.profile("extended")
CHANGES = [
    Change(cpu="+50m"),
    Change(memory="+32Mi"),
    pytest.param(Change(cpu="-20m"), marks=EXTENDED),
    pytest.param(Change(cpu="+50m", memory="+32Mi"), marks=EXTENDED),
]


@pytest.mark.lasts(20)
@requirement("PR-61", "PR-63", "PR-64", "PR-65", "KL-30", "KL-32")
@pytest.mark.parametrize("qos", ["Guaranteed", "Burstable"])
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_no_limit_changes(pods: Pods, qos: str, change: Change) -> None:
    """Neither those that the pod was made with nor those that it was resized to."""
    pod = pods.running(qos=qos)
    reload = functools.partial(claim_reload, "PR-61", pods, pod, swap="PR-64", group="PR-65")
    created = reload(when="before the resize")

    timeline = pod.resize(change)

    wanted = expectation(pod, change)
    claim_units("PR-63", pods, pod, earlier=[created])
    reload(when="after the resize", earlier=[created])
    verify(timeline, wanted)
