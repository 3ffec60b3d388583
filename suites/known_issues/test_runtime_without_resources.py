"""The known issue of containerd below 1.6.9, seen exactly as it is catalogued (deviation C-01).

The runtime enacts the resize but does not report a container's resources, so the kubelet never
learns that it is done: the resize sticks at InProgress, ``resources`` keeps the old values, and the
kernel holds the new ones. The requirement is not met by such a stack; this check passes when the
signature is exactly that, and fails when it is anything else, better or worse.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import Change, Pods, expectation, requirement, verify


@requirement("CRI-09")
@pytest.mark.parametrize("change", [Change(cpu="+50m"), Change(memory="+32Mi")], ids=str)
def test_resize_sticks_at_in_progress(pods: Pods, change: Change) -> None:
    """Watched for the whole time that a resize may take."""
    pod = pods.running(qos="Guaranteed")

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))
