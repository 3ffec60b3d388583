"""What the verdicts of one check on two stacks mean to a reader: new, fixed, of one release alone.

What one side cannot show is told apart from what it fails, with its reason, so that nobody takes
silence for agreement or a release for a fault.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Collection, Sequence

from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize_reports.alike import by_cause, cause
from podresize_reports.loading import Run
from podresize_reports.text import natural

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

Key = tuple[str, str]
"""A check and a requirement."""


class Section(enum.StrEnum):
    """What a difference means to a reader, in the order in which they are told."""

    NEW_FAILURES = "new failures"
    NEW = "new requirements"
    FIXED = "fixed"
    EXCUSED = "failed on the left, a catalogued deviation on the right"
    STILL_FAILING = "still failing"
    CAME = "deviations that came"
    VANISHED = "deviations that vanished"
    OTHER_DEVIATION = "another deviation"
    GONE = "gone requirements"
    LEFT_SUPPORTS = "supported on the left alone"
    RIGHT_SUPPORTS = "supported on the right alone"
    LEFT_ALONE = "skipped on the right"
    RIGHT_ALONE = "skipped on the left"
    NEITHER = "put to neither, for another reason"
    LEFT_CHECKS = "checks of the left run alone"
    RIGHT_CHECKS = "checks of the right run alone"


CHECKS_ALONE = (Section.LEFT_CHECKS, Section.RIGHT_CHECKS)
"""Sections whose causes are checks: the other run did not have them."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One requirement of one check. A side that says nothing of it is ``absent``.

    ``reading`` is what the side says that did not pass, of both the right one, and ``cause`` what
    it has in common with other differences of the same root.
    """

    requirement: str
    check: str
    left: str
    right: str
    reading: str
    section: Section = Section.NEW_FAILURES
    cause: str = ""

    @property
    def is_one(self) -> bool:
        """False for what fails, or deviates, on both sides alike, and is told nevertheless."""
        return self.left != self.right


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Differences of one section and one root, with the same verdicts on either side.

    The root of those of a check that one side lacks is the check, and its verdicts are all named.
    """

    cause: str
    left: str
    right: str
    differences: tuple[Difference, ...]

    @property
    def requirements(self) -> tuple[str, ...]:
        """The requirements, each once."""
        return tuple(sorted({each.requirement for each in self.differences}, key=natural))

    @property
    def checks(self) -> int:
        """Of how many checks."""
        return len({each.check for each in self.differences})


@dataclasses.dataclass(frozen=True, slots=True)
class Side:
    """What a stack said of each check and requirement; of several verdicts the worst."""

    verdicts: dict[Key, VerdictRecord]
    checks: frozenset[str]
    requirements: frozenset[str]

    @classmethod
    def of(cls, run: Run, labels: Collection[str]) -> Side:
        """Return what a run says on the targets with these labels."""
        worst: dict[Key, VerdictRecord] = {}
        for verdict in run.verdicts:
            if verdict.target in labels:
                key = (verdict.check, verdict.requirement)
                before = worst.get(key)
                if before is None or _ORDER.index(verdict.verdict) > _ORDER.index(before.verdict):
                    worst[key] = verdict
        return cls(
            worst, frozenset(check for check, _ in worst), frozenset(each for _, each in worst)
        )


def causes(found: Sequence[Difference]) -> list[Cause]:
    """Return the differences by their root and their verdicts."""
    groups = by_cause(found, lambda each: f"{_turn(each)}{each.cause}")
    return [
        Cause(
            cause=own[0].cause,
            left=", ".join(sorted({each.left for each in own})),
            right=", ".join(sorted({each.right for each in own})),
            differences=tuple(own),
        )
        for _, own in groups
    ]


def _turn(each: Difference) -> str:
    """Return what sets apart differences of one cause; of a check that one side lacks, nothing."""
    return "" if each.section in CHECKS_ALONE else f"{each.left} {each.right} "


def difference(key: Key, ours: Side, theirs: Side) -> Difference:
    """Return what the two say of one requirement of one check."""
    one, other = ours.verdicts.get(key), theirs.verdicts.get(key)
    told = [each for each in (other, one) if each is not None]
    not_met = [each for each in told if each.verdict is not VerdictKind.PASSED]
    says = (not_met or told)[0]
    root = cause(says.reading, says.deviation)
    if not says.verdict.is_executed:
        # "ST-21 holds for 1.32 and later" is one reason for all of which it is said.
        root = root.replace(key[1], "it")
    section = _section(key, ours, theirs)
    return Difference(
        requirement=key[1],
        check=key[0],
        left=_ABSENT if one is None else str(one.verdict),
        right=_ABSENT if other is None else str(other.verdict),
        reading=says.reading,
        section=section,
        cause=key[0] if section in CHECKS_ALONE else root,
    )


def _section(key: Key, ours: Side, theirs: Side) -> Section:
    one, other = ours.verdicts.get(key), theirs.verdicts.get(key)
    for side, verdict, alone, checks in (
        (ours, one, Section.NEW, Section.RIGHT_CHECKS),
        (theirs, other, Section.GONE, Section.LEFT_CHECKS),
    ):
        if verdict is None and key[0] not in side.checks:
            is_known = key[1] in side.requirements
            if is_known and other is not None and other.verdict.is_unexpected:
                return Section.NEW_FAILURES
            return checks if is_known else alone
    # Of what a check does not ask for it says nothing where nothing is wrong with it.
    before = VerdictKind.PASSED if one is None else one.verdict
    now = VerdictKind.PASSED if other is None else other.verdict
    if now.is_unexpected:
        return Section.STILL_FAILING if before.is_unexpected else Section.NEW_FAILURES
    if not (before.is_executed and now.is_executed):
        return _of_one_side(before, now)
    if before.is_unexpected:
        return Section.FIXED if now is VerdictKind.PASSED else Section.EXCUSED
    if before is now:
        return Section.OTHER_DEVIATION
    return Section.CAME if now is VerdictKind.DEVIATION else Section.VANISHED


def _of_one_side(before: VerdictKind, now: VerdictKind) -> Section:
    """Return the section of what was not put to both: a release that lacks it is no skip."""
    if before.is_executed:
        lacks = now is VerdictKind.UNSUPPORTED
        return Section.LEFT_SUPPORTS if lacks else Section.LEFT_ALONE
    if now.is_executed:
        lacks = before is VerdictKind.UNSUPPORTED
        return Section.RIGHT_SUPPORTS if lacks else Section.RIGHT_ALONE
    return Section.NEITHER
