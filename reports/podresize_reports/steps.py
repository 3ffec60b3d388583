"""How long the steps of many resizes took: those of one target, and of two beside each other.

Times have long tails and a run has few of them, so nothing here rests on a mean. Two sides are
compared by all their ratios: the median of these is how many times as long the right side took
(Hodges and Lehmann, on a logarithmic scale), and Mann and Whitney's statistic gives its interval.
Both are exact functions of the times: the same records give the same numbers.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from podresize_reports.loading import Run
from podresize_reports.summary import STEPS

LEAST = 8
"""Resizes of each side below which an interval says nothing."""
SHARE = 0.2
"""What is longer or shorter by less than a fifth is no matter for a reader."""
_Value = TypeVar("_Value")
_GAP = "sampling_gap"  # how long nobody looked: the harness's time, no step of the target
# What is seen is not more exact than this, and a time of zero has no ratio.
_RESOLUTION = 0.001
_MOST = 300
_Z = 1.96


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Times of one step in seconds: how many, and the quantiles of 10, 25, 50, 75 and 90 %."""

    number: int
    p10: float
    p25: float
    p50: float
    p75: float
    p90: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StepShift:
    """One step on two sides: ``ratio`` is right to left, ``interval`` holds it at 95 %."""

    step: str
    left: Spread
    right: Spread
    ratio: float
    interval: tuple[float, float]

    @property
    def is_slower(self) -> bool:
        """Whether the right side takes longer: by a fifth, and not by chance."""
        return self.interval[0] > 1 and self.ratio > 1 + SHARE

    @property
    def is_faster(self) -> bool:
        """Whether the right side takes less time: by a fifth, and not by chance."""
        return self.interval[1] < 1 and self.ratio < 1 / (1 + SHARE)


def samples(
    run: Run, targets: Collection[str], checks: Collection[str] | None = None
) -> dict[str, tuple[float, ...]]:
    """Return the seconds of each step, in order of size, over the resizes on these targets.

    Of these checks alone where ``checks`` are given.
    """
    resizes: dict[str, dict[str, float]] = defaultdict(dict)
    for verdict in run.verdicts:
        if verdict.target in targets and (checks is None or verdict.check in checks):
            # Several requirements are read off one resize: it is counted once.
            resizes[verdict.timeline or verdict.check].update(verdict.facts)
    found: dict[str, list[float]] = defaultdict(list)
    for facts in resizes.values():
        for step, seconds in facts.items():
            # What was so before the patch took no time.
            if seconds > 0 and step != _GAP:
                found[step].append(seconds)
    return in_order({step: tuple(sorted(times)) for step, times in found.items()})


def in_order(by_step: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return the same with the steps in the order in which a conformant stack shows them."""
    known = [step for step in STEPS if step in by_step]
    return {step: by_step[step] for step in [*known, *sorted(by_step.keys() - STEPS.keys())]}


def spread(times: Sequence[float]) -> Spread:
    """Return the quantiles of at least one time."""
    twice = times if len(times) > 1 else [*times, *times]
    cuts = statistics.quantiles(twice, n=20, method="inclusive")
    p10, p25, p50, p75, p90 = (round(cuts[at], 6) for at in (1, 4, 9, 14, 17))
    return Spread(number=len(times), p10=p10, p25=p25, p50=p50, p75=p75, p90=p90)


def shifts(
    left: dict[str, tuple[float, ...]], right: dict[str, tuple[float, ...]]
) -> tuple[StepShift, ...]:
    """Return the steps that both sides show often enough."""
    found = []
    for step, ours in left.items():
        theirs = right.get(step, ())
        if min(len(ours), len(theirs)) < LEAST:
            continue
        ratio, interval = ratio_of(ours, theirs)
        found.append(
            StepShift(
                step=STEPS.get(step, step),
                left=spread(ours),
                right=spread(theirs),
                ratio=ratio,
                interval=interval,
            )
        )
    return tuple(found)


def ratio_of(left: Sequence[float], right: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """Return how many times as long the right side takes, and the interval of 95 %."""
    ours, theirs = _thinned(left), _thinned(right)
    ratios = sorted(max(two, _RESOLUTION) / max(one, _RESOLUTION) for one in ours for two in theirs)
    pairs = len(ratios)
    half = _Z * math.sqrt(pairs * (len(ours) + len(theirs) + 1) / 12)
    low = max(0, math.floor(pairs / 2 - half))
    interval = (ratios[low], ratios[pairs - 1 - low])
    return round(statistics.median(ratios), 4), (round(interval[0], 4), round(interval[1], 4))


def _thinned(times: Sequence[float]) -> Sequence[float]:
    """Return at most so many of the times, evenly by rank: thousands have too many pairs."""
    ranked = sorted(times)
    if len(ranked) <= _MOST:
        return ranked
    return [ranked[round(at * (len(ranked) - 1) / (_MOST - 1))] for at in range(_MOST)]
