"""How requirements stood over the last runs, as strips: a bar for each run, oldest at the left.

A bar's height says what the run came to as well as its colour does, so that the strips can be read
in grey; runs that follow each other and say the same are one bar.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

from podresize.evidence.records import VerdictKind
from podresize_reports.history.course import ABSENT, LETTERS, WRONG, Courses
from podresize_reports.history.store import SeenRun
from podresize_reports.text import natural, plural

HEIGHT = 18
"""Of a strip, in pixels."""
_HEIGHTS = {
    VerdictKind.FAILED: 18,
    VerdictKind.ERROR: 18,
    VerdictKind.FLAKY: 18,
    VerdictKind.DEVIATION: 12,
    VerdictKind.PASSED: 6,
    VerdictKind.SKIPPED: 2,
    VerdictKind.UNSUPPORTED: 2,
}
_NAMED = 6


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Runs that say the same: place and width in per cent, height in pixels, and the verdict."""

    x: float
    width: float
    height: int
    kind: VerdictKind


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One requirement: its verdict in the newest run, None where that says nothing of it.

    ``counts`` is how many runs came to what, ``wrong`` names the newest of those that failed.
    """

    requirement: str
    now: VerdictKind | None
    counts: str
    wrong: str
    bars: tuple[Bar, ...]


def strips(courses: Courses, runs: Sequence[SeenRun]) -> tuple[tuple[Strip, ...], tuple[str, ...]]:
    """Return the strips of what is wrong or did not stand alike in all runs, and the other ids.

    ``runs`` are newest first, as the letters of ``courses`` are. What fails now comes first, then
    what failed in most runs.
    """
    told, calm = [], []
    for id_ in sorted(courses.letters, key=natural):
        said = courses.letters[id_]
        kinds = {LETTERS[letter] for letter in said if letter != ABSENT}
        if len(kinds) > 1 or kinds & WRONG:
            told.append(_strip(id_, said, runs))
        else:
            calm.append(id_)

    def telling(strip: Strip) -> tuple[bool, int]:
        wrong = sum(LETTERS.get(each) in WRONG for each in courses.letters[strip.requirement])
        return strip.now not in WRONG, -wrong

    return tuple(sorted(told, key=telling)), tuple(calm)


def _strip(id_: str, said: str, runs: Sequence[SeenRun]) -> Strip:
    letters = said[::-1]
    share = 100 / len(letters)
    bars, at = [], 0
    for letter, same in itertools.groupby(letters):
        number = len(list(same))
        if letter != ABSENT:
            kind = LETTERS[letter]
            bars.append(
                Bar(
                    x=round(at * share, 3),
                    width=round(number * share, 3),
                    height=_HEIGHTS[kind],
                    kind=kind,
                )
            )
        at += number
    kinds = [LETTERS[letter] for letter in said if letter != ABSENT]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in LETTERS.values() if kind in kinds)
    wrong = [run.id for run, letter in zip(runs, said, strict=True) if LETTERS.get(letter) in WRONG]
    more = f" and {plural(len(wrong) - _NAMED, 'earlier run')}" if len(wrong) > _NAMED else ""
    return Strip(
        requirement=id_,
        now=LETTERS.get(said[0]),
        counts=counts,
        wrong=", ".join(wrong[:_NAMED]) + more,
        bars=tuple(bars),
    )
