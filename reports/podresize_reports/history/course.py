"""How requirements stood from run to run: a letter for each run, newest first."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

from podresize.evidence.records import VerdictKind

LETTERS = {
    "F": VerdictKind.FAILED,
    "E": VerdictKind.ERROR,
    "L": VerdictKind.FLAKY,
    "D": VerdictKind.DEVIATION,
    "P": VerdictKind.PASSED,
    "S": VerdictKind.SKIPPED,
    "U": VerdictKind.UNSUPPORTED,
}
ABSENT = "."
"""The letter of a run that says nothing of the requirement."""
WRONG = frozenset(kind for kind in VerdictKind if kind.is_unexpected)
_TO_AND_FRO = 2
_Z = 1.96
_WRONG = {ord(letter): "1" if kind in WRONG else "0" for letter, kind in LETTERS.items()}
# What was not put to the target says nothing of it.
_EXECUTED = {ord(letter): None for letter, kind in LETTERS.items() if not kind.is_executed}
_COURSE = _WRONG | _EXECUTED | {ord(ABSENT): None}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Flaky:
    """A requirement that goes to and fro: ``wrong`` of ``runs``, and the interval of the rate."""

    requirement: str
    wrong: int
    runs: int
    interval: tuple[float, float]


@dataclasses.dataclass(frozen=True, slots=True)
class Courses:
    """By requirement its letters, one for each run, newest first."""

    letters: Mapping[str, str]

    @classmethod
    def of(cls, ids: Mapping[int, str], runs: Sequence[str]) -> Courses:
        """Turn the texts of runs, a letter for each requirement, into those of requirements.

        ``ids`` has the requirement of each number, from 1. One of which no run says a thing is
        left out.
        """
        width = max(map(len, runs), default=0)
        joined = "".join(run.ljust(width, ABSENT) for run in runs)
        slices = {
            id_: joined[number - 1 :: width] for number, id_ in ids.items() if number <= width
        }
        return cls({id_: said for id_, said in slices.items() if said.strip(ABSENT)})

    def failing_runs(self, requirement: str) -> int:
        """Return for how many runs, from the newest on, it has failed without a break."""
        said = self.letters.get(requirement, "")
        return next(
            (at for at, each in enumerate(said) if LETTERS.get(each) not in WRONG), len(said)
        )

    def flaky(self, requirement: str) -> Flaky | None:
        """Return its rate of failures where it went to and fro, be it within one run."""
        said = self.letters.get(requirement, "")
        wrong = said.translate(_COURSE)
        turns = wrong.count("01") + wrong.count("10")
        if turns < _TO_AND_FRO and "L" not in said:
            return None
        bad = wrong.count("1")
        interval = wilson(bad, len(wrong))
        return Flaky(requirement=requirement, wrong=bad, runs=len(wrong), interval=interval)


def wilson(wrong: int, runs: int) -> tuple[float, float]:
    """Return the interval of a rate at 95 % (Wilson's score, which holds for few runs as well)."""
    rate, square = wrong / runs, _Z * _Z
    middle = rate + square / (2 * runs)
    spread = _Z * math.sqrt(rate * (1 - rate) / runs + square / (4 * runs * runs))
    scale = 1 + square / runs
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
