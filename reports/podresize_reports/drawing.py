"""Lanes, laid out: where on the page each value of a timeline stands.

Things happen at 0.1 s and at 60 s, so the time axis is logarithmic away from the patch and linear
near it (symlog); what was seen before the patch gets a strip of its own at the left. Horizontal
places are per cent and vertical ones pixels: the drawing then fills a phone as it fills a screen,
and its letters keep their size.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from typing import NamedTuple

from podresize.evidence.timeline import Timeline, Witness
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
_PIXELS = 9.0  # of one per cent of the width, on a desk
_LETTER = 7.5
_TELLERS = {
    "client": "client",
    "api": "API",
    "kubelet": "kubelet",
    "event": "events",
    "call": "kubelet → CRI",
    "cri": "CRI",
    "kernel": "kernel",
    "process": "process",
    "workload": "workload",
}
# What the kubelet tells of a resize, in the pod's status.
_BY_KUBELET = re.compile(r"resize conditions|(\S+ )?status\.\S+( \S+)?")


class Segment(NamedTuple):
    """One value of a lane as a bar; ``tone`` is old, new or absent.

    ``t`` is when it came, ``time`` the same as a text; ``since`` is that text where it is news: a
    value that was there when the lane began has none. A tuple, since a page has a hundred thousand.
    """

    t: float
    x: float
    width: float
    label: str
    time: str
    since: str
    tone: str

    def title(self, name: str) -> str:
        """Return all of it, with the lane's name, where the bar may be too short for its label."""
        if self.width * _PIXELS >= (len(self.label) + 1) * _LETTER:
            return ""
        return f"{name}: {self.label}, {'from ' + self.since if self.since else 'as first seen'}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DrawnLane:
    """One lane: its name at ``name_y``, its bars (or dots, when ``points``) at ``y``.

    ``teller`` is whose word it is, ``kind`` gives it its colour: the witness, or ``kubelet`` for
    what the API has from the kubelet.
    """

    kind: str
    teller: str
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
    teller: str
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
    cut: int

    @property
    def order(self) -> list[tuple[int, Segment]]:
        """Every segment with the number of its lane, by time."""
        found = [(n, segment) for n, lane in enumerate(self.lanes) for segment in lane.segments]
        return sorted(found, key=lambda pair: pair[1].t)

    @property
    def table(self) -> tuple[Happening, ...]:
        """The same in words, by time."""
        return tuple(
            Happening(
                t=segment.t,
                time=segment.time,
                teller=self.lanes[number].teller,
                what=self.lanes[number].name,
                value=segment.label,
            )
            for number, segment in self.order
        )


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
    order = list(_TELLERS)
    found = sorted(
        ((_kind(lane), lane) for lane in lanes(timeline)), key=lambda pair: order.index(pair[0])
    )
    if not found:
        return None
    times = [mark.t for _, lane in found for mark in lane.marks]
    end = max([*times, timeline.ended, _LINEAR])
    axis = Axis(before=max(0.0, -min(times)), after=end)
    return Drawing(
        height=_TOP + _PITCH * len(found) + 2,
        bar=_BAR,
        top=_TOP,
        patch_x=axis.x(0),
        lanes=tuple(
            _drawn(kind, lane, number, axis, end) for number, (kind, lane) in enumerate(found)
        ),
        ticks=axis.ticks(),
        cut=sum(lane.cut for _, lane in found),
    )


def _drawn(kind: str, lane: Lane, number: int, axis: Axis, end: float) -> DrawnLane:
    segments: list[Segment] = []
    first = lane.marks[0].label
    places = [axis.x(mark.t) for mark in lane.marks]
    ends = [*places[1:], axis.x(end)]
    for mark, x, until in zip(lane.marks, places, ends, strict=True):
        time = "before the patch" if mark.t < 0 else f"+{seconds_text(mark.t)}"
        segments.append(
            Segment(
                t=mark.t,
                x=x,
                # Two observations in one moment leave a bar that can still be seen.
                width=max(0.3, round(until - x, 2)),
                label=mark.label,
                time=time,
                since=time if mark.t >= 0 and segments else "",
                tone="absent" if mark.absent else "old" if mark.label == first else "new",
            )
        )
    return DrawnLane(
        kind=kind,
        teller=_TELLERS[kind],
        name=lane.name,
        name_y=_TOP + _PITCH * number + _NAME - 3,
        y=_TOP + _PITCH * number + _NAME,
        points=lane.points,
        segments=tuple(segments),
    )


def _kind(lane: Lane) -> str:
    told = lane.witness is Witness.API and _BY_KUBELET.fullmatch(lane.name)
    return "kubelet" if told else str(lane.witness)


@functools.lru_cache(maxsize=1024)  # the ends of an axis are asked for with every place on it
def _symlog(t: float) -> float:
    return math.log1p(t / _LINEAR)
