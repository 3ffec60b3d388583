"""Deviation PD-01: cpu dips at each sync of a resize that a silent runtime never lets end.

The first stack that surprised the suite. What its timeline showed is kept here as a synthetic one,
with the pictures beside it that are something else and must fail.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from podresize.evidence.judging import verify
from podresize.evidence.records import VerdictKind
from podresize.evidence.timeline import Witness

C1 = "container/c1"
SYNC = 68.65


def dip(resize: Any, name: str, *, seconds: float = 0.012, subject: str = C1) -> None:
    """Put a file's old value back at a sync, for so long."""
    states = resize.of(Witness.KERNEL, subject)
    old, new = copy.deepcopy(states[0].data), copy.deepcopy(states[-1].data)
    resize.add(SYNC, Witness.KERNEL, subject, new | {name: old[name]})
    resize.add(SYNC + seconds, Witness.KERNEL, subject, new)


@pytest.fixture
def silent(resized: Any) -> Any:
    return resized(runtime_version="1.6.8", silent=True)


def judge(resize: Any) -> Any:
    return verify(resize.timeline, resize.expectation, ["PR-01"])[0]


def test_cpu_that_dips_for_milliseconds_is_the_deviation(silent: Any) -> None:
    dip(silent, "cpu.shares")
    dip(silent, "cpu.cfs_quota_us")

    judgement = judge(silent)

    assert (judgement.kind, judgement.deviation) == (VerdictKind.DEVIATION, "PD-01")


def test_without_a_dip_nothing_deviates(silent: Any) -> None:
    assert judge(silent).kind is VerdictKind.PASSED


def test_memory_that_goes_back_is_a_failure(silent: Any) -> None:
    dip(silent, "memory.limit_in_bytes")

    assert judge(silent).kind is VerdictKind.FAILED


def test_a_pod_cgroup_that_goes_back_is_a_failure(silent: Any) -> None:
    dip(silent, "cpu.shares", subject="pod")

    assert judge(silent).kind is VerdictKind.FAILED


def test_a_dip_that_lasts_is_a_failure(silent: Any) -> None:
    dip(silent, "cpu.shares", seconds=6.0)

    assert judge(silent).kind is VerdictKind.FAILED


def test_a_dip_beside_a_runtime_that_reports_is_a_failure(resized: Any) -> None:
    resize = resized()
    dip(resize, "cpu.shares")

    assert judge(resize).kind is VerdictKind.FAILED
