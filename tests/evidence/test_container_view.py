"""Judged by what is seen from inside the container alone: enough to pass, and enough to fail."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from tests.evidence.conftest import CHANGE
from tests.evidence.mutants.spoiling import C1

from podresize.evidence.decider import is_decided
from podresize.evidence.judging import verify
from podresize.evidence.records import VerdictKind
from podresize.evidence.timeline import Witness
from podresize.oracle.expectation import expectation

RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


def identify(pod: dict[str, Any], *, id_: str = "containerd://aaaa") -> None:
    for each in pod["status"]["containerStatuses"]:
        each |= {"containerID": id_, "state": copy.deepcopy(RUNNING)}


@pytest.fixture
def inside(resized: Callable[..., Any]) -> Any:
    """A good resize as a user without access to the node sees it."""
    resize = resized()
    resize.edit(Witness.API, identify, since=-9.0)
    target = dataclasses.replace(resize.expectation.fingerprint, view="container")
    before = resize.of(Witness.API)[0].data
    resize.expectation = expectation(before, CHANGE, target)
    resize.drop(Witness.CRI)
    resize.observations = [
        seen
        for seen in resize.observations
        if seen.witness is not Witness.KERNEL or seen.subject == C1
    ]
    return resize


def kind_of(resize: Any, requirement: str) -> VerdictKind:
    return verify(resize.timeline, resize.expectation, [requirement])[0].kind


def test_nothing_above_the_container_is_expected(inside: Any) -> None:
    assert set(inside.expectation.cgroups_after) == {C1}


def test_the_end_is_seen_without_the_runtime(inside: Any) -> None:
    seen = tuple(inside.timeline.observations)
    without_kernel = tuple(each for each in seen if each.witness is not Witness.KERNEL)

    assert is_decided(seen, inside.expectation)
    assert not is_decided(without_kernel, inside.expectation)


@pytest.mark.parametrize("requirement", ["KL-30", "KL-34", "ST-20", "ST-21", "KL-41", "PR-04"])
def test_a_good_resize_passes(inside: Any, requirement: str) -> None:
    assert kind_of(inside, requirement) is VerdictKind.PASSED


def test_a_kernel_without_the_values_fails(inside: Any) -> None:
    old = inside.of(Witness.KERNEL, C1)[0].data
    inside.edit(Witness.KERNEL, lambda files: files.update(old), subject=C1)

    assert kind_of(inside, "KL-30") is VerdictKind.FAILED


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda pod: identify(pod, id_="containerd://bbbb"), id="another container id"),
        pytest.param(
            lambda pod: pod["status"]["containerStatuses"][0]["state"]["running"].update(
                startedAt="2026-01-01T00:00:09Z"
            ),
            id="another start",
        ),
        pytest.param(
            lambda pod: pod["status"]["containerStatuses"][0].update(restartCount=1),
            id="a restart is counted",
        ),
    ],
)
def test_a_restart_that_the_api_tells_fails(
    inside: Any, spoil: Callable[[dict[str, Any]], None]
) -> None:
    inside.edit(Witness.API, spoil, since=1.0)

    assert kind_of(inside, "KL-34") is VerdictKind.FAILED


def test_a_restart_that_the_process_tells_fails(inside: Any) -> None:
    inside.edit(Witness.PROCESS, lambda who: who.update(start_ticks=1234), since=1.0)

    assert kind_of(inside, "KL-34") is VerdictKind.FAILED


def test_without_a_look_inside_it_is_the_harness(inside: Any) -> None:
    inside.drop(Witness.KERNEL)

    assert kind_of(inside, "KL-30") is VerdictKind.ERROR


def started_anew(resize: Any, *, entered: float, written: float | None) -> Any:
    """Have the container restart; its new process is entered, its cgroup new, so many s late."""
    expected = resize.expectation
    resize.expectation = dataclasses.replace(
        expected,
        containers=tuple(dataclasses.replace(item, restarts=1) for item in expected.containers),
    )
    new = resize.of(Witness.KERNEL, C1)[-1].data
    done = max(seen.t for seen in resize.of(Witness.API))
    resize.drop(Witness.KERNEL, C1, since=0.0)
    resize.drop(Witness.PROCESS, C1, since=0.0)
    resize.add(done + entered, Witness.PROCESS, C1, {"pid": 1, "start_ticks": 1234})
    if written is not None:
        resize.add(done + written, Witness.KERNEL, C1, new)
    return resize


def test_nobody_sees_a_new_container_before_it_is_entered(inside: Any) -> None:
    assert kind_of(started_anew(inside, entered=3.0, written=3.0), "PR-01") is VerdictKind.PASSED


@pytest.mark.parametrize(
    ("entered", "written"), [(0.1, 3.0), (3.0, 6.0), (3.0, None)], ids=["soon", "late", "never"]
)
def test_what_is_not_there_when_it_is_entered_fails(
    inside: Any, entered: float, written: float | None
) -> None:
    spoiled = started_anew(inside, entered=entered, written=written)

    assert kind_of(spoiled, "PR-01") is VerdictKind.FAILED
