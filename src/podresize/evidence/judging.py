"""From a timeline and an expectation to one judgement per requirement.

A pure function: a stored timeline is judged again, by a newer catalogue, with no cluster.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from podresize.evidence.again import again
from podresize.evidence.attribution import blame
from podresize.evidence.case import Case, NoEvidenceError
from podresize.evidence.failure_text import failure_text
from podresize.evidence.judges import JUDGES
from podresize.evidence.judges.ruling import NothingToSayError, Ruling
from podresize.evidence.records import VerdictKind
from podresize.evidence.signatures import SIGNATURES
from podresize.evidence.steps import step_times
from podresize.evidence.timeline import Timeline
from podresize.evidence.witnesses import disagreement, phrases
from podresize.oracle.expectation import Expectation
from podresize.requirements.loader import Catalogue, load_catalogue
from podresize.requirements.matching import is_affected, why_unsupported
from podresize.requirements.model import Deviation, Requirement

EVIDENCE = "timeline {timeline}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one timeline says about one requirement.

    ``reading`` is one line for people; ``witnesses`` maps api, cri and kernel to what each said;
    ``deviation`` is the id of the catalogued departure when ``kind`` is ``deviation``, or
    ``passed`` but for a catalogued race; ``text`` is the five-part failure text, None when nothing
    is wrong. ``facts`` holds the seconds after the patch by step (``steps.step_times``), without
    the steps that were not seen, and as ``sampling_gap`` the longest time in which nobody read the
    cgroups. ``guilty`` is who is at fault when ``kind`` is ``failed``, where that is known.
    """

    requirement: str
    kind: VerdictKind
    reading: str
    witnesses: dict[str, str]
    deviation: str | None = None
    text: str | None = None
    facts: dict[str, float] = dataclasses.field(default_factory=dict)
    guilty: str | None = None


def verify(
    timeline: Timeline,
    expectation: Expectation,
    requirements: Iterable[str],
    *,
    catalogue: Catalogue | None = None,
    evidence: str = EVIDENCE,
) -> list[Judgement]:
    """Return one judgement per requirement, in the order asked for.

    * unsupported: this target cannot show it; skipped: this change says nothing about it
    * error: a witness that the judge needs was not heard
    * deviation: broken, and a deviation that explains it, on a stack it is catalogued for, shows
      its whole signature; passed, with its id, where that one is a race; failed: broken otherwise

    ``evidence`` is a template for the failure text; ``{timeline}`` is filled in. An unknown
    requirement id is a ``UsageError``.
    """
    known = catalogue or load_catalogue()
    case = Case(timeline, expectation)
    facts = _facts(case)
    return [
        _Bench(case, known, facts, evidence).judge(known.requirement(item)) for item in requirements
    ]


@dataclasses.dataclass(frozen=True, slots=True)
class _Bench:
    """What the judgements of one timeline share."""

    case: Case
    catalogue: Catalogue
    facts: dict[str, float]
    evidence: str

    def judge(self, requirement: Requirement) -> Judgement:
        expectation = self.case.expectation
        why = why_unsupported(requirement, expectation.fingerprint, catalogue=self.catalogue)
        if why is not None:
            return self._plain(requirement, VerdictKind.UNSUPPORTED, why)
        if not requirement.outcome.includes(expectation.outcome):
            reason = (
                f"this change must be {expectation.outcome}; {requirement.id} speaks of changes "
                f"that are {requirement.outcome}"
            )
            return self._plain(requirement, VerdictKind.SKIPPED, reason)
        try:
            ruling = JUDGES[requirement.id](self.case)
        except NothingToSayError as reason:
            return self._plain(requirement, VerdictKind.SKIPPED, str(reason))
        except NoEvidenceError as error:
            return self._plain(requirement, VerdictKind.ERROR, f"evidence is missing: {error}")
        if not ruling.faults:
            return self._plain(requirement, VerdictKind.PASSED, ruling.reading)
        return self._broken(requirement, ruling)

    def _plain(self, requirement: Requirement, kind: VerdictKind, reading: str) -> Judgement:
        witnesses = phrases(self.case) if kind.is_executed else {}
        text = None
        if kind is VerdictKind.ERROR:
            text = self._text(requirement, [reading], witnesses, "the harness, not the target")
        return Judgement(
            requirement=requirement.id,
            kind=kind,
            reading=reading,
            witnesses=witnesses,
            text=text,
            facts=self.facts if kind.is_executed else {},
        )

    def _broken(self, requirement: Requirement, ruling: Ruling) -> Judgement:
        deviation = self._explanation(requirement)
        first = ruling.faults[0]
        if deviation is not None and deviation.race:
            return dataclasses.replace(
                self._plain(
                    requirement, VerdictKind.PASSED, f"{deviation.reading}. Race {deviation.id}"
                ),
                deviation=deviation.id,
            )
        at_fault = None
        if deviation is not None:
            reading = f"{deviation.reading}. Deviation {deviation.id}"
        else:
            reading = first.reading or disagreement(self.case) or first.text
            at_fault = blame(self.case, requirement.id)
        if at_fault is not None:
            reading = f"{reading}. {at_fault}"
        witnesses = phrases(self.case, first.container)
        faults = [fault.text for fault in ruling.faults]
        return Judgement(
            requirement=requirement.id,
            kind=VerdictKind.FAILED if deviation is None else VerdictKind.DEVIATION,
            deviation=None if deviation is None else deviation.id,
            reading=reading,
            witnesses=witnesses,
            text=self._text(requirement, faults, witnesses, reading),
            facts=self.facts,
            guilty=None if at_fault is None else str(at_fault.party),
        )

    def _explanation(self, requirement: Requirement) -> Deviation | None:
        for deviation in self.catalogue.explaining(requirement.id):
            if is_affected(deviation, self.case.expectation.fingerprint):
                try:
                    if SIGNATURES[deviation.signature](self.case) is None:
                        return deviation
                except NoEvidenceError:
                    continue  # what was not seen exactly is not the deviation
        return None

    def _text(
        self, requirement: Requirement, faults: list[str], witnesses: dict[str, str], reading: str
    ) -> str:
        return failure_text(
            requirement,
            faults=faults,
            witnesses=witnesses,
            reading=reading,
            again=again(requirement.id, self.case.expectation.fingerprint),
            evidence=self.evidence.format(timeline=self.case.timeline.id),
        )


def _facts(case: Case) -> dict[str, float]:
    facts = {name: round(time, 3) for name, time in step_times(case).items() if time is not None}
    if case.timeline.sampling is not None:
        facts["sampling_gap"] = case.timeline.sampling["largest_gap"]
    return facts
