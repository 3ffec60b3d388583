"""From a check's claims to one judgement per requirement, as ``judging`` does it for timelines.

A pure function too: stored claims are judged again, by a newer catalogue, with no target.
"""

from __future__ import annotations

from collections.abc import Sequence

from podresize.evidence.again import again
from podresize.evidence.claim_signatures import explanation
from podresize.evidence.claims import Claim, judge_claims
from podresize.evidence.failure_text import failure_text
from podresize.evidence.judging import Judgement
from podresize.evidence.records import VerdictKind
from podresize.requirements.areas import area_of
from podresize.requirements.loader import Catalogue, load_catalogue
from podresize.requirements.matching import AnyFingerprint
from podresize.requirements.model import Party

_OTHERWISE = "the target does otherwise than specified"


def judge(
    requirement: str,
    claims: Sequence[Claim],
    fingerprint: AnyFingerprint | None,
    *,
    check: str,
    guilty: str | None = None,
    catalogue: Catalogue | None = None,
) -> Judgement:
    """Return what the claims of a check say of one requirement; ``claims`` are all its own.

    ``guilty`` is who is at fault by what else the check saw, where a claim names nobody. Broken
    claims are a deviation where one that is catalogued for the target explains each of them
    (passed, with its id, where that one is a race), and failed otherwise. An unknown requirement
    is a ``UsageError``.
    """
    known = catalogue or load_catalogue()
    kind, faults = judge_claims(claims).get(requirement, (VerdictKind.SKIPPED, []))
    if not faults:
        return Judgement(
            requirement=requirement, kind=kind, reading=f"{len(claims)} claims hold", witnesses={}
        )
    broken = [claim for claim in claims if not claim.holds]
    first = broken[0]
    deviation = explanation(requirement, broken, fingerprint, catalogue=known)
    # Of the API nobody but the apiserver was asked.
    named = first.guilty or (str(Party.APISERVER) if area_of(requirement) == "API" else guilty)
    reading = first.reading or _OTHERWISE
    if named and not first.guilty:
        reading = f"{reading}. At fault is the {named}"
    if deviation is not None:
        reading = f"{deviation.reading}. Deviation {deviation.id}"
    text = failure_text(
        known.requirement(requirement),
        faults=faults,
        witnesses=first.witnesses,
        reading=reading,
        again=again(requirement, fingerprint),
        evidence=f"records.jsonl, claims of {check}",
    )
    if deviation is None:
        kind, reading = (
            VerdictKind.FAILED,
            f"{faults[0]}: {first.reading}" if first.reading else faults[0],
        )
    elif deviation.race:
        kind, reading = VerdictKind.PASSED, f"{deviation.reading}. Race {deviation.id}"
    else:
        kind = VerdictKind.DEVIATION
    return Judgement(
        requirement=requirement,
        kind=kind,
        reading=reading,
        witnesses=dict(first.witnesses),
        deviation=None if deviation is None else deviation.id,
        text=text,
        guilty=(named or None) if deviation is None else None,
    )
