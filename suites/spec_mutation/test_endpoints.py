"""Where a resize is asked for, and what the endpoint lets through (KEP-1287, "Validation")."""

from __future__ import annotations

import pytest

from podresize_fixtures import (
    Change,
    Edit,
    Form,
    How,
    Pods,
    SharedPods,
    Surroundings,
    expectation,
    requirement,
    verify,
)

CHANGE = Change(cpu="+50m", memory="+32Mi")
MORE_CPU = {"op": "replace", "path": "/spec/containers/0/resources/limits/cpu", "value": "450m"}
DROPPED = [
    ("replace", "/spec/containers/0/image", "example.com/other:1"),
    ("add", "/metadata/labels/podresize~1new", "label"),
    ("add", "/metadata/annotations", {"podresize/new": "annotation"}),
    ("add", "/spec/tolerations/-", {"key": "podresize/new", "operator": "Exists"}),
    ("add", "/spec/activeDeadlineSeconds", 3600),
    ("add", "/spec/containers/0/env", [{"name": "A", "value": "b"}]),
]
EDITS = [
    Edit(name=path, operations=({"op": operation, "path": path, "value": value},))
    for operation, path, value in DROPPED
]

MEMORY = {"name": "more", "emptyDir": {"medium": "Memory"}}
VOLUME = Edit(
    name="adds a volume", operations=({"op": "add", "path": "/spec/volumes", "value": [MEMORY]},)
)
STATUS = Edit(
    name="clears the containers' statuses",
    operations=({"op": "remove", "path": "/status/containerStatuses"},),
)


@requirement("API-01", "API-03", "API-10")
@pytest.mark.parametrize("form", list(Form), ids=str)
@pytest.mark.parametrize("dry_run", [False, True], ids=["real", "dry"])
def test_the_other_endpoint(shared_pods: SharedPods, form: Form, dry_run: bool) -> None:
    """Before 1.32 there is no subresource; since then the pod itself refuses."""
    pod = shared_pods.running(qos="Burstable")
    how = How(form=form, dry_run=dry_run, endpoint=shared_pods.other_endpoint)

    timeline = pod.ask(CHANGE, how)

    verify(timeline, expectation(pod, CHANGE))


@requirement("API-06", "API-07")
@pytest.mark.parametrize("edit", EDITS, ids=str)
@pytest.mark.parametrize("form", [Form.MERGE, Form.JSON, Form.PUT], ids=str)
def test_what_a_resize_drops(shared_pods: SharedPods, form: Form, edit: Edit) -> None:
    """200, and nothing has changed."""
    pod = shared_pods.running(qos="Burstable")

    timeline = pod.ask(edit, How(form=form, endpoint="pods/resize"))

    verify(timeline, expectation(pod, edit))


@requirement("API-06", "API-07")
@pytest.mark.parametrize("form", [Form.MERGE, Form.JSON, Form.PUT], ids=str)
def test_what_a_resize_drops_beside_what_it_takes(pods: Pods, form: Form) -> None:
    """The resources change, the image beside them does not."""
    edit = Edit(name="cpu and image", operations=(MORE_CPU, *EDITS[0].operations))
    pod = pods.unscheduled(qos="Burstable")

    timeline = pod.ask(edit, How(form=form, endpoint="pods/resize"))

    verify(timeline, expectation(pod, edit))


@requirement("API-07", "API-43", "API-60")
@pytest.mark.parametrize("edit", [VOLUME, STATUS], ids=str)
@pytest.mark.parametrize("form", [Form.MERGE, Form.JSON, Form.PUT], ids=str)
def test_what_nobody_may_write(shared_pods: SharedPods, form: Form, edit: Edit) -> None:
    """Asked for where this version takes a resize."""
    pod = shared_pods.running(qos="Burstable")

    timeline = pod.ask(edit, How(form=form))

    verify(timeline, expectation(pod, edit))


@requirement("API-41")
@pytest.mark.parametrize(
    "change",
    [
        Change(cpu="999"),
        Change(memory="999Gi"),
        Change(cpu="999", memory="999Gi"),
        Change(cpu="999", container="c2"),
    ],
    ids=str,
)
def test_more_than_the_node_has(shared_pods: SharedPods, change: Change) -> None:
    """Refused at once, with what was requested and what there is."""
    pod = shared_pods.running(qos="Guaranteed", containers=2)

    timeline = pod.ask(change, surroundings=Surroundings(allocatable=shared_pods.allocatable))

    verify(timeline, expectation(pod, change))
