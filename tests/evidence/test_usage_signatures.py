"""Deviation PD-21: a restarted container's memory limit is not lowered, for want of its usage."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from podresize.evidence.judging import verify
from podresize.evidence.records import VerdictKind
from podresize.evidence.timeline import Witness
from podresize.oracle.change import Change

NEW = {"kubernetes": "1.37.2", "kubelet": "1.37.2", "runtime_version": "2.1.4"}
MISSING = 'cannot decrease memory limits: missing container "c1" memory usage'
BELOW = 'cannot decrease memory limits: attempting to set container "c1" memory limit'


def stuck(resized: Callable[..., Any], *, message: str = MISSING, restarts: int = 1) -> Any:
    """A resize that was accepted and allocated and goes nowhere from there."""
    resize = resized(Change(memory="-16Mi"), **NEW)
    containers = tuple(
        dataclasses.replace(item, restart_count=restarts) for item in resize.expectation.containers
    )
    resize.expectation = dataclasses.replace(resize.expectation, containers=containers)
    resize.observations = [
        each for each in resize.observations if each.t <= 0.05 or each.witness is Witness.PROCESS
    ]
    for seen in resize.of(Witness.API):
        seen.data["status"]["containerStatuses"][0]["restartCount"] = restarts
    last = resize.of(Witness.API)[-1]
    shown = copy.deepcopy(last.data)
    shown["status"]["conditions"] = [
        {"type": "PodResizeInProgress", "status": "True", "reason": "Error", "message": message}
    ]
    resize.add(5.0, Witness.API, "pod", shown)
    return resize


@pytest.mark.parametrize("requirement", ["PR-03", "PR-04", "KL-30", "ST-21"])
def test_it_is_known(requirement: str, resized: Callable[..., Any]) -> None:
    resize = stuck(resized)

    judgement = verify(resize.timeline, resize.expectation, [requirement])[0]

    assert (judgement.kind, judgement.deviation) == (VerdictKind.DEVIATION, "PD-21")


@pytest.mark.parametrize("other", [{"message": BELOW}, {"restarts": 0}], ids=str)
def test_anything_else_is_a_failure(other: dict[str, Any], resized: Callable[..., Any]) -> None:
    resize = stuck(resized, **other)

    judgement = verify(resize.timeline, resize.expectation, ["PR-03"])[0]

    assert judgement.kind is VerdictKind.FAILED
