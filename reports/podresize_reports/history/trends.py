"""How long a step of a resize took, run after run, laid out as a plot.

Horizontal places are per cent, oldest run at the left, and vertical ones pixels, so that a plot
fills a phone as it fills a screen. The axis is logarithmic where the times span a decade. Each
run has its median, the middle half and the middle eight tenths of its resizes; a line stands where
the fingerprint changed, and a run whose median is out of the way is ringed and named.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

from podresize_reports.history.slower import LEAST_RUNS, changed, usual
from podresize_reports.history.store import SeenRun
from podresize_reports.steps import Spread
from podresize_reports.summary import STEPS
from podresize_reports.text import seconds_text

HEIGHT = 170
_TOP, _BOTTOM = 22, 150
_LEFT, _RIGHT = 10.0, 98.5  # per cent: room for the axis, and for the ring of the last point
_TICKS = tuple(base * 10.0**power for power in range(-3, 4) for base in (1, 2, 5))
_TICK_ROOM = 22  # pixels between two labels
_DECADE = 10.0
_MOST_NAMED = 5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One run of a plot, and a line of its table: ``x`` in per cent, ``y`` of the median.

    ``changes`` is what was detected otherwise than in the run before; ``mark`` numbers it.
    """

    run: str
    started: str
    x: float
    y: float
    spread: Spread
    is_outlier: bool
    mark: int | None
    changes: tuple[tuple[str, str, str], ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One labelled time."""

    y: float
    label: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A step over the runs: ``wide`` and ``narrow`` are the bands' outlines, ``line`` the medians.

    These are the ``points`` of SVG polygons and a polyline, in a box of 100 by ``HEIGHT``.
    """

    step: str
    points: tuple[Point, ...]
    ticks: tuple[Tick, ...]
    wide: str
    narrow: str
    line: str
    summary: str

    @property
    def outliers(self) -> tuple[Point, ...]:
        """The runs to be named, newest first, and no more than can be read."""
        return tuple(each for each in self.points[::-1] if each.is_outlier)[:_MOST_NAMED]

    @property
    def marks(self) -> tuple[Point, ...]:
        """The runs before which the fingerprint changed."""
        return tuple(each for each in self.points if each.mark is not None)


def plots(spreads: Mapping[str, Mapping[int, Spread]], runs: Sequence[SeenRun]) -> tuple[Plot, ...]:
    """Return a plot of each step that at least two of the runs show; ``runs`` are newest first."""
    found = []
    for step, by_run in spreads.items():
        seen = [run for run in reversed(runs) if run.number in by_run]
        if len(seen) > 1:
            found.append(_plot(STEPS.get(step, step), by_run, seen))
    return tuple(found)


def _plot(step: str, by_run: Mapping[int, Spread], runs: Sequence[SeenRun]) -> Plot:
    spreads = [by_run[run.number] for run in runs]
    axis = _Axis.of(spreads)
    gap = (_RIGHT - _LEFT) / (len(runs) - 1)
    xs = [round(_LEFT + at * gap, 2) for at in range(len(runs))]
    outliers = _outliers(runs, spreads)
    points, mark = [], 0
    for at, run in enumerate(runs):
        changes = changed(runs[at - 1].detected, run.detected) if at else ()
        mark += bool(changes)
        points.append(
            Point(
                run=run.id,
                started=run.started,
                x=xs[at],
                y=axis.y(spreads[at].p50),
                spread=spreads[at],
                is_outlier=outliers[at],
                mark=mark if changes else None,
                changes=changes,
            )
        )

    def band(low: list[float], high: list[float]) -> str:
        there = [f"{x},{axis.y(value)}" for x, value in zip(xs, high, strict=True)]
        back = [f"{x},{axis.y(value)}" for x, value in zip(xs, low, strict=True)]
        return " ".join([*there, *back[::-1]])

    first, last = spreads[0], spreads[-1]
    return Plot(
        step=step,
        points=tuple(points),
        ticks=axis.ticks(),
        wide=band([each.p10 for each in spreads], [each.p90 for each in spreads]),
        narrow=band([each.p25 for each in spreads], [each.p75 for each in spreads]),
        line=" ".join(f"{point.x},{point.y}" for point in points),
        summary=(
            f"median {seconds_text(last.p50)} in the newest of {len(runs)} runs, "
            f"{seconds_text(first.p50)} in the oldest"
        ),
    )


def _outliers(runs: Sequence[SeenRun], spreads: Sequence[Spread]) -> list[bool]:
    """Return whether each run's median is out of the way of the others of its fingerprint."""
    detected = [run.detected for run in runs]
    kinds = [detected.index(each) for each in detected]
    found = []
    for at, kind in enumerate(kinds):
        others = [
            each.p50 for place, each in enumerate(spreads) if place != at and kinds[place] == kind
        ]
        if len(others) < LEAST_RUNS:
            found.append(False)
            continue
        was = usual(others)
        found.append(abs(spreads[at].p50 - was.median) > was.limit - was.median)
    return found


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """Seconds to pixels. A linear axis begins at zero."""

    low: float
    high: float
    is_log: bool

    @classmethod
    def of(cls, spreads: Sequence[Spread]) -> _Axis:
        low = max(0.001, min(each.p10 for each in spreads))
        high = max(low * 1.01, max(each.p90 for each in spreads))
        is_log = high / low > _DECADE
        return cls(low=low if is_log else 0.0, high=high, is_log=is_log)

    def y(self, seconds: float) -> float:
        value = max(seconds, self.low)
        if self.is_log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = value / self.high
        return round(_BOTTOM - min(1.0, share) * (_BOTTOM - _TOP), 1)

    def ticks(self) -> tuple[Tick, ...]:
        found: list[Tick] = [] if self.is_log else [Tick(y=_BOTTOM, label="0 s")]
        for seconds in _TICKS:
            if self.low <= seconds <= self.high:
                y = self.y(seconds)
                if not found or found[-1].y - y >= _TICK_ROOM:
                    found.append(Tick(y=y, label=f"{seconds:g} s"))
        return tuple(found)
