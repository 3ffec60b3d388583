"""Deviations PD-02 and PD-03: what a runtime that reports no resources does from 1.33 on.

The kubelet then compares with its own record, so the resize ends; whether the status shows it
depends on the release.
"""

from __future__ import annotations

from typing import Any

import pytest

from podresize.evidence.judging import verify
from podresize.evidence.records import VerdictKind
from podresize.evidence.timeline import Witness
from podresize.oracle.change import Change

REQUIREMENTS = ["CRI-03", "ST-21"]


@pytest.fixture
def filled(resized: Any) -> Any:
    """A good resize of 1.37 whose runtime says nothing."""
    resize = resized(kubernetes="1.37.2", kubelet="1.37.2", runtime_version="1.6.8")
    resize.edit(Witness.CRI, lambda data: data.update(resources=None), since=-1.0)
    return resize


def judge(resize: Any) -> dict[str, Any]:
    found = verify(resize.timeline, resize.expectation, REQUIREMENTS)
    return {item.requirement: (item.kind, item.deviation) for item in found}


def test_the_runtime_deviates_and_the_status_does_not(filled: Any) -> None:
    assert judge(filled) == {
        "CRI-03": (VerdictKind.DEVIATION, "PD-02"),
        "ST-21": (VerdictKind.PASSED, None),
    }


def test_a_kernel_at_the_old_values_is_a_failure(filled: Any) -> None:
    def old(files: dict[str, Any]) -> None:
        files["cpu.shares"] = "204"

    filled.edit(Witness.KERNEL, old, subject="container/c1")

    assert judge(filled)["CRI-03"] == (VerdictKind.FAILED, None)


def test_the_same_silence_of_a_later_runtime_is_a_failure(resized: Any) -> None:
    resize = resized(kubernetes="1.37.2", kubelet="1.37.2", runtime_version="1.7.24")
    resize.edit(Witness.CRI, lambda data: data.update(resources=None), since=-1.0)

    assert judge(resize)["CRI-03"] == (VerdictKind.FAILED, None)


@pytest.fixture
def behind(resized: Any) -> Any:
    """A resize of 1.33 that ends, with the status of its container as it was."""
    resize = resized(
        Change(cpu="+100m"), kubernetes="1.33.13", kubelet="1.33.13", runtime_version="1.6.8"
    )
    resize.edit(Witness.CRI, lambda data: data.update(resources=None), since=-1.0)
    first = resize.of(Witness.API)[0].data["status"]["containerStatuses"][0]["resources"]

    def keep(pod: dict[str, Any]) -> None:
        pod["status"]["containerStatuses"][0]["resources"] = first

    resize.edit(Witness.API, keep)
    return resize


def test_a_status_that_stays_behind_is_a_deviation_of_both(behind: Any) -> None:
    assert judge(behind) == {
        "CRI-03": (VerdictKind.DEVIATION, "PD-03"),
        "ST-21": (VerdictKind.DEVIATION, "PD-03"),
    }


def test_a_status_that_was_not_watched_to_the_deadline_is_a_failure(behind: Any) -> None:
    behind.ended = 5.0

    assert judge(behind)["ST-21"] == (VerdictKind.FAILED, None)


def test_a_condition_that_stays_is_a_failure(behind: Any) -> None:
    def stuck(pod: dict[str, Any]) -> None:
        pod["status"].setdefault("conditions", []).append(
            {"type": "PodResizeInProgress", "status": "True"}
        )

    behind.edit(Witness.API, stuck)

    assert judge(behind)["ST-21"] == (VerdictKind.FAILED, None)
