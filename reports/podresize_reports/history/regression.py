"""What changed on a stack since the run before, and against the last runs of it.

* new failures, fixed, still failing (since which run), new and gone requirements, deviations that
  came or vanished: against the run before
* flaky: over the last runs a requirement went to and fro at least twice; its rate of failures has
  an interval (Wilson, 95 %), since a few nights say little
* slower: a step's median is above that of the last runs by more than three robust deviations and a
  fifth; what else changed in the fingerprint stands beside it
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
from collections.abc import Mapping, Sequence

from podresize.evidence.records import VerdictKind
from podresize_reports.history.store import History, SeenRun, Standing
from podresize_reports.text import natural

LAST_RUNS = 20
_WRONG = (VerdictKind.FAILED, VerdictKind.FLAKY, VerdictKind.ERROR)
_TO_AND_FRO = 2
# Of few runs no spread is known.
_LEAST_RUNS = 4
_DEVIATIONS = 3.0
_SHARE = 0.2
# What makes the median absolute deviation the standard deviation of a normal distribution.
_NORMAL = 1.4826
_Z = 1.96


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One requirement that stands otherwise.

    ``before`` is None for one that is new, ``now`` for one that is gone. ``since`` is the id of the
    first of the runs, up to now, in which it failed without a break.
    """

    requirement: str
    before: Standing | None
    now: Standing | None
    since: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Flaky:
    """A requirement that goes to and fro: ``wrong`` of ``runs``, and the interval of the rate."""

    requirement: str
    wrong: int
    runs: int
    interval: tuple[float, float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Slower:
    """A step that took longer, in seconds.

    ``now``, and of the ``runs`` before it the median and a robust deviation.
    """

    step: str
    now: float
    median: float
    deviation: float
    runs: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """What changed on one stack. ``before`` is None where there was no run before."""

    label: str
    now: SeenRun
    before: SeenRun | None
    new_failures: tuple[Change, ...] = ()
    fixed: tuple[Change, ...] = ()
    still_failing: tuple[Change, ...] = ()
    new: tuple[Change, ...] = ()
    gone: tuple[Change, ...] = ()
    deviations_new: tuple[tuple[str, str], ...] = ()
    deviations_gone: tuple[tuple[str, str], ...] = ()
    flaky: tuple[Flaky, ...] = ()
    slower: tuple[Slower, ...] = ()
    facets: tuple[tuple[str, str, str], ...] = ()

    @property
    def is_worse(self) -> bool:
        """Whether somebody has to look: something fails that did not."""
        return bool(self.new_failures or any(_is_wrong(each.now) for each in self.new))


def regressions(history: History, *, last: int = LAST_RUNS) -> list[Regression]:
    """Return what changed on each stack with its newest run."""
    return [
        regression(history, stack, label, runs)
        for stack, label in history.stacks()
        if (runs := history.runs(stack, most=last + 1))
    ]


def regression(history: History, stack: int, label: str, runs: Sequence[SeenRun]) -> Regression:
    """Return what changed with the first of the runs, which are newest first."""
    now, before = runs[0], (runs[1] if len(runs) > 1 else None)
    is_now = history.standings(stack, now.number)
    if before is None:
        return Regression(label=label, now=now, before=None)
    was = history.standings(stack, before.number)
    course = history.course(stack, [run.number for run in runs])
    both = sorted(is_now.keys() & was.keys(), key=natural)
    changes = {
        id_: Change(
            requirement=id_,
            before=was.get(id_),
            now=is_now.get(id_),
            since=_since(course.get(id_, {}), runs),
        )
        for id_ in is_now.keys() | was.keys()
    }
    return Regression(
        label=label,
        now=now,
        before=before,
        new_failures=tuple(
            changes[id_] for id_ in both if _is_wrong(is_now[id_]) and not _is_wrong(was[id_])
        ),
        fixed=tuple(changes[id_] for id_ in both if _is_wrong(was[id_]) and _is_met(is_now[id_])),
        still_failing=tuple(
            changes[id_] for id_ in both if _is_wrong(is_now[id_]) and _is_wrong(was[id_])
        ),
        new=_only(changes, is_now.keys() - was.keys()),
        gone=_only(changes, was.keys() - is_now.keys()),
        deviations_new=_deviations(is_now, was),
        deviations_gone=_deviations(was, is_now),
        flaky=_flaky(course, runs),
        slower=_slower(history.times(stack, [run.number for run in runs]), runs),
        facets=_facets(before.fingerprint | {"podresize": before.version}, now),
    )


def _is_wrong(standing: Standing | None) -> bool:
    return standing is not None and standing.verdict in _WRONG


def _is_met(standing: Standing) -> bool:
    return standing.verdict in (VerdictKind.PASSED, VerdictKind.DEVIATION)


def _only(changes: Mapping[str, Change], ids: set[str]) -> tuple[Change, ...]:
    return tuple(changes[id_] for id_ in sorted(ids, key=natural))


def _since(course: Mapping[int, VerdictKind], runs: Sequence[SeenRun]) -> str:
    since = ""
    for run in runs:
        kind = course.get(run.number)
        if kind not in _WRONG:
            break
        since = run.id
    return since


def _deviations(
    there: Mapping[str, Standing], beside: Mapping[str, Standing]
) -> tuple[tuple[str, str], ...]:
    """Return deviation and requirement of what one run saw and the other, judging it, did not."""
    found = {
        (deviation, id_)
        for id_, standing in there.items()
        for deviation in standing.deviations
        if id_ in beside
        and beside[id_].verdict.is_executed
        and deviation not in beside[id_].deviations
    }
    return tuple(sorted(found, key=lambda each: (natural(each[0]), natural(each[1]))))


def _flaky(
    course: Mapping[str, Mapping[int, VerdictKind]], runs: Sequence[SeenRun]
) -> tuple[Flaky, ...]:
    found = []
    for id_, verdicts in sorted(course.items(), key=lambda each: natural(each[0])):
        seen = [verdicts[run.number] for run in runs if run.number in verdicts]
        wrong = [kind in _WRONG for kind in seen if kind.is_executed]
        turns = sum(one != other for one, other in itertools.pairwise(wrong))
        if turns >= _TO_AND_FRO:
            found.append(
                Flaky(
                    requirement=id_,
                    wrong=sum(wrong),
                    runs=len(wrong),
                    interval=wilson(sum(wrong), len(wrong)),
                )
            )
    return tuple(found)


def wilson(wrong: int, runs: int) -> tuple[float, float]:
    """Return the interval of a rate at 95 % (Wilson's score, which holds for few runs as well)."""
    rate, square = wrong / runs, _Z * _Z
    middle = rate + square / (2 * runs)
    spread = _Z * math.sqrt(rate * (1 - rate) / runs + square / (4 * runs * runs))
    scale = 1 + square / runs
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def _slower(
    times: Mapping[str, Mapping[int, float]], runs: Sequence[SeenRun]
) -> tuple[Slower, ...]:
    found = []
    for step, by_run in times.items():
        now = by_run.get(runs[0].number)
        before = [by_run[run.number] for run in runs[1:] if run.number in by_run]
        if now is None or len(before) < _LEAST_RUNS:
            continue
        median = statistics.median(before)
        deviation = _NORMAL * statistics.median(abs(each - median) for each in before)
        if now > median + max(_DEVIATIONS * deviation, _SHARE * median):
            found.append(
                Slower(step=step, now=now, median=median, deviation=deviation, runs=len(before))
            )
    return tuple(found)


def _facets(before: Mapping[str, object], now: SeenRun) -> tuple[tuple[str, str, str], ...]:
    """Return what was detected otherwise: name, before, now."""
    is_now: dict[str, object] = {**now.fingerprint, "podresize": now.version}
    return tuple(
        (name, str(before.get(name)), str(is_now.get(name)))
        for name in sorted({*before, *is_now})
        if before.get(name) != is_now.get(name)
    )
