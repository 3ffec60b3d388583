"""With the feature gate off the pod's resources are what they always were: immutable.

The patch is refused, spec and status stay, and no field of the feature is to be seen
(KEP-1287, "Feature Enablement and Rollback").
"""

from __future__ import annotations

from podresize_fixtures import Change, Pods, expectation, requirement, verify


@requirement("API-04", "API-05", "API-54")
def test_the_patch_is_refused_and_the_fields_are_absent(pods: Pods) -> None:
    """A change of cpu and memory is refused with the API's own reason."""
    change = Change(cpu="+50m", memory="+32Mi")
    pod = pods.running(qos="Burstable")

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))
