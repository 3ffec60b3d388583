"""Steps of a resize that take longer than they did: the newest run against those before it.

What is usual is said by the last runs of the same fingerprint, the podresize that looked included.
Where the fingerprint has just changed there are few of these, and then the runs before the change
say what was usual, with what changed beside it: a new kernel that makes a stack slow is named in
the first night.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence

from podresize_reports.history.store import SeenRun
from podresize_reports.steps import SHARE
from podresize_reports.summary import STEPS

LEAST_RUNS = 4
"""Runs below which no spread is known."""
_DEVIATIONS = 3.0
# What makes the median absolute deviation the standard deviation of a normal distribution.
_NORMAL = 1.4826


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """Of a step's medians in ``runs`` runs the median and the robust deviation, in seconds."""

    runs: int
    median: float
    deviation: float

    @property
    def limit(self) -> float:
        """What is above it is slower: three deviations, and a fifth at the least."""
        return self.median + max(_DEVIATIONS * self.deviation, SHARE * self.median)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Slower:
    """A step whose median, ``now`` in seconds, is above what was usual.

    ``beside`` is what the newest run detected otherwise than the runs that it is compared with:
    name, then, now; nothing where these are of the same fingerprint.
    """

    step: str
    now: float
    usual: Usual
    beside: tuple[tuple[str, str, str], ...] = ()


def usual(medians: Sequence[float]) -> Usual:
    """Return what is usual, of at least one median."""
    median = statistics.median(medians)
    deviation = _NORMAL * statistics.median(abs(each - median) for each in medians)
    return Usual(runs=len(medians), median=median, deviation=deviation)


def slower(times: Mapping[str, Mapping[int, float]], runs: Sequence[SeenRun]) -> tuple[Slower, ...]:
    """Return the steps that are slower in the first of the runs, which are newest first."""
    now, earlier = runs[0], runs[1:]
    detected = now.detected
    alike = [run for run in earlier if run.detected == detected]
    others = [run for run in earlier if run.detected != detected]
    found = []
    for step, by_run in times.items():
        if now.number not in by_run:
            continue
        for before in (alike, others):
            medians = [by_run[run.number] for run in before if run.number in by_run]
            if len(medians) >= LEAST_RUNS:
                was = usual(medians)
                median = by_run[now.number]
                if median > was.limit:
                    beside = changed(before[0].detected, now.detected)
                    found.append(
                        Slower(step=STEPS.get(step, step), now=median, usual=was, beside=beside)
                    )
                break
    return tuple(found)


def changed(
    before: Mapping[str, object], now: Mapping[str, object]
) -> tuple[tuple[str, str, str], ...]:
    """Return what was detected otherwise: name, before, now."""
    return tuple(
        (name, str(before.get(name)), str(now.get(name)))
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    )
