"""Two targets beside each other: where the same check says something else of a requirement.

What one of them cannot show is listed with its reason, so that nobody takes silence for agreement.
"""

from __future__ import annotations

import dataclasses
from collections import Counter

from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize.requirements.loader import load_catalogue
from podresize_reports.loading import Run, TargetRecord
from podresize_reports.text import natural, one_line, pad, plural, wrap

# Where a check judged a requirement several times, the worst of them counts.
_ORDER = (
    VerdictKind.UNSUPPORTED,
    VerdictKind.SKIPPED,
    VerdictKind.PASSED,
    VerdictKind.DEVIATION,
    VerdictKind.FLAKY,
    VerdictKind.FAILED,
    VerdictKind.ERROR,
)
_ABSENT = "absent"
_READING_LINES = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One requirement of one check. A side that says nothing of it is ``absent``.

    ``reading`` is what the side says that did not pass, of both the right one.
    """

    requirement: str
    check: str
    left: str
    right: str
    reading: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two targets: how often both said the same, by verdict, and where they did not.

    ``missed`` are no differences of the targets: one side saw a deviation that lasts for
    milliseconds (``Deviation.fleeting``), and the other found nothing wrong.
    """

    left: TargetRecord
    right: TargetRecord
    same: Counter[str]
    differences: tuple[Difference, ...]
    missed: tuple[Difference, ...] = ()

    @property
    def facets(self) -> list[tuple[str, str, str]]:
        """What was detected otherwise on the two: name, left, right."""
        names = {**self.left.fingerprint, **self.right.fingerprint}
        found = [
            (name, str(self.left.fingerprint.get(name)), str(self.right.fingerprint.get(name)))
            for name in names
        ]
        return [each for each in found if each[1] != each[2]]


def compare(left: tuple[Run, TargetRecord], right: tuple[Run, TargetRecord]) -> Comparison:
    """Return what two targets, of one run or of two, have in common and what not."""
    ours, theirs = _worst(*left), _worst(*right)
    same: Counter[str] = Counter()
    found: list[Difference] = []
    missed: list[Difference] = []
    for key in {**ours, **theirs}:
        one, other = ours.get(key), theirs.get(key)
        if one is not None and other is not None and one.verdict == other.verdict:
            same[str(one.verdict)] += 1
        elif not _is_told_for_its_race(ours, theirs, key):
            is_missed = _is_missed(ours, theirs, key)
            (missed if is_missed else found).append(_difference(key, one, other))
    return Comparison(
        left=left[1],
        right=right[1],
        same=same,
        differences=_sorted(found),
        missed=_sorted(missed),
    )


def _sorted(found: list[Difference]) -> tuple[Difference, ...]:
    return tuple(sorted(found, key=lambda each: (natural(each.requirement), each.check)))


def comparison_table(comparison: Comparison, *, width: int = 100) -> str:
    """Return the comparison as plain text, ending in newline."""
    lines = [f"left   {comparison.left.label}", f"right  {comparison.right.label}"]
    facets = [each for each in comparison.facets if max(map(len, each)) <= width]
    room = max((len(name) for name, *_ in facets), default=0)
    lines += [f"  {pad(name, room)}  {left} | {right}" for name, left, right in facets]
    total = sum(comparison.same.values())
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(comparison.same.items()))
    lines.append(f"{plural(total, 'verdict')} the same on both: {counts or 'none'}")
    lines.append(f"{plural(len(comparison.differences), 'difference')}")
    lines += _listed(comparison.differences, width)
    if comparison.missed:
        lines.append("seen on one side alone, since it lasts for milliseconds:")
        lines += _listed(comparison.missed, width)
    return "\n".join(lines) + "\n"


def _listed(differences: tuple[Difference, ...], width: int) -> list[str]:
    lines = []
    for each in differences:
        lines.append(f"  {each.requirement}  {each.left} | {each.right}  {each.check}")
        said = wrap(one_line(each.reading), width - 6, lines=_READING_LINES)
        lines += [f"      {line}" for line in said if line]
    return lines


def _worst(run: Run, target: TargetRecord) -> dict[tuple[str, str], VerdictRecord]:
    worst: dict[tuple[str, str], VerdictRecord] = {}
    for verdict in run.verdicts:
        if verdict.target == target.label:
            key = (verdict.check, verdict.requirement)
            before = worst.get(key)
            if before is None or _ORDER.index(verdict.verdict) > _ORDER.index(before.verdict):
                worst[key] = verdict
    return worst


def _is_told_for_its_race(
    ours: dict[tuple[str, str], VerdictRecord],
    theirs: dict[tuple[str, str], VerdictRecord],
    key: tuple[str, str],
) -> bool:
    """Whether one side tells of a requirement only because it saw a race, and the other did not.

    A requirement that a check does not ask for is told where it was broken or a race was seen.
    """
    there = ours.get(key) or theirs.get(key)
    lacks = theirs if key in ours else ours
    return (
        key not in lacks
        and there is not None
        and there.verdict is VerdictKind.PASSED
        and any(check == key[0] for check, _ in lacks)
    )


def _is_missed(
    ours: dict[tuple[str, str], VerdictRecord],
    theirs: dict[tuple[str, str], VerdictRecord],
    key: tuple[str, str],
) -> bool:
    """Whether one side saw a fleeting deviation where the other found nothing wrong.

    A requirement that the check does not ask for is told only where something was seen.
    """
    one, other = ours.get(key), theirs.get(key)
    seen, calm = (one, other) if _is_fleeting(one) else (other, one)
    if not _is_fleeting(seen):
        return False
    if calm is not None:
        return calm.verdict is VerdictKind.PASSED
    return any(check == key[0] for check, _ in (theirs if key in ours else ours))


def _is_fleeting(verdict: VerdictRecord | None) -> bool:
    if verdict is None or verdict.verdict is not VerdictKind.DEVIATION:
        return False
    known = load_catalogue().deviations.get(verdict.deviation or "")
    return known is not None and known.fleeting


def _difference(
    key: tuple[str, str], one: VerdictRecord | None, other: VerdictRecord | None
) -> Difference:
    told = [each for each in (other, one) if each is not None]
    not_met = [each for each in told if each.verdict is not VerdictKind.PASSED]
    return Difference(
        requirement=key[1],
        check=key[0],
        left=_ABSENT if one is None else str(one.verdict),
        right=_ABSENT if other is None else str(other.verdict),
        reading=(not_met or told)[0].reading,
    )
