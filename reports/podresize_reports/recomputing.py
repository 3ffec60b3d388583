"""What today's oracle expects, and today's judges claim, of what a run recorded.

An expectation is stored with the question that it answers, and a claim about an update names the
update: both are computed again with no target. Records of an earlier podresize name neither; of
those the stored ones stand.
"""

from __future__ import annotations

import dataclasses

from podresize.evidence.claims import Claim
from podresize.evidence.updates.claims import CLAIMS
from podresize.evidence.updates.speaking import claims_of
from podresize.oracle.answering import answer
from podresize.oracle.expectation import Expectation
from podresize.requirements.runtime_target import RuntimeFingerprint
from podresize_reports.fingerprints import fingerprint_of
from podresize_reports.loading import Run, TimelineRecord

UNJUDGED = (Exception,)
"""Evidence may be anything, and the oracle or a judge trip over it in any way."""


def expectation_again(seen: TimelineRecord) -> Expectation | None:
    """Return what must be seen by today's oracle; None where it is not recorded what was asked.

    Raises anything (``UNJUDGED``) for what is no expectation, or no question.
    """
    if seen.expectation is None:
        return None
    stored = Expectation.from_json(seen.expectation)
    if stored.question is None:
        return None
    return answer(stored.question, stored.fingerprint)


def differing(one: Expectation, other: Expectation) -> list[str]:
    """Return the fields in which two expectations differ, their questions aside."""
    return [
        field.name
        for field in dataclasses.fields(Expectation)
        if field.compare and getattr(one, field.name) != getattr(other, field.name)
    ]


def claims_again(run: Run, check: str, target: str) -> tuple[Claim, ...]:
    """Return the claims of a check with those about an update computed again, in their places."""
    stored = run.claims.get((check, target), ())
    fingerprint = fingerprint_of(run, target)
    updates = run.updates.get((check, target), {})
    if not isinstance(fingerprint, RuntimeFingerprint) or not updates:
        return stored
    result: list[Claim] = []
    done: set[tuple[int, str]] = set()
    for claim in stored:
        update = updates.get(claim.update or 0)
        if update is None or claim.requirement not in CLAIMS:
            result.append(claim)
        elif (key := (update.number, claim.requirement)) not in done:
            done.add(key)
            result += claims_of(claim.requirement, update, fingerprint)
    return tuple(result)
