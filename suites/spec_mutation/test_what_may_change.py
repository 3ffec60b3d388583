"""Changes of cpu and memory that the API takes, in every form (KEP-1287, "API Changes").

Asked as dry runs of pods that many checks share: validation and admission are those of the real
request, and the pod stays as it is. One real request per form shows that it is stored, too.
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

TOGETHER = [
    Change(cpu="+50m"),
    Change(cpu="-10m"),
    Change(memory="+32Mi"),
    Change(memory="-16Mi"),
    Change(cpu="+50m", memory="+32Mi"),
    Change(cpu="-10m", memory="-16Mi"),
    Change(cpu="+50m", memory="-16Mi"),
    Change(cpu="-10m", memory="+32Mi"),
]
APART = [
    Change(cpu="-10m", scope="requests"),
    Change(memory="-16Mi", scope="requests"),
    Change(cpu="+50m", scope="limits"),
    Change(memory="+32Mi", scope="limits"),
    Change(memory="-16Mi", scope="limits"),
    Change(cpu="+10m", memory="+16Mi", scope="requests"),
]
SEVERAL = [
    Change(cpu="+50m", container="c1"),
    Change(cpu="+50m", container="c1") & Change(cpu="-10m", container="c2"),
    Change(cpu="+50m", container="c1") & Change(memory="+32Mi", container="c2"),
]
RULES = ("API-07", "API-10", "API-24", "PR-40")


@requirement(*RULES)
@pytest.mark.parametrize("change", TOGETHER[::3], ids=str)
@pytest.mark.parametrize("form", list(Form), ids=str)
def test_a_dry_run_answers_with_the_new_spec(
    shared_pods: SharedPods, form: Form, change: Change
) -> None:
    """Requests and limits together."""
    pod = shared_pods.running(qos="Guaranteed")

    timeline = pod.ask(change, How(form=form, dry_run=True))

    verify(timeline, expectation(pod, change))


@requirement(*RULES)
@pytest.mark.profile("extended")
@pytest.mark.parametrize("change", TOGETHER, ids=str)
@pytest.mark.parametrize("form", list(Form), ids=str)
@pytest.mark.parametrize("qos", ["Guaranteed", "Burstable"])
def test_every_change_in_every_form(
    shared_pods: SharedPods, qos: str, form: Form, change: Change
) -> None:
    """The whole product, as dry runs."""
    pod = shared_pods.running(qos=qos)

    timeline = pod.ask(change, How(form=form, dry_run=True))

    verify(timeline, expectation(pod, change))


@requirement(*RULES)
@pytest.mark.parametrize("change", APART, ids=str)
def test_requests_and_limits_apart(shared_pods: SharedPods, change: Change) -> None:
    """Where the QoS class stays, each of the two changes alone."""
    pod = shared_pods.running(qos="Burstable")

    timeline = pod.ask(change, How(dry_run=True))

    verify(timeline, expectation(pod, change))


@requirement(*RULES)
@pytest.mark.profile("extended")
@pytest.mark.parametrize("change", [*APART, *SEVERAL], ids=str)
@pytest.mark.parametrize("form", list(Form), ids=str)
def test_apart_and_several_in_every_form(
    shared_pods: SharedPods, form: Form, change: Change
) -> None:
    """The whole product, on a pod of two containers."""
    pod = shared_pods.running(qos="Burstable", containers=2)

    timeline = pod.ask(change, How(form=form, dry_run=True))

    verify(timeline, expectation(pod, change))


@requirement(*RULES)
@pytest.mark.parametrize("change", SEVERAL, ids=str)
def test_several_containers_in_one_request(shared_pods: SharedPods, change: Change) -> None:
    """Only the containers that are named change."""
    pod = shared_pods.running(qos="Burstable", containers=2)

    timeline = pod.ask(change, How(dry_run=True))

    verify(timeline, expectation(pod, change))


@requirement("API-01", "API-02", "API-07", "API-10")
@pytest.mark.parametrize("form", list(Form), ids=str)
def test_what_is_accepted_is_stored(pods: Pods, form: Form) -> None:
    """In earnest: the spec that the answer shows is the one that is read afterwards."""
    change = Change(cpu="+50m", memory="+32Mi")
    pod = pods.unscheduled(qos="Burstable")

    timeline = pod.ask(change, How(form=form))

    verify(timeline, expectation(pod, change))


@requirement("API-07", "API-10")
@pytest.mark.parametrize("form", list(Form), ids=str)
def test_asking_for_what_is_there_changes_nothing(shared_pods: SharedPods, form: Form) -> None:
    """The generation does not rise."""
    change = Change(cpu="+0m")
    pod = shared_pods.running(qos="Burstable")

    timeline = pod.ask(change, How(form=form))

    verify(timeline, expectation(pod, change))


@requirement("API-11", "API-23")
@pytest.mark.parametrize(
    ("resources", "change"),
    [
        (
            {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "200m"}},
            Change(memory="128Mi", scope="limits"),
        ),
        (
            {"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}},
            Change(memory="64Mi", scope="limits"),
        ),
        ({"requests": {"cpu": "100m"}}, Change(memory="64Mi", scope="requests")),
    ],
    ids=["a limit beside its request", "a limit alone", "a request alone"],
)
def test_what_was_not_limited_may_be(
    shared_pods: SharedPods, resources: dict[str, dict[str, str]], change: Change
) -> None:
    """A limit that comes without a request brings its request along."""
    pod = shared_pods.running(resources=[resources])

    timeline = pod.ask(change, How(dry_run=True))

    verify(timeline, expectation(pod, change))


@requirement("API-11")
@pytest.mark.parametrize("form", list(Form), ids=str)
def test_a_limit_alone_brings_its_request(shared_pods: SharedPods, form: Form) -> None:
    """With policies in the spec already: before 1.33 a new request would write one."""
    change = Change(memory="64Mi", scope="limits")
    policy = {"cpu": "NotRequired", "memory": "NotRequired"}
    cpu = {"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}}
    pod = shared_pods.running(resources=[cpu], resize_policy=policy)

    timeline = pod.ask(change, How(form=form, dry_run=True))

    verify(timeline, expectation(pod, change))


@requirement("API-22")
@pytest.mark.parametrize(
    "change",
    [
        Change(cpu="none", scope="limits"),
        Change(memory="none", scope="limits"),
        Change(memory="none"),
        Change(cpu="none", scope="limits", container="c1") & Change(cpu="+10m", container="c2"),
    ],
    ids=str,
)
def test_what_is_there_may_be_taken_away_or_not(shared_pods: SharedPods, change: Change) -> None:
    """Refused from 1.32 on; before that the QoS class alone decides."""
    pod = shared_pods.running(qos="Burstable", containers=2)

    timeline = pod.ask(change, How(form=Form.MERGE, dry_run=True))

    verify(timeline, expectation(pod, change))
