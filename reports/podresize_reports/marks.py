"""Marks and lanes: the moments at which a witness changed its mind, and how they are collected.

Also the few ways to look into what a cluster printed. None of them relies on a shape: a report of a
stack that answers nonsense is the one that is read most closely.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from podresize.evidence.timeline import Timeline, Witness
from podresize_reports.text import natural, one_line, shorten

MAX_MARKS = 120  # of one lane: a file that changes all the time is cut, and the cut is said


class Mark(NamedTuple):
    """From ``t`` on the lane reads ``label``; ``absent`` when the witness reported nothing.

    A tuple, since a page has a hundred thousand of them.
    """

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


def changes(
    witness: Witness,
    name: str,
    seen: Iterable[tuple[float, Any]],
    *,
    absent: str,
    reading: Callable[[Any], Any] = lambda value: value,
) -> Lane:
    """Return the lane of a value over time: a mark where it differs from the one before.

    ``reading`` makes a value of what was seen; it is asked only where that is another than before.
    """
    marks: list[Mark] = []
    last: Any = object()
    for t, raw in seen:
        if raw == last:
            continue
        last, value = raw, reading(raw)
        nothing = value is None or value == ""
        label = label_of(str(absent if nothing else value))
        if not marks or (marks[-1].label, marks[-1].absent) != (label, nothing):
            marks.append(Mark(t=t, label=label, absent=nothing))
    return _cut(witness, name, marks, points=False)


def lane_of(witness: Witness, name: str, marks: list[Mark], *, points: bool = False) -> Lane:
    """Return a lane of marks, cut where they are too many to be drawn."""
    labelled = [mark._replace(label=label_of(mark.label)) for mark in marks]
    return _cut(witness, name, labelled, points=points)


def _cut(witness: Witness, name: str, marks: list[Mark], *, points: bool) -> Lane:
    return Lane(
        witness=witness,
        name=label_of(name),
        marks=tuple(marks[:MAX_MARKS]),
        points=points,
        cut=max(0, len(marks) - MAX_MARKS),
    )


# A page has tens of thousands of labels and hundreds of different ones.
@functools.lru_cache(maxsize=4096)
def label_of(text: str) -> str:
    """Return a text as a label: one line, not too long, nothing unsafe in it."""
    return shorten(one_line(text), 120)


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
