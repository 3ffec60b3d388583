"""A run as today's judges see it: its timelines and claims judged again, with no target."""

from __future__ import annotations

import dataclasses
from typing import Any

from podresize.evidence import claim_judging
from podresize.evidence.judging import Judgement, verify
from podresize.evidence.records import VerdictRecord
from podresize.oracle.expectation import Expectation
from podresize.requirements.loader import load_catalogue
from podresize.requirements.matching import AnyFingerprint
from podresize.requirements.model import Judged
from podresize.requirements.runtime_target import RuntimeFingerprint
from podresize.requirements.target import Fingerprint
from podresize_reports.loading import Run


def judged_again(run: Run) -> Run:
    """Return the run with the verdicts that its evidence has today.

    A verdict without evidence stays: what could not be put to the target, was skipped, or ended as
    an error of the harness. So does one of a requirement that the catalogue no longer has.
    """
    return dataclasses.replace(run, verdicts=tuple(_again(run, each) for each in run.verdicts))


def derived(run: Run, verdict: VerdictRecord) -> Judgement | None:
    """Return what the evidence of a verdict says today, None where it has none."""
    known = load_catalogue().requirements.get(verdict.requirement)
    if known is None:
        return None
    seen = run.timelines.get(verdict.timeline or "")
    # Claims about a timeline name it as their evidence.
    if seen is not None and known.judged is Judged.TIMELINE:
        expectation = Expectation.from_json(seen.expectation)
        (found,) = verify(seen.timeline, expectation, [verdict.requirement])
        return found
    made = run.claims.get((verdict.check, verdict.target), ())
    own = [claim for claim in made if claim.requirement == verdict.requirement]
    if not own:
        return None
    fingerprint = fingerprint_of(run, verdict.target)
    return claim_judging.judge(verdict.requirement, own, fingerprint, check=verdict.check)


def fingerprint_of(run: Run, label: str) -> AnyFingerprint | None:
    """Return what was detected on a target of the run; None where its record does not say."""
    raw: dict[str, Any] = next(
        (target.fingerprint for target in run.targets if target.label == label), {}
    )
    kind = Fingerprint if "kubernetes" in raw else RuntimeFingerprint
    try:
        return kind.from_json(raw)
    except (TypeError, ValueError):
        return None


def _again(run: Run, verdict: VerdictRecord) -> VerdictRecord:
    found = derived(run, verdict) if verdict.verdict.is_executed else None
    if found is None:
        return verdict
    return dataclasses.replace(
        verdict,
        verdict=found.kind,
        reading=found.reading,
        deviation=found.deviation,
        guilty=found.guilty or (verdict.guilty if found.kind is verdict.verdict else None),
        text=found.text,
        witnesses=found.witnesses,
    )
