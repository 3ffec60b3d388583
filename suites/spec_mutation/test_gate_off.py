"""With the feature gate off the pod's resources are what they always were: immutable.

The patch is refused, spec and status stay, and no field of the feature is to be seen
(KEP-1287, "Feature Enablement and Rollback").
"""

from __future__ import annotations

import pytest

from podresize_fixtures import (
    Change,
    Form,
    How,
    Pods,
    SharedPods,
    expectation,
    requirement,
    verify,
)


@pytest.mark.profile("headline", "core")
@requirement("API-04", "API-05", "API-54")
def test_the_patch_is_refused_and_the_fields_are_absent(pods: Pods) -> None:
    """A change of cpu and memory is refused with the API's own reason."""
    change = Change(cpu="+50m", memory="+32Mi")
    pod = pods.running(qos="Burstable")

    timeline = pod.ask(change)

    verify(timeline, expectation(pod, change))


@requirement("API-04", "API-05", "API-54")
@pytest.mark.profile("extended")
@pytest.mark.parametrize("form", list(Form), ids=str)
@pytest.mark.parametrize("dry_run", [False, True], ids=["real", "dry"])
def test_every_form_is_refused(shared_pods: SharedPods, form: Form, dry_run: bool) -> None:
    """Whatever the request looks like."""
    change = Change(cpu="+50m")
    pod = shared_pods.running(qos="Burstable")

    timeline = pod.ask(change, How(form=form, dry_run=dry_run))

    verify(timeline, expectation(pod, change))
