"""The known issue of containerd below 1.6.9, seen exactly as it is catalogued.

The runtime enacts the resize but does not report a container's resources. What follows depends on
the kubelet: to 1.31 it never learns that it is done, so the resize sticks at InProgress and
``resources`` keeps the old values while the kernel holds the new ones (C-01); in 1.32 it never acts
(PD-04); later the resize ends, with an old status (PD-03) or one from the kubelet's own record
(PD-02). The requirement is not met by such a stack; this check passes when the signature is exactly
that of the release, and fails when it is anything else, better or worse.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import Change, Pods, expectation, requirement, verify


@requirement("CRI-09")
@pytest.mark.parametrize("change", [Change(cpu="+50m"), Change(memory="+32Mi")], ids=str)
def test_it_is_seen_exactly_as_catalogued(pods: Pods, change: Change) -> None:
    """Watched for the whole time that a resize may take."""
    pod = pods.running(qos="Guaranteed")

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))
