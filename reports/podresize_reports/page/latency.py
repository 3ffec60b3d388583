"""How long each step of a resize took: percentiles, and a plot of every single time.

Percentiles are by nearest rank, so each is a time that was really seen. What was so before the
patch (requests that a resize of limits leaves alone) took no time and is counted apart. The plot
has one strip for each step, a dot for each resize, on a logarithmic axis that all targets share.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

from podresize_reports.loading import Run
from podresize_reports.summary import STEPS, resizes, steps_of

PERCENTILES = (50, 90, 99)
_LEAST = 0.001  # seconds: facts are told in milliseconds, and a logarithmic axis has no zero
_NO_STEP = "sampling_gap"  # how long nobody looked is a width of the evidence, not a moment
_TICKS = [step * 10.0**power for power in range(-3, 4) for step in (1, 3)]
_TICK_ROOM = 11.0  # per cent between two ticks, room for "0.003 s" on a phone
_WIDTH = 1000  # units of a strip's path
_TOP = 20
_NAME = 16
_STRIP = 22
_PITCH = _NAME + _STRIP + 8
_DOT_ROWS = (11, 7, 15, 9, 13, 5, 17)  # where equal times lie beside each other


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """The times of one step, sorted, in seconds after the patch, of ``of`` resizes.

    ``already`` counts the resizes in which it was so at the patch.
    """

    step: str
    label: str
    times: tuple[float, ...]
    already: int
    of: int

    def percentile(self, rank: int) -> float | None:
        """Return the time that ``rank`` per cent of the resizes do not exceed."""
        if not self.times:
            return None
        return self.times[max(0, math.ceil(len(self.times) * rank / 100) - 1)]

    @property
    def columns(self) -> tuple[float | None, ...]:
        """The percentiles and the longest time; None where the step was never seen."""
        return (*(self.percentile(rank) for rank in PERCENTILES), self.percentile(100))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One step, laid out: its name at ``name_y``, its dots as a path in a box at ``y``."""

    label: str
    name_y: int
    y: int
    dots: str
    marks: tuple[tuple[int, float], ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """The strips of one target; ``ticks`` are (per cent of the width, label)."""

    height: int
    strip: int
    top: int
    ticks: tuple[tuple[float, str], ...]
    strips: tuple[Strip, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Seconds to per cent of the width, logarithmic between two ends."""

    least: float
    most: float

    def x(self, seconds: float) -> float:
        """Return the place of a time, from 1 to 99 so that a dot at either end is whole."""
        span = math.log(self.most / self.least)
        return round(1 + 98 * math.log(max(seconds, self.least) / self.least) / span, 2)

    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Return the round times that have room for their label."""
        found: list[tuple[float, str]] = []
        for seconds in _TICKS:
            inside = self.least <= seconds <= self.most
            if inside and (x := self.x(seconds)) <= 96:
                # The first label may begin at its line and not be centred on it.
                room = _TICK_ROOM * (1.4 if len(found) == 1 else 1)
                if not found or x >= found[-1][0] + room:
                    found.append((x, f"{seconds:g} s"))
        return tuple(found)


def distributions(run: Run, target: str) -> tuple[Distribution, ...]:
    """Return the times of each step on a target; empty when no check measured any."""
    measured = list(resizes(run, target).values())
    found = []
    for step in steps_of(measured) if measured else ():
        seen = sorted(facts[step] for facts in measured if step in facts)
        times = tuple(time for time in seen if time > 0)
        found.append(
            Distribution(
                step=step,
                label=STEPS.get(step, step),
                times=times,
                already=len(seen) - len(times),
                of=len(measured),
            )
        )
    return tuple(found)


def axis_of(groups: Iterable[Sequence[Distribution]]) -> Axis:
    """Return the axis that holds every time of every target."""
    times = [
        time for group in groups for each in group if each.step != _NO_STEP for time in each.times
    ]
    least = max(_LEAST, min(times, default=_LEAST))
    return Axis(least=least, most=max([*times, 3 * least]))


def plot(group: Sequence[Distribution], axis: Axis) -> Plot | None:
    """Return the strips of the steps that were seen, None where none was."""
    shown = [each for each in group if each.times and each.step != _NO_STEP]
    if not shown:
        return None
    return Plot(
        height=_TOP + _PITCH * len(shown),
        strip=_STRIP,
        top=_TOP,
        ticks=axis.ticks(),
        strips=tuple(_strip(each, number, axis) for number, each in enumerate(shown)),
    )


def _strip(each: Distribution, number: int, axis: Axis) -> Strip:
    dots: dict[str, None] = {}
    for position, time in enumerate(each.times):
        x = round(axis.x(time) * _WIDTH / 100)
        dots[f"M{x} {_DOT_ROWS[position % len(_DOT_ROWS)]}h0"] = None
    return Strip(
        label=each.label,
        name_y=_TOP + _PITCH * number + _NAME - 4,
        y=_TOP + _PITCH * number + _NAME,
        dots="".join(dots),
        marks=tuple((rank, axis.x(each.percentile(rank) or 0.0)) for rank in PERCENTILES),
    )
