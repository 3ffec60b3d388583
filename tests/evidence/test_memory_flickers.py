"""Deviation PD-05: the memory request in status goes back and forth; all else stays."""

from __future__ import annotations

from typing import Any

import pytest
from tests.evidence.test_cpu_returns import dip

from podresize.evidence.judging import verify
from podresize.evidence.records import VerdictKind
from podresize.evidence.timeline import Witness


def judge(resize: Any) -> tuple[VerdictKind, str | None]:
    found = verify(resize.timeline, resize.expectation, ["PR-01"])[0]
    return found.kind, found.deviation


def back(resize: Any, kind: str, name: str, *, seconds: float = 0.04) -> None:
    """Show a value of the status at its old value again, for so long, after it had arrived."""
    last = resize.of(Witness.API)[-1]
    old = resize.expectation.containers[0].before[kind][name]
    shown = resize.again(last.t + 1.0, Witness.API, "pod", -1)
    shown["status"]["containerStatuses"][0]["resources"][kind][name] = old
    final = len(resize.of(Witness.API)) - 2
    resize.again(last.t + 1.0 + seconds, Witness.API, "pod", final)


@pytest.fixture
def good(resized: Any) -> Any:
    return resized()


def test_a_memory_request_that_comes_and_goes_is_the_race(good: Any) -> None:
    back(good, "requests", "memory")

    assert judge(good) == (VerdictKind.PASSED, "PD-05")


@pytest.mark.parametrize(("kind", "name"), [("limits", "memory"), ("requests", "cpu")])
def test_any_other_value_that_comes_back_is_a_failure(good: Any, kind: str, name: str) -> None:
    back(good, kind, name)

    assert judge(good) == (VerdictKind.FAILED, None)


def test_a_memory_request_that_stays_old_is_a_failure(good: Any) -> None:
    back(good, "requests", "memory")
    good.observations.pop()

    assert judge(good) == (VerdictKind.FAILED, None)


def test_a_kernel_that_goes_back_with_it_is_a_failure(good: Any) -> None:
    back(good, "requests", "memory")
    later = good.again(90.0, Witness.KERNEL, "pod", 0)
    assert later

    assert judge(good) == (VerdictKind.FAILED, None)


def test_cpu_of_a_container_that_goes_back_with_it_is_a_failure(good: Any) -> None:
    """PD-01's dips belong to a runtime that does not report; this one does."""
    back(good, "requests", "memory")
    dip(good, "cpu.cfs_quota_us", seconds=3.0)

    assert judge(good) == (VerdictKind.FAILED, None)


@pytest.mark.parametrize("requirement", ["PR-01", "PR-10", "ST-02"])
def test_the_old_status_says_in_progress_again(good: Any, requirement: str) -> None:
    back(good, "requests", "memory")
    good.of(Witness.API)[-2].data["status"]["resize"] = "InProgress"

    found = verify(good.timeline, good.expectation, [requirement])[0]

    assert (found.kind, found.deviation) == (VerdictKind.PASSED, "PD-05")


@pytest.mark.parametrize("requirement", ["PR-10", "ST-02"])
@pytest.mark.parametrize(
    ("state", "word"), [(-1, "InProgress"), (-2, "Deferred"), (-2, "Ready")], ids=str
)
def test_any_other_step_is_a_failure(good: Any, requirement: str, state: int, word: str) -> None:
    back(good, "requests", "memory")
    good.of(Witness.API)[state].data["status"]["resize"] = word
    # Not at the end: what a resize ends with is another matter.
    done = -3 if state == -1 else -1
    good.again(95.0, Witness.API, "pod", done)

    assert verify(good.timeline, good.expectation, [requirement])[0].kind is VerdictKind.FAILED
