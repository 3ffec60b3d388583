"""Deviation PD-02: a runtime that reports no resources, under a kubelet that fills the gap."""

from __future__ import annotations

from typing import Any

import pytest

from podresize.evidence.judging import verify
from podresize.evidence.records import VerdictKind
from podresize.evidence.timeline import Witness

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
