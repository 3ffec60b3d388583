"""Pods of a kind that cannot be resized, or that do not run yet (KEP-1287, "Validation").

A scheduling gate keeps them off the node, so that no node of the kind is needed.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import (
    Change,
    Edit,
    Form,
    How,
    Pods,
    SharedPods,
    claim,
    expectation,
    requirement,
    verify,
)

CHANGE = Change(cpu="+50m", memory="+32Mi")
ONE = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "200m", "memory": "128Mi"}}
INIT = {"name": "i1", "image": "example.com/i:1", "resources": ONE}


@requirement("API-27")
def test_a_windows_pod(shared_pods: SharedPods) -> None:
    """spec.os.name says windows."""
    system = {"name": "windows"}
    pod = shared_pods.unscheduled(qos="Burstable", os=system)

    timeline = pod.ask(CHANGE)

    verify(timeline, expectation(pod, CHANGE, os=system))


@requirement("API-26")
@pytest.mark.parametrize("form", [Form.STRATEGIC, Form.PUT], ids=str)
def test_a_static_pod(pods: Pods, form: Form) -> None:
    """Its mirror cannot be resized: the kubelet does as the file says."""
    pod = pods.mirror(qos="Burstable")

    timeline = pod.ask(CHANGE, How(form=form))

    verify(timeline, expectation(pod, CHANGE))


@requirement("API-36")
def test_a_pod_on_a_node_that_reports_no_resources(pods: Pods) -> None:
    """The status is what a kubelet before 1.27 writes."""
    pod = pods.unscheduled(qos="Burstable")
    pod.report_without_resources()

    timeline = pod.ask(CHANGE)

    verify(timeline, expectation(pod, CHANGE))


@requirement("API-28")
@pytest.mark.parametrize("change", [Change(cpu="+50m", container="i1")], ids=str)
@pytest.mark.parametrize("form", [Form.STRATEGIC, Form.PUT], ids=str)
def test_an_init_container(shared_pods: SharedPods, form: Form, change: Change) -> None:
    """No sidecar; allowed from 1.36 on."""
    pod = shared_pods.unscheduled(qos="Burstable", initContainers=[INIT])

    timeline = pod.ask(change, How(form=form, dry_run=True))

    verify(timeline, expectation(pod, change))


def _edit(name: str, operation: str, path: str, value: str | None = None) -> Edit:
    return Edit(
        name=name, operations=({"op": operation, "path": f"/spec/resources{path}", "value": value},)
    )


@requirement("API-07", "API-39")
@pytest.mark.parametrize(
    "each",
    [ONE, {"requests": ONE["requests"]}],
    ids=["beside limits", "beside none"],
)
@pytest.mark.parametrize(
    "edit",
    [
        _edit("raises a limit", "replace", "/limits/cpu", "900m"),
        _edit("raises a request", "replace", "/requests/memory", "200Mi"),
        _edit("a request below the containers'", "replace", "/requests/cpu", "10m"),
        _edit("a limit below a container's", "replace", "/limits/memory", "100Mi"),
        _edit("removes a limit", "remove", "/limits/cpu"),
        _edit("removes the requests", "remove", "/requests"),
        _edit("removes all", "remove", ""),
    ],
    ids=str,
)
def test_resources_of_the_pod(
    shared_pods: SharedPods, edit: Edit, each: dict[str, dict[str, str]]
) -> None:
    """Must hold the containers'; what is left out follows from these, or stays."""
    both = {"requests": {"cpu": "200m", "memory": "96Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
    pod = shared_pods.unscheduled(resources=[each], of_the_pod=both)

    timeline = pod.ask(edit, How(form=Form.MERGE, dry_run=True))

    verify(timeline, expectation(pod, edit))


@requirement("API-01", "API-02", "API-37")
def test_a_pod_that_waits_starts_with_the_new_values(pods: Pods) -> None:
    """Resized before it has a node, released, and read when it runs."""
    pod = pods.unscheduled(qos="Burstable")
    timeline = pod.ask(CHANGE)
    wanted = expectation(pod, CHANGE)
    verify(timeline, wanted)

    runs = pod.release()

    got = runs["status"]["containerStatuses"][0]["resources"]
    claim("API-37", "the resources that c1 runs with", got=got, want=wanted.container("c1").asked)


@requirement("API-38")
def test_a_pod_that_is_being_deleted(pods: Pods) -> None:
    """A finalizer keeps the object; its spec still takes a resize."""
    pod = pods.unscheduled(qos="Burstable")

    with pod.being_deleted():
        timeline = pod.ask(CHANGE)

    verify(timeline, expectation(pod, CHANGE))
