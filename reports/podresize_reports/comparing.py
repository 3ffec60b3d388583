"""Two stacks beside each other: where the same check says something else of a requirement.

A stack of a run is its target and the clusters that its checks had for themselves; of what a check
said of a requirement the worst counts.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize.requirements.loader import load_catalogue
from podresize_reports.differing import Cause, Difference, Key, Section, Side, causes, difference
from podresize_reports.flattening import facets_of
from podresize_reports.loading import Run, TargetRecord
from podresize_reports.steps import StepShift, samples, shifts
from podresize_reports.text import natural

# What sets the clusters of one stack apart; like ones have like times.
_SETTINGS = {
    "sync_seconds": "sync seconds",
    "cpu_manager_policy": "cpu manager",
    "memory_manager_policy": "memory manager",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The steps of a resize on clusters of one kind: what sets these apart, and the steps."""

    settings: str
    steps: tuple[StepShift, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two stacks: how often both said the same, by verdict, and where they did not.

    ``told`` is each difference, and what fails on both. ``missed`` are no differences of the
    stacks: one side saw a deviation that lasts for milliseconds (``Deviation.fleeting``), and the
    other found nothing wrong. ``facets`` is what was detected otherwise: path, left, right.
    """

    left: TargetRecord
    right: TargetRecord
    same: Counter[str]
    told: tuple[Difference, ...]
    missed: tuple[Difference, ...] = ()
    facets: tuple[tuple[str, str, str], ...] = ()
    timings: tuple[Timing, ...] = ()

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Those that make the verdicts of the two differ."""
        return tuple(each for each in self.told if each.is_one)

    @property
    def sections(self) -> list[tuple[Section, list[Cause]]]:
        """What is told, by what it means and by its root; of each section the largest first."""
        found = []
        for section in Section:
            here = [each for each in self.told if each.section is section]
            if here:
                found.append((section, causes(here)))
        return found


def compare(
    left: tuple[Run, TargetRecord | Sequence[TargetRecord]],
    right: tuple[Run, TargetRecord | Sequence[TargetRecord]],
) -> Comparison:
    """Return what two stacks, of one run or of two, have in common and what not.

    A stack is given as its targets, the run's own first.
    """
    mine, others = _all(left[1]), _all(right[1])
    ours, theirs = Side.of(left[0], _labels(mine)), Side.of(right[0], _labels(others))
    same: Counter[str] = Counter()
    found: list[Difference] = []
    missed: list[Difference] = []
    for key in {**ours.verdicts, **theirs.verdicts}:
        one, other = ours.verdicts.get(key), theirs.verdicts.get(key)
        if one is not None and other is not None and one.verdict == other.verdict:
            same[str(one.verdict)] += 1
            if one.verdict.is_unexpected or _is_another(one, other):
                found.append(difference(key, ours, theirs))
        elif not _is_told_for_its_race(ours, theirs, key):
            is_missed = _is_missed(ours, theirs, key)
            (missed if is_missed else found).append(difference(key, ours, theirs))
    first, second = mine[0], others[0]
    return Comparison(
        left=first,
        right=second,
        same=same,
        told=_sorted(found),
        missed=_sorted(missed),
        facets=facets_of(_detected(left[0], first), _detected(right[0], second)),
        timings=_timings((left[0], mine), (right[0], others)),
    )


def _detected(run: Run, target: TargetRecord) -> dict[str, object]:
    return {**target.fingerprint, "podresize": run.version, "options": run.options}


def _labels(targets: Sequence[TargetRecord]) -> frozenset[str]:
    return frozenset(target.label for target in targets)


def _all(targets: TargetRecord | Sequence[TargetRecord]) -> Sequence[TargetRecord]:
    return (targets,) if isinstance(targets, TargetRecord) else targets


def _sorted(found: list[Difference]) -> tuple[Difference, ...]:
    return tuple(sorted(found, key=lambda each: (natural(each.requirement), each.check)))


def _is_another(one: VerdictRecord, other: VerdictRecord) -> bool:
    return one.verdict is VerdictKind.DEVIATION and one.deviation != other.deviation


def _is_told_for_its_race(ours: Side, theirs: Side, key: Key) -> bool:
    """Whether one side tells of a requirement only because it saw a race, and the other did not.

    A requirement that a check does not ask for is told where it was broken or a race was seen.
    """
    there = ours.verdicts.get(key) or theirs.verdicts.get(key)
    lacks = theirs if key in ours.verdicts else ours
    return (
        key not in lacks.verdicts
        and there is not None
        and there.verdict is VerdictKind.PASSED
        and key[0] in lacks.checks
    )


def _is_missed(ours: Side, theirs: Side, key: Key) -> bool:
    """Whether one side saw a fleeting deviation where the other found nothing wrong.

    A requirement that the check does not ask for is told only where something was seen.
    """
    one, other = ours.verdicts.get(key), theirs.verdicts.get(key)
    seen, calm = (one, other) if _is_fleeting(one) else (other, one)
    if not _is_fleeting(seen):
        return False
    if calm is not None:
        return calm.verdict is VerdictKind.PASSED
    return key[0] in (theirs if key in ours.verdicts else ours).checks


def _is_fleeting(verdict: VerdictRecord | None) -> bool:
    if verdict is None or verdict.verdict is not VerdictKind.DEVIATION:
        return False
    known = load_catalogue().deviations.get(verdict.deviation or "")
    return known is not None and known.fleeting


def _timings(
    left: tuple[Run, Sequence[TargetRecord]], right: tuple[Run, Sequence[TargetRecord]]
) -> tuple[Timing, ...]:
    """Return the steps of the resizes that both runs made, on clusters of the same settings."""
    both = {each.check for each in left[0].verdicts} & {each.check for each in right[0].verdicts}
    ours, theirs = _by_settings(left[1]), _by_settings(right[1])
    found = []
    for settings in ours.keys() & theirs.keys():
        steps = shifts(
            samples(left[0], ours[settings], both), samples(right[0], theirs[settings], both)
        )
        if steps:
            found.append(Timing(settings=settings, steps=steps))
    return tuple(sorted(found, key=lambda each: natural(each.settings)))


def _by_settings(targets: Sequence[TargetRecord]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for target in targets:
        own = (f"{name} {target.fingerprint.get(key)}" for key, name in _SETTINGS.items())
        found.setdefault(", ".join(own), set()).add(target.label)
    return found
