"""Requests that the API refuses, with code and words, and leaves the pod alone.

(KEP-1287, "Validation".) Nothing is changed, so all of them are asked of shared pods.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import (
    Change,
    Edit,
    Form,
    How,
    SharedPods,
    expectation,
    requirement,
    verify,
)

C1 = "/spec/containers/0"
POLICY = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]
DISK = {"op": "add", "path": f"{C1}/resources/limits/ephemeral-storage", "value": "1Gi"}
DEVICE = {"op": "add", "path": f"{C1}/resources/limits/example.com~1dongle", "value": "1"}
NAME = {"op": "replace", "path": f"{C1}/name", "value": "other"}
EXTRA = {"op": "copy", "from": C1, "path": "/spec/containers/-"}
EDITS = [
    Edit(name="adds ephemeral-storage", operations=(DISK,)),
    Edit(name="adds an extended resource", operations=(DEVICE,)),
    Edit(name="renames a container", operations=(NAME,)),
    Edit(
        name="reorders containers",
        operations=({"op": "move", "from": C1, "path": "/spec/containers/1"},),
    ),
    Edit(
        name="adds a container",
        operations=(EXTRA, {"op": "replace", "path": "/spec/containers/2/name", "value": "c3"}),
    ),
    Edit(name="removes a container", operations=({"op": "remove", "path": "/spec/containers/1"},)),
    Edit(
        name="adds a resizePolicy",
        operations=({"op": "add", "path": f"{C1}/resizePolicy", "value": POLICY},),
    ),
]
RULES = ("PR-42", "API-07", "API-20", "API-21", "API-22", "API-25", "API-32", "API-35", "PR-40")
CHANGES = [
    ("Guaranteed", Change(cpu="-10m", scope="requests")),
    ("Guaranteed", Change(memory="+32Mi", scope="limits")),
    ("Guaranteed", Change(cpu="-10m", scope="requests", container="c1")),
    ("Burstable", Change(cpu="300m", memory="128Mi")),
    ("BestEffort", Change(cpu="100m")),
    ("BestEffort", Change(memory="64Mi", scope="requests")),
    ("BestEffort", Change(cpu="100m", memory="64Mi")),
    ("Burstable", Change(cpu="+5", scope="requests")),
    ("Burstable", Change(memory="+1Gi", scope="requests")),
    ("Burstable", Change(cpu="-5", scope="requests")),
    ("Burstable", Change(memory="-1Gi", scope="limits")),
]


@requirement(*RULES)
@pytest.mark.parametrize(
    ("qos", "change"), CHANGES, ids=[f"{qos}-{change}" for qos, change in CHANGES]
)
def test_changes_of_cpu_and_memory(shared_pods: SharedPods, qos: str, change: Change) -> None:
    """Another QoS class, a request above its limit, less than nothing."""
    pod = shared_pods.running(qos=qos, containers=2)

    timeline = pod.ask(change, How(form=Form.MERGE))

    verify(timeline, expectation(pod, change))


@requirement(*RULES, "API-10")
@pytest.mark.profile("extended")
@pytest.mark.parametrize(
    ("qos", "change"), CHANGES, ids=[f"{qos}-{change}" for qos, change in CHANGES]
)
@pytest.mark.parametrize("form", list(Form), ids=str)
@pytest.mark.parametrize("dry_run", [False, True], ids=["real", "dry"])
def test_changes_of_cpu_and_memory_in_every_form(
    shared_pods: SharedPods, qos: str, change: Change, form: Form, dry_run: bool
) -> None:
    """The whole product."""
    pod = shared_pods.running(qos=qos, containers=2)

    timeline = pod.ask(change, How(form=form, dry_run=dry_run))

    verify(timeline, expectation(pod, change))


@requirement(*RULES, "API-10")
@pytest.mark.parametrize("edit", EDITS, ids=str)
@pytest.mark.parametrize("form", [Form.MERGE, Form.JSON, Form.PUT], ids=str)
def test_changes_of_anything_else(shared_pods: SharedPods, form: Form, edit: Edit) -> None:
    """Other resources, other containers, another policy."""
    pod = shared_pods.running(qos="Burstable", containers=2)

    timeline = pod.ask(edit, How(form=form))

    verify(timeline, expectation(pod, edit))


@requirement("API-35")
@pytest.mark.parametrize("form", [Form.MERGE, Form.JSON, Form.PUT], ids=str)
def test_an_amount_that_is_none(shared_pods: SharedPods, form: Form) -> None:
    """Invalid in a patch, a bad request as a whole object."""
    path = f"{C1}/resources/limits/cpu"
    edit = Edit(name="much", operations=({"op": "replace", "path": path, "value": "much"},))
    pod = shared_pods.running(qos="Burstable", containers=2)

    timeline = pod.ask(edit, How(form=form))

    verify(timeline, expectation(pod, edit))


@requirement("API-32", "API-56")
@pytest.mark.parametrize(
    "edit",
    [
        Edit(name="removes it", operations=({"op": "remove", "path": f"{C1}/resizePolicy"},)),
        Edit(
            name="changes it",
            operations=(
                {
                    "op": "replace",
                    "path": f"{C1}/resizePolicy/0/restartPolicy",
                    "value": "NotRequired",
                },
            ),
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("form", [Form.MERGE, Form.PUT], ids=str)
def test_a_resize_policy_stays(shared_pods: SharedPods, form: Form, edit: Edit) -> None:
    """What a container has cannot be changed or left out."""
    policy = {"cpu": "RestartContainer", "memory": "RestartContainer"}
    pod = shared_pods.running(qos="Burstable", resize_policy=policy)

    timeline = pod.ask(edit, How(form=form))

    verify(timeline, expectation(pod, edit))
