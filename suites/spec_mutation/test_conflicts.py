"""Two who change one pod: who comes second with what was read before is told so."""

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

FIRST = Change(cpu="+50m")
SECOND = Change(memory="+32Mi")


@requirement("PR-41")
@pytest.mark.parametrize("form", list(Form), ids=str)
@pytest.mark.parametrize("dry_run", [False, True], ids=["real", "dry"])
def test_a_version_that_the_pod_does_not_have(
    shared_pods: SharedPods, form: Form, dry_run: bool
) -> None:
    """The version is older than the pod."""
    pod = shared_pods.running(qos="Burstable")

    timeline = pod.ask(SECOND, How(form=form, resource_version="1", dry_run=dry_run))

    verify(timeline, expectation(pod, SECOND))


@requirement("PR-41")
@pytest.mark.parametrize("form", [Form.MERGE, Form.PUT], ids=str)
def test_the_second_of_two_writers(pods: Pods, form: Form) -> None:
    """Both have read the same pod; the first one's resize is accepted."""
    pod = pods.unscheduled(qos="Burstable")
    pod.ask(FIRST, How(form=form))
    both_have_read = pod.resource_version

    timeline = pod.ask(SECOND, How(form=form, resource_version=both_have_read))

    verify(timeline, expectation(pod, SECOND))


@requirement("API-07", "API-10")
@pytest.mark.parametrize("form", [Form.MERGE, Form.PUT], ids=str)
def test_two_writers_who_do_not_guard_themselves(pods: Pods, form: Form) -> None:
    """Without a version both are accepted; the second one counts from what the first has left."""
    pod = pods.unscheduled(qos="Burstable")
    pod.ask(FIRST, How(form=form))

    timeline = pod.ask(SECOND, How(form=form))

    verify(timeline, expectation(pod, SECOND))
