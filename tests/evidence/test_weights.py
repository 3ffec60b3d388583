"""The judge of cpu.weight: whose formula it is, and that nobody turns one back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.evidence.mutants.spoiling import C1, kernel

from podresize.evidence.judging import Judgement, verify
from podresize.oracle.change import Change

V2 = {"cgroup_version": 2}


def judged(resize: Any) -> Judgement:
    return verify(resize.timeline, resize.expectation, ["KL-39"])[0]


@pytest.mark.parametrize(
    ("stack", "container"),
    [
        ({"oci_runtime_version": "1.3.1"}, "12"),
        ({"oci_runtime_version": "1.3.2"}, "40"),
        ({"oci_runtime": "crun", "oci_runtime_version": "1.22"}, "12"),
        ({"oci_runtime": "crun", "oci_runtime_version": "1.23"}, "40"),
        ({"oci_runtime": "unknown", "oci_runtime_version": "unknown"}, "12"),
        ({"oci_runtime": "unknown", "oci_runtime_version": "unknown"}, "40"),
        ({"kubernetes": "1.37.2", "cgroup_driver": "systemd"}, "12"),
    ],
)
def test_each_formula_where_it_is_right(
    resized: Callable[..., Any], stack: dict[str, Any], container: str
) -> None:
    """300m are 307 shares: 12 by the line, 40 by the curve; the pod's is the line's."""
    resize = resized(**(V2 | stack))
    kernel(C1, "cpu.weight", container)(resize)

    found = judged(resize)

    assert found.kind == "passed"
    assert found.reading == f"cpu.weight of container/c1 {container}, pod 12"


@pytest.mark.parametrize("change", [Change(cpu="-172m"), Change(cpu="2m"), Change(cpu="+0")])
def test_down_and_to_the_least(resized: Callable[..., Any], change: Change) -> None:
    assert judged(resized(change, **V2)).kind == "passed"


@pytest.mark.parametrize(
    ("subject", "content", "reading"),
    [
        (C1, "12", "it is that of the straight line"),
        ("pod", "40", "it is that of the curve"),
        (C1, "13", "the weight follows from no formula"),
    ],
)
def test_it_says_whose_formula_it_is(
    resized: Callable[..., Any], subject: str, content: str, reading: str
) -> None:
    resize = resized(**(V2 | {"oci_runtime_version": "1.5.3"}))
    kernel(subject, "cpu.weight", content)(resize)

    found = judged(resize)

    assert found.kind == "failed"
    assert reading in (found.text or "")


def test_cgroup_v1_has_no_weight(resized: Callable[..., Any]) -> None:
    assert judged(resized()).kind == "unsupported"
