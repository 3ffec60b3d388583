"""What a check that looks for a deviation says of a timeline."""

from __future__ import annotations

from typing import Any

import pytest

from podresize.errors import HarnessError
from podresize.evidence.timeline import Witness
from podresize.requirements.loader import load_catalogue
from podresize_fixtures.known_issues import EXACT, look_for

C_01 = load_catalogue().deviations["C-01"]


def found(resize: Any) -> str:
    return look_for(C_01, resize.timeline, resize.expectation)


def test_the_whole_signature_is_exact(resized: Any) -> None:
    assert found(resized(runtime_version="1.6.8", silent=True)) == EXACT


def test_a_better_stack_is_an_unexpected_pass(resized: Any) -> None:
    text = found(resized(runtime_version="1.6.8"))

    assert text.startswith("an unexpected pass: CRI-02, CRI-03")
    assert text.endswith("met")


def test_a_worse_stack_is_something_else(resized: Any) -> None:
    resize = resized(runtime_version="1.6.8", silent=True)
    resize.edit(Witness.KERNEL, lambda files: files.update({"cpu.shares": "204"}))

    assert found(resize).startswith("something else: the cgroup of ")


def test_a_witness_that_was_not_heard_is_the_harness(resized: Any) -> None:
    resize = resized(runtime_version="1.6.8", silent=True)
    resize.drop(Witness.CRI)

    with pytest.raises(HarnessError, match="evidence is missing"):
        found(resize)
