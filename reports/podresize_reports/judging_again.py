"""A run as today's judges see it: its timelines judged again, with no cluster."""

from __future__ import annotations

import dataclasses

from podresize.evidence.judging import verify
from podresize.evidence.records import VerdictRecord
from podresize.oracle.expectation import Expectation
from podresize.requirements.loader import load_catalogue
from podresize.requirements.model import Judged
from podresize_reports.loading import Run


def judged_again(run: Run) -> Run:
    """Return the run with the verdicts that its timelines have today; those of claims stay."""
    return dataclasses.replace(run, verdicts=tuple(_again(run, each) for each in run.verdicts))


def _again(run: Run, verdict: VerdictRecord) -> VerdictRecord:
    seen = run.timelines.get(verdict.timeline or "")
    judged = load_catalogue().requirement(verdict.requirement).judged
    # Claims about a timeline name it as their evidence.
    if seen is None or not verdict.verdict.is_executed or judged is Judged.CLAIMS:
        return verdict
    expectation = Expectation.from_json(seen.expectation)
    (found,) = verify(seen.timeline, expectation, [verdict.requirement])
    return dataclasses.replace(
        verdict,
        verdict=found.kind,
        reading=found.reading,
        deviation=found.deviation,
        guilty=found.guilty,
        text=found.text,
        witnesses=found.witnesses,
    )
