"""A namespace's LimitRange and a resize: looked at from 1.32 on (KEP-1287, "Affected Components").

The pods are there before the LimitRange, as it would otherwise decide about their creation.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import (
    Change,
    Form,
    How,
    Pods,
    Surroundings,
    expectation,
    limit_range,
    requirement,
    verify,
)

ONE = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "200m", "memory": "128Mi"}}
NO_MEMORY_LIMIT = ONE | {"limits": {"cpu": "200m"}}
MORE = [
    Change(cpu="+300m", scope="limits"),
    Change(memory="+256Mi", scope="limits"),
    Change(cpu="+300m"),
]
LESS = [Change(cpu="-80m", scope="requests"), Change(memory="-48Mi", scope="requests")]


@requirement("API-50")
@pytest.mark.parametrize("change", MORE, ids=str)
def test_more_than_the_most(pods: Pods, change: Change) -> None:
    """Refused with the limit's name; up to 1.31 accepted."""
    pod = pods.unscheduled(resources=[ONE])
    limits = limit_range(pods, max={"cpu": "300m", "memory": "256Mi"})

    timeline = pod.ask(change, surroundings=Surroundings(limit_ranges=(limits,)))

    verify(timeline, expectation(pod, change))


@requirement("API-50")
@pytest.mark.parametrize("change", LESS, ids=str)
def test_less_than_the_least(pods: Pods, change: Change) -> None:
    """Refused with the request's name; up to 1.31 accepted."""
    pod = pods.unscheduled(resources=[ONE])
    limits = limit_range(pods, min={"cpu": "50m", "memory": "32Mi"})

    timeline = pod.ask(change, surroundings=Surroundings(limit_ranges=(limits,)))

    verify(timeline, expectation(pod, change))


@requirement("API-10", "API-50")
@pytest.mark.profile("extended")
@pytest.mark.parametrize("form", list(Form), ids=str)
@pytest.mark.parametrize("dry_run", [False, True], ids=["real", "dry"])
def test_more_than_the_most_in_every_form(pods: Pods, form: Form, dry_run: bool) -> None:
    """The answer does not depend on the form."""
    pod = pods.unscheduled(resources=[ONE])
    limits = limit_range(pods, max={"cpu": "300m"})

    how = How(form=form, dry_run=dry_run)
    timeline = pod.ask(MORE[0], how, surroundings=Surroundings(limit_ranges=(limits,)))

    verify(timeline, expectation(pod, MORE[0]))


@requirement("API-50")
def test_a_container_that_nobody_resizes(pods: Pods) -> None:
    """The whole pod is looked at: another container's excess refuses this one (K-41, #142171)."""
    change = Change(cpu="-50m", container="c1")
    pod = pods.unscheduled(resources=[ONE, ONE | {"limits": {"cpu": "500m", "memory": "128Mi"}}])
    limits = limit_range(pods, max={"cpu": "300m"})

    timeline = pod.ask(change, surroundings=Surroundings(limit_ranges=(limits,)))

    verify(timeline, expectation(pod, change))


@requirement("API-50")
@pytest.mark.quick_sync
def test_what_is_not_looked_at_is_enacted(pods: Pods) -> None:
    """Up to 1.31 the container gets what the LimitRange would not allow; later it does not."""
    change = Change(cpu="+300m", scope="limits")
    pod = pods.running(resources=[ONE])
    limits = limit_range(pods, max={"cpu": "300m"})

    timeline = pod.resize(change, surroundings=Surroundings(limit_ranges=(limits,)))

    verify(timeline, expectation(pod, change))


@requirement("API-51")
@pytest.mark.parametrize("dry_run", [False, True], ids=["real", "dry"])
def test_defaults_enter_at_a_resize(pods: Pods, dry_run: bool) -> None:
    """A container without a memory limit gets one that nobody asked for."""
    change = Change(cpu="+10m")
    pod = pods.unscheduled(resources=[NO_MEMORY_LIMIT])
    limits = limit_range(pods, default={"memory": "128Mi"}, defaultRequest={"memory": "64Mi"})

    how = How(dry_run=dry_run)
    timeline = pod.ask(change, how, surroundings=Surroundings(limit_ranges=(limits,)))

    verify(timeline, expectation(pod, change))
