"""Marks and lanes: the moments at which a witness changed its mind, and how they are collected.

Also the few ways to look into what a cluster printed. None of them relies on a shape: a report of a
stack that answers nonsense is the one that is read most closely.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from podresize.evidence.timeline import Timeline, Witness
from podresize_reports.text import natural, one_line, shorten

MAX_MARKS = 120  # of one lane: a file that changes all the time is cut, and the cut is said


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """From ``t`` on the lane reads ``label``; ``absent`` when the witness reported nothing."""

    t: float
    label: str
    absent: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """What one witness said about one thing.

    The marks of a lane hold until the next mark and the last one to the end of the timeline; where
    ``points`` is set they are moments instead. ``cut`` counts the marks left out at the end.
    """

    witness: Witness
    name: str
    marks: tuple[Mark, ...]
    points: bool = False
    cut: int = 0


def changes(witness: Witness, name: str, seen: Iterable[tuple[float, Any]], *, absent: str) -> Lane:
    """Return the lane of a value over time: a mark where it differs from the one before."""
    marks: list[Mark] = []
    for t, value in seen:
        nothing = value is None or value == ""
        mark = Mark(t=t, label=absent if nothing else label_of(value), absent=nothing)
        if not marks or (marks[-1].label, marks[-1].absent) != (mark.label, mark.absent):
            marks.append(mark)
    return lane_of(witness, name, marks)


def lane_of(witness: Witness, name: str, marks: list[Mark], *, points: bool = False) -> Lane:
    """Return a lane of marks, cut where they are too many to be drawn."""
    kept = tuple(
        dataclasses.replace(mark, label=label_of(mark.label)) for mark in marks[:MAX_MARKS]
    )
    return Lane(
        witness=witness,
        name=label_of(name),
        marks=kept,
        points=points,
        cut=max(0, len(marks) - MAX_MARKS),
    )


def label_of(value: object) -> str:
    """Return any value as a label: one line, not too long, nothing unsafe in it."""
    return shorten(one_line(str(value)), 120)


def subjects(timeline: Timeline, witness: Witness) -> list[str]:
    """Return what a witness spoke of, containers first."""
    found = {seen.subject for seen in timeline.of(witness)}
    # Containers first: they are what a resize is about; the pod and its ancestors follow.
    return sorted(found, key=lambda s: (not s.startswith("container/"), natural(s)))


def short(subject: str) -> str:
    """Return a subject as it is written in a lane's name."""
    return subject.removeprefix("container/")


def at(value: Any, *path: str) -> Any:
    """Return what lies at a path of keys, None when the way ends before."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def items(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list, nothing when it is none."""
    yield from (
        item for item in (value if isinstance(value, list) else ()) if isinstance(item, dict)
    )
