"""A run as today's oracle and judges see it: its evidence judged again, with no target."""

from __future__ import annotations

import dataclasses

from podresize.evidence import claim_judging
from podresize.evidence.judging import Judgement, verify
from podresize.evidence.records import VerdictRecord
from podresize.oracle.expectation import Expectation
from podresize.requirements.loader import load_catalogue
from podresize.requirements.model import Judged
from podresize_reports.fingerprints import fingerprint_of
from podresize_reports.loading import Run, TimelineRecord
from podresize_reports.recomputing import claims_again, expectation_again


def judged_again(run: Run) -> Run:
    """Return the run with the expectations, claims and verdicts that its evidence has today.

    A verdict without evidence stays: what could not be put to the target, was skipped, or ended as
    an error of the harness. So does one of a requirement that the catalogue no longer has. Evidence
    that cannot be judged raises anything (``recomputing.UNJUDGED``).
    """
    today = dataclasses.replace(
        run,
        timelines={id_: _expected(seen) for id_, seen in run.timelines.items()},
        claims={key: claims_again(run, *key) for key in run.claims},
    )
    return dataclasses.replace(today, verdicts=tuple(_again(today, each) for each in run.verdicts))


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


def _expected(seen: TimelineRecord) -> TimelineRecord:
    expectation = expectation_again(seen)
    if expectation is None:
        return seen
    return dataclasses.replace(seen, expectation=expectation.to_json())


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
