"""Who may resize: pods/resize needs rights of its own (KEP-1287, "Resize subresource")."""

from __future__ import annotations

import pytest

from podresize_fixtures import (
    Change,
    Form,
    How,
    Pods,
    Surroundings,
    expectation,
    requirement,
    user_with,
    verify,
)

CHANGE = Change(cpu="+50m")
NOT_ALLOWED = Surroundings(may_resize=False)


@requirement("API-08")
@pytest.mark.parametrize("form", [Form.STRATEGIC, Form.PUT], ids=str)
def test_rights_on_pods_are_not_enough(pods: Pods, form: Form) -> None:
    """All verbs on pods."""
    pod = pods.unscheduled(qos="Burstable")
    user = user_with(pods, resources=["pods"])

    timeline = pod.ask(CHANGE, How(user=user, form=form), surroundings=NOT_ALLOWED)

    verify(timeline, expectation(pod, CHANGE))


@requirement("API-08")
@pytest.mark.parametrize("role", ["edit", "admin"])
def test_the_built_in_roles_are_not_enough(pods: Pods, role: str) -> None:
    """Neither edit nor admin has a rule on pods/resize."""
    pod = pods.unscheduled(qos="Burstable")
    user = user_with(pods, cluster_role=role)

    timeline = pod.ask(CHANGE, How(user=user), surroundings=NOT_ALLOWED)

    verify(timeline, expectation(pod, CHANGE))


@requirement("API-08")
@pytest.mark.parametrize("form", [Form.STRATEGIC, Form.PUT], ids=str)
def test_rights_on_the_subresource_are(pods: Pods, form: Form) -> None:
    """A rule on pods/resize alone."""
    pod = pods.unscheduled(qos="Burstable")
    user = user_with(pods, resources=["pods/resize"])

    timeline = pod.ask(CHANGE, How(user=user, form=form))

    verify(timeline, expectation(pod, CHANGE))
