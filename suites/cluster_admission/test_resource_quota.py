"""A namespace's ResourceQuota counts what a resize asks for (KEP-1287, "Resource Quota")."""

from __future__ import annotations

import pytest

from podresize_fixtures import (
    Change,
    Form,
    How,
    Pods,
    Surroundings,
    claim,
    expectation,
    quota,
    quota_when,
    requirement,
    verify,
)

ONE = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "400m", "memory": "256Mi"}}
HARD = {"requests_cpu": "250m", "requests_memory": "160Mi"}
TOO_MUCH = [
    Change(cpu="+200m", scope="requests"),
    Change(memory="+128Mi", scope="requests"),
    Change(cpu="+200m", memory="+128Mi", scope="requests"),
]


@requirement("API-52")
@pytest.mark.parametrize("change", TOO_MUCH, ids=str)
def test_more_than_the_quota_leaves(pods: Pods, change: Change) -> None:
    """Refused, with what was requested, used and allowed."""
    pod = pods.unscheduled(resources=[ONE])
    allowed = quota(pods, **HARD)

    timeline = pod.ask(change, surroundings=Surroundings(quotas=(allowed,)))

    verify(timeline, expectation(pod, change))


@requirement("API-10", "API-52")
@pytest.mark.profile("extended")
@pytest.mark.parametrize("form", list(Form), ids=str)
@pytest.mark.parametrize("dry_run", [False, True], ids=["real", "dry"])
def test_more_than_the_quota_leaves_in_every_form(pods: Pods, form: Form, dry_run: bool) -> None:
    """A limit of the namespace on limits."""
    change = Change(cpu="+100m", scope="limits")
    pod = pods.unscheduled(resources=[ONE])
    allowed = quota(pods, limits_cpu="450m")

    how = How(form=form, dry_run=dry_run)
    timeline = pod.ask(change, how, surroundings=Surroundings(quotas=(allowed,)))

    verify(timeline, expectation(pod, change))


@requirement("API-01", "API-02", "API-53")
def test_what_the_quota_leaves_is_taken(pods: Pods) -> None:
    """Accepted, and counted at once."""
    change = Change(cpu="+100m", memory="+64Mi", scope="requests")
    pod = pods.unscheduled(resources=[ONE])
    allowed = quota(pods, **HARD)

    timeline = pod.ask(change, surroundings=Surroundings(quotas=(allowed,)))
    verify(timeline, expectation(pod, change))

    name = allowed["metadata"]["name"]
    after = quota_when(pods, name, lambda used: used["requests.cpu"] != "100m", what="counted")
    want = {"requests.cpu": "200m", "requests.memory": "128Mi"}
    claim("API-53", "the quota's status.used", got=after["status"]["used"], want=want)


@requirement("API-01", "API-02", "API-53")
@pytest.mark.profile("extended")
def test_what_is_given_back_is_free_again(pods: Pods) -> None:
    """Once the status of the pod shows it; up to 1.29, with the next full count."""
    change = Change(cpu="-50m", memory="-16Mi", scope="requests")
    pod = pods.running(resources=[ONE])
    allowed = quota(pods, **HARD)

    timeline = pod.resize(change)
    verify(timeline, expectation(pod, change))

    name = allowed["metadata"]["name"]
    after = quota_when(pods, name, lambda used: used["requests.cpu"] != "100m", what="counted")
    want = {"requests.cpu": "50m", "requests.memory": "48Mi"}
    claim("API-53", "the quota's status.used", got=after["status"]["used"], want=want)
