"""What changed on a stack since the run before, and against the last runs of it.

* new failures, fixed, still failing (since which run), new and gone requirements, what is not or
  only now put to the target, deviations that came or vanished: against the run before
* flaky: over the last runs a requirement went to and fro at least twice, or within one of them; its
  rate of failures has an interval (Wilson, 95 %), since a few nights say little
* slower: a step's median against the last runs of the same fingerprint (``slower``)

What else changed in the fingerprint since the run before stands beside all of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from podresize.evidence.records import VerdictKind
from podresize_reports.history.course import WRONG, Courses, Flaky
from podresize_reports.history.slower import Slower, changed, slower
from podresize_reports.history.store import History, SeenRun, Standing
from podresize_reports.text import natural

LAST_RUNS = 20


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One requirement that stands otherwise.

    ``before`` is None for one that is new, ``now`` for one that is gone. ``since`` is the id of the
    first of the runs, up to now, in which it failed without a break, and ``runs`` how many these
    are; ``flaky`` is its rate where it goes to and fro anyway.
    """

    requirement: str
    before: Standing | None
    now: Standing | None
    since: str = ""
    runs: int = 0
    flaky: Flaky | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """What changed on one stack. ``before`` is None where there was no run before.

    ``excused`` failed before and is a catalogued deviation now; ``unseen`` was put to the target
    and is not any more, ``seen`` the other way round. A pair of the deviations is its id and the
    requirement.
    """

    label: str
    now: SeenRun
    before: SeenRun | None
    new_failures: tuple[Change, ...] = ()
    fixed: tuple[Change, ...] = ()
    excused: tuple[Change, ...] = ()
    still_failing: tuple[Change, ...] = ()
    new: tuple[Change, ...] = ()
    gone: tuple[Change, ...] = ()
    unseen: tuple[Change, ...] = ()
    seen: tuple[Change, ...] = ()
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
    """Return what changed on each stack with its newest run, by the labels of the stacks."""
    return [
        regression(history, stack, label, runs)
        for stack, label in history.stacks()
        if (runs := history.runs(stack, most=last + 1))
    ]


def regression(history: History, stack: int, label: str, runs: Sequence[SeenRun]) -> Regression:
    """Return what changed with the first of the runs, which are newest first."""
    now, before = runs[0], (runs[1] if len(runs) > 1 else None)
    if before is None:
        return Regression(label=label, now=now, before=None)
    is_now, was = history.standings(stack, now), history.standings(stack, before)
    courses = history.courses(runs)
    flaky = {id_: found for id_ in courses.letters if (found := courses.flaky(id_))}
    changes = [
        _change(id_, was.get(id_), is_now.get(id_), courses, flaky, runs)
        for id_ in sorted(is_now.keys() | was.keys(), key=natural)
    ]

    def those(holds: Callable[[Standing, Standing], bool]) -> tuple[Change, ...]:
        return tuple(
            each for each in changes if each.before and each.now and holds(each.before, each.now)
        )

    return Regression(
        label=label,
        now=now,
        before=before,
        new_failures=those(lambda one, two: _is_wrong(two) and not _is_wrong(one)),
        fixed=those(lambda one, two: _is_wrong(one) and two.verdict is VerdictKind.PASSED),
        excused=those(lambda one, two: _is_wrong(one) and two.verdict is VerdictKind.DEVIATION),
        still_failing=those(lambda one, two: _is_wrong(one) and _is_wrong(two)),
        new=tuple(each for each in changes if each.before is None),
        gone=tuple(each for each in changes if each.now is None),
        unseen=those(lambda one, two: one.verdict.is_executed and not two.verdict.is_executed),
        seen=those(
            lambda one, two: (
                not one.verdict.is_executed and two.verdict.is_executed and not _is_wrong(two)
            )
        ),
        deviations_new=_deviations(is_now, was),
        deviations_gone=_deviations(was, is_now),
        flaky=tuple(flaky[id_] for id_ in sorted(flaky, key=natural)),
        slower=slower(history.medians(stack, runs), runs),
        facets=changed(before.detected, now.detected),
    )


def _change(
    id_: str,
    before: Standing | None,
    now: Standing | None,
    courses: Courses,
    flaky: Mapping[str, Flaky],
    runs: Sequence[SeenRun],
) -> Change:
    failing = courses.failing_runs(id_)
    return Change(
        requirement=id_,
        before=before,
        now=now,
        since=runs[failing - 1].id if failing else "",
        runs=failing,
        flaky=flaky.get(id_),
    )


def _is_wrong(standing: Standing | None) -> bool:
    return standing is not None and standing.verdict in WRONG


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
