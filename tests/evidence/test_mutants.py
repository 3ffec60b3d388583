"""Every requirement has a fault that its judge catches, and passes without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.evidence.mutants import api, kubelet, podresize, runtime, status, timing
from tests.evidence.mutants.spoiling import Mutate

from podresize.evidence.judges import JUDGES
from podresize.evidence.judging import verify
from podresize.evidence.records import VerdictKind
from podresize.requirements.loader import load_catalogue
from podresize.requirements.model import Judged

AREAS = (api, status, kubelet, runtime, podresize, timing)
MUTANTS = [mutant for area in AREAS for mutant in area.MUTANTS]
BY_TIMELINE = {
    item.id for item in load_catalogue().requirements.values() if item.judged is Judged.TIMELINE
}


# What is required of the harness is no statement about the target when it is not met.
OF_THE_HARNESS = {"PR-14": VerdictKind.ERROR}


def kind_of(requirement: str, resize: Any) -> VerdictKind:
    return verify(resize.timeline, resize.expectation, [requirement])[0].kind


@pytest.mark.parametrize(
    ("requirement", "options", "mutate"),
    [
        pytest.param(requirement, options, mutate, id=f"{requirement}-{name}")
        for requirement, options, name, mutate in MUTANTS
    ],
)
def test_the_mutant_is_caught(
    requirement: str, options: dict[str, Any], mutate: Mutate, resized: Callable[..., Any]
) -> None:
    good, bad = resized(**options), resized(**options)
    mutate(bad)

    assert kind_of(requirement, good) is VerdictKind.PASSED
    judgement = verify(bad.timeline, bad.expectation, [requirement])[0]
    assert judgement.kind is OF_THE_HARNESS.get(requirement, VerdictKind.FAILED), judgement
    assert judgement.text is not None
    assert judgement.text.startswith(
        f"{requirement} ({load_catalogue().requirement(requirement).level})"
    )
    assert judgement.reading


def test_every_requirement_has_a_mutant() -> None:
    assert {requirement for requirement, *_ in MUTANTS} == BY_TIMELINE


def test_judges_and_catalogue_have_the_same_ids() -> None:
    assert set(JUDGES) == BY_TIMELINE
