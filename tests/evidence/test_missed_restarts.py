"""Deviation PD-80: a pod's cgroup misses the restart of a container that was down already."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from podresize.evidence.judging import verify
from podresize.evidence.timeline import Witness
from podresize.oracle.change import Change

C1 = "container/c1"
DOWN = {"terminated": {"exitCode": 0, "reason": "Completed"}}
EXPLAINED = [("deviation", "PD-80"), ("deviation", "PD-80")]


@pytest.fixture
def missed(resized: Callable[..., Any], pod_of: Callable[..., Any]) -> Any:
    """As seen on 1.27.4 with systemd: down at +6.7 s, running and done at +36.2 s."""
    resources = {kind: {"cpu": "50m", "memory": "64Mi"} for kind in ("requests", "limits")}
    pod = pod_of({"c1": resources}, policy="RestartContainer")
    resize = resized(Change(cpu="+50m"), pod=pod)
    resize.drop(Witness.KERNEL, "pod", since=0.0)
    before, last = resize.of(Witness.API)[0], resize.of(Witness.API)[-1]
    last.data["status"]["containerStatuses"][0]["state"] = {"running": {}}
    down = copy.deepcopy(last.data)
    status = down["status"]["containerStatuses"][0]
    status |= {"state": DOWN, "restartCount": status["restartCount"] - 1, "resources": None}
    assert before.data["status"]["containerStatuses"][0]["restartCount"] == status["restartCount"]
    resize.add(last.t - 0.01, Witness.API, "pod", down)
    resize.observations.sort(key=lambda seen: seen.t)
    return resize


def of(resize: Any) -> list[tuple[str, str | None]]:
    judged = verify(resize.timeline, resize.expectation, ["KL-32", "PR-01"])
    return [(str(each.kind), each.deviation) for each in judged]


def is_explained(resize: Any) -> bool:
    return "PD-80" in {deviation for _, deviation in of(resize)}


def test_a_pod_that_keeps_its_old_limits_is_one(missed: Any) -> None:
    assert of(missed) == EXPLAINED


def test_a_container_that_was_never_seen_to_be_down_is_none(missed: Any) -> None:
    """Then the same sync ended it, and should have raised the pod's cgroup."""
    for seen in missed.of(Witness.API):
        seen.data["status"]["containerStatuses"][0]["state"] = {"running": {}}

    assert not is_explained(missed)


def test_a_cgroup_that_moved_and_came_back_is_none(missed: Any) -> None:
    old = missed.of(Witness.KERNEL, "pod")[-1].data
    missed.add(1.0, Witness.KERNEL, "pod", old | {"cpu.cfs_quota_us": "10000"})
    missed.add(2.0, Witness.KERNEL, "pod", old)

    assert not is_explained(missed)


def test_a_container_without_its_new_values_is_none(missed: Any) -> None:
    missed.drop(Witness.KERNEL, C1, since=0.0)

    assert not is_explained(missed)


def test_an_api_that_does_not_say_done_is_none(missed: Any) -> None:
    missed.of(Witness.API)[-1].data["status"]["resize"] = "InProgress"

    assert not is_explained(missed)


def test_a_later_release_is_none(resized: Callable[..., Any], pod_of: Callable[..., Any]) -> None:
    resources = {kind: {"cpu": "50m", "memory": "64Mi"} for kind in ("requests", "limits")}
    pod = pod_of({"c1": resources}, policy="RestartContainer")
    resize = resized(Change(cpu="+50m"), pod=pod, kubernetes="1.37.2")
    resize.drop(Witness.KERNEL, "pod", since=0.0)

    assert not is_explained(resize)
