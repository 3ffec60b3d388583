"""Lanes, laid out: where on the page each value of a timeline stands.

Things happen at 0.1 s and at 60 s, so the time axis is logarithmic away from the patch and linear
near it (symlog); what was seen before the patch gets a strip of its own at the left. Horizontal
places are per cent and vertical ones pixels: the drawing then fills a phone as it fills a screen,
and its letters keep their size.
"""

from __future__ import annotations

import dataclasses
import math

from podresize.evidence.timeline import Timeline
from podresize_reports.lanes import lanes
from podresize_reports.marks import Lane
from podresize_reports.text import seconds_text

_LINEAR = 0.05  # seconds around the patch in which the axis is about linear
_BEFORE = 14.0  # per cent of the width for the time before the patch
_TICKS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 100.0, 300.0, 1000.0, 3000.0)
_TICK_ROOM = 11.0  # per cent between two ticks, room for "100 s" on a phone
_TOP = 22
_NAME = 15
_BAR = 20
_PITCH = _NAME + _BAR + 9


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One value of a lane as a bar; ``tone`` is old, new or absent, ``since`` when it came."""

    x: float
    width: float
    label: str
    since: str
    title: str
    tone: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DrawnLane:
    """One lane: its name at ``name_y``, its bars (or dots, when ``points``) at ``y``."""

    witness: str
    name: str
    name_y: int
    y: int
    points: bool
    segments: tuple[Segment, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One labelled time of the axis."""

    x: float
    label: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One line of the table that says in words what the drawing shows."""

    t: float
    time: str
    witness: str
    what: str
    value: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A laid-out timeline and the same as a table."""

    height: int
    bar: int
    top: int
    patch_x: float
    lanes: tuple[DrawnLane, ...]
    ticks: tuple[Tick, ...]
    table: tuple[Happening, ...]
    cut: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Seconds to per cent of the width. ``before`` and ``after`` are its ends, both positive."""

    before: float
    after: float

    def x(self, t: float) -> float:
        """Return the place of a time, kept within the drawing."""
        start = _BEFORE if self.before else 0.0
        if t < 0:
            place = start * (1 - min(1.0, _symlog(-t) / _symlog(self.before)))
        else:
            place = start + (100 - start) * min(1.0, _symlog(t) / _symlog(self.after))
        return round(place, 2)

    def ticks(self) -> tuple[Tick, ...]:
        """Return the patch and the round times that have room for their label."""
        found = [Tick(x=self.x(0), label="patch")]
        # "patch" is a word and stands centred on its line, so the next label keeps more distance.
        free = found[0].x + 1.1 * _TICK_ROOM
        for seconds in _TICKS:
            x = self.x(seconds)
            if seconds < self.after and free <= x <= 100 - _TICK_ROOM * 0.5:
                found.append(Tick(x=x, label=f"{seconds:g} s"))
                free = x + _TICK_ROOM
        return tuple(found)


def draw(timeline: Timeline) -> Drawing | None:
    """Return the drawing of a timeline, None when nothing in it can be drawn."""
    found = lanes(timeline)
    if not found:
        return None
    times = [mark.t for lane in found for mark in lane.marks]
    end = max([*times, timeline.ended, _LINEAR])
    axis = Axis(before=max(0.0, -min(times)), after=end)
    return Drawing(
        height=_TOP + _PITCH * len(found) + 2,
        bar=_BAR,
        top=_TOP,
        patch_x=axis.x(0),
        lanes=tuple(_drawn(lane, number, axis, end) for number, lane in enumerate(found)),
        ticks=axis.ticks(),
        table=_table(found),
        cut=sum(lane.cut for lane in found),
    )


def _drawn(lane: Lane, number: int, axis: Axis, end: float) -> DrawnLane:
    segments = []
    for position, mark in enumerate(lane.marks):
        more = lane.marks[position + 1 :]
        until = more[0].t if more else end
        x = axis.x(mark.t)
        since = f"+{seconds_text(mark.t)}" if mark.t > 0 and position else ""
        tone = "absent" if mark.absent else "old" if mark.label == lane.marks[0].label else "new"
        segments.append(
            Segment(
                x=x,
                # Two observations in one moment leave a bar that can still be seen.
                width=max(0.3, round(axis.x(until) - x, 2)),
                label=mark.label,
                since=since,
                title=f"{lane.name}: {mark.label}, {'from ' + since if since else 'as first seen'}",
                tone=tone,
            )
        )
    name_y = _TOP + _PITCH * number + _NAME - 3
    return DrawnLane(
        witness=str(lane.witness),
        name=lane.name,
        name_y=name_y,
        y=_TOP + _PITCH * number + _NAME,
        points=lane.points,
        segments=tuple(segments),
    )


def _table(found: tuple[Lane, ...]) -> tuple[Happening, ...]:
    happenings = [
        Happening(
            t=mark.t,
            time="before the patch" if mark.t < 0 else f"+{seconds_text(mark.t)}",
            witness=str(lane.witness),
            what=lane.name,
            value=mark.label,
        )
        for lane in found
        for mark in lane.marks
    ]
    return tuple(sorted(happenings, key=lambda happening: happening.t))


def _symlog(t: float) -> float:
    return math.log1p(t / _LINEAR)
