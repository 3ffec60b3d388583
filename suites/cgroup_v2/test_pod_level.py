"""Resources of the pod itself and those of its containers, on cgroup v2 (KEP-2837, KEP-5419).

What the pod asks for itself is what its own cgroup holds, whatever its containers ask for; a
container without a limit has the pod's.
"""

from __future__ import annotations

from typing import Any

import pytest

from podresize_fixtures import (
    Change,
    Edit,
    Form,
    How,
    Pods,
    claim,
    deadline,
    expectation,
    lacking,
    requirement,
    verify,
)

WHOLE = {
    "requests": {"cpu": "200m", "memory": "192Mi"},
    "limits": {"cpu": "400m", "memory": "256Mi"},
}
LIMITED = {
    "requests": {"cpu": "50m", "memory": "64Mi"},
    "limits": {"cpu": "100m", "memory": "96Mi"},
}
UNLIMITED = {"requests": {"cpu": "50m", "memory": "64Mi"}}


@pytest.mark.for_the_sake_of("KL-43")
@requirement("KL-43", "KL-30", "KL-34")
@pytest.mark.parametrize(
    "change",
    [Change(cpu="+30m", memory="+16Mi"), Change(cpu="-30m", memory="-16Mi")],
    ids=["up", "down"],
)
def test_a_resize_of_a_container_leaves_the_pods_cgroup_alone(pods: Pods, change: Change) -> None:
    """Both containers change; the sums would fit in what the pod has as a whole."""
    pod = pods.running(resources=[LIMITED, LIMITED], of_the_pod=WHOLE)
    before = _of_the_pod(pods.node.files(pod))

    timeline = pod.resize(change)

    verify(timeline, expectation(pod, change))
    now = pod.now
    claim("KL-43", "the pod's cgroup", got=_of_the_pod(pods.node.files(pod)), want=before)
    claim("KL-43", "what does not hold what is asked for", got=lacking(pods, pod, now), want=[])


@requirement("KL-43")
@pytest.mark.parametrize(
    ("cpu", "memory"), [("500m", "320Mi"), ("300m", "224Mi")], ids=["up", "down"]
)
def test_a_resize_of_the_pods_own_limits(pods: Pods, cpu: str, memory: str) -> None:
    """They are in its cgroup, and in that of the container without limits; nothing restarts."""
    pod = pods.running(resources=[LIMITED, UNLIMITED], of_the_pod=WHOLE)
    limits = {"cpu": cpu, "memory": memory}
    path = "/spec/resources/limits"
    edit = Edit(
        name="limits-of-the-pod", operations=({"op": "replace", "path": path, "value": limits},)
    )

    pod.ask(edit, How(form=Form.MERGE))
    seen = pod.until(lambda raw: _is_done(raw, limits), within=deadline(pods, "KL-43"))

    own = seen["spec"]["resources"]["limits"]
    claim("KL-43", "the limits in the spec", got=own, want=limits)
    claim("KL-43", "the API at the end", got=_in_words(seen), want=[])
    claim("KL-43", "what does not hold what is asked for", got=lacking(pods, pod, seen), want=[])
    claim("KL-43", "restarts of the containers", got=pod.restarts, want=0)


def _of_the_pod(files: dict[str, str]) -> dict[str, str]:
    return {name: content for name, content in files.items() if name.startswith("pod ")}


def _is_done(raw: dict[str, Any], limits: dict[str, str]) -> bool:
    shown = (raw["status"].get("resources") or {}).get("limits")
    return bool(shown == limits and not _in_words(raw))


def _in_words(raw: dict[str, Any]) -> list[str]:
    """Return what the API says of a resize that is not done."""
    conditions = raw["status"].get("conditions") or ()
    return [each["type"] for each in conditions if each["type"].startswith("PodResize")]
