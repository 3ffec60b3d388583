"""Deviation PD-40: a kubelet that has ended excuses no resize; its own check looks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.evidence.mutants.spoiling import C1

from podresize.evidence.judging import verify
from podresize.evidence.records import VerdictKind
from podresize.evidence.timeline import Witness
from podresize.requirements.loader import load_catalogue


@pytest.mark.parametrize("requirement", sorted(load_catalogue().deviations["PD-40"].explains))
def test_it_is_no_excuse_for_what_a_timeline_shows(
    resized: Callable[..., Any], requirement: str
) -> None:
    resize = resized(kubernetes="1.27.4", kubelet="1.27.4", runtime_version="1.6.36")
    first = next(seen for seen in resize.of(Witness.PROCESS) if seen.subject == C1)
    resize.add(resize.ended, Witness.PROCESS, C1, first.data | {"pid": 4, "start_ticks": 7})

    judgement = verify(resize.timeline, resize.expectation, [requirement])[0]

    assert judgement.deviation is None
    assert judgement.kind in (VerdictKind.FAILED, VerdictKind.SKIPPED)
