"""Deviation PD-76: a resize that restarts is called done while its container is down."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from podresize.evidence.judging import verify
from podresize.evidence.timeline import Witness
from podresize.oracle.change import Change

MEMORY = Change(memory="+32Mi")


def down_and_done(resize: Any, *, started: float = 20.0) -> None:
    """As seen on 1.37.2 emulated: ended at +1.6 s, done at +7.4 s, started again at +36.3 s."""
    resize.observations = [
        dataclasses.replace(seen, t=started)
        if seen.t > 0 and seen in resize.of(Witness.KERNEL, "container/c1")
        else seen
        for seen in resize.observations
    ]
    last = resize.of(Witness.API)[-1]
    early = resize.again(7.4, Witness.API, "pod", -1)
    status = early["status"]["containerStatuses"][0]
    status["state"] = {"terminated": {"exitCode": 137}}
    status["restartCount"] -= 1
    last.data["status"]["containerStatuses"][0]["state"] = {"running": {}}
    resize.observations.sort(key=lambda seen: seen.t)


@pytest.fixture
def restarted(resized: Callable[..., Any], pod_of: Callable[..., Any]) -> Any:
    resources = {kind: {"cpu": "50m", "memory": "64Mi"} for kind in ("requests", "limits")}
    pod = pod_of({"c1": resources}, policy="RestartContainer")
    resize = resized(MEMORY, pod=pod, kubernetes="1.37.2")
    down_and_done(resize)
    return resize


def of(resize: Any) -> tuple[str, str | None]:
    judged = verify(resize.timeline, resize.expectation, ["PR-01"])[0]
    return judged.kind, judged.deviation


def first_done(resize: Any) -> dict[str, Any]:
    return next(seen.data for seen in resize.of(Witness.API) if seen.t == 7.4)


def test_a_resize_that_is_done_while_its_container_is_down_is_passed_with_its_id(
    restarted: Any,
) -> None:
    assert of(restarted) == ("passed", "PD-76")


def test_a_container_that_runs_already_is_none(restarted: Any) -> None:
    status = first_done(restarted)["status"]["containerStatuses"][0]
    status["state"] = {"running": {}}

    assert of(restarted) == ("failed", None)


def test_a_run_that_counts_already_is_none(restarted: Any) -> None:
    first_done(restarted)["status"]["containerStatuses"][0]["restartCount"] += 1

    assert of(restarted) == ("failed", None)


def test_a_pods_cgroup_that_stays_is_none(restarted: Any) -> None:
    restarted.drop(Witness.KERNEL, "pod", since=0.0)

    assert of(restarted) == ("failed", None)


def test_without_a_restart_it_is_none(resized: Callable[..., Any]) -> None:
    resize = resized(MEMORY, kubernetes="1.37.2")
    down_and_done(resize)

    assert of(resize) == ("failed", None)
