"""A timeline, read as lanes: who said what, from when until when.

A timeline holds every observation, most of them repetitions. A reader wants to see the moments at
which a witness changed its mind, above each other on one clock. This module finds them; it is pure
and knows nothing of drawing. What it reads is what a cluster printed, so no shape is relied upon.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from podresize.evidence.timeline import Timeline, Witness
from podresize_reports.quantities import cri_values, kernel_value
from podresize_reports.text import natural, one_line, seconds_text, shorten

MAX_MARKS = 120  # of one lane: a file that changes all the time is cut, and the cut is said
_MAX_LANES = 40
_RESOURCES = ("cpu", "memory")
_LIMIT_FILES = (
    "cpu.max",
    "cpu.weight",
    "memory.max",
    "cpu.cfs_quota_us",
    "cpu.shares",
    "memory.limit_in_bytes",
)


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


def lanes(timeline: Timeline) -> tuple[Lane, ...]:
    """Return the lanes of a timeline that have marks, from the request down to the process."""
    found = [
        *_client(timeline),
        *_resize_status(timeline),
        *_container_resources(timeline),
        *_events(timeline),
        *_cri(timeline),
        *_kernel(timeline),
        *_process(timeline),
        *_workload(timeline),
    ]
    return tuple(lane for lane in found if lane.marks)[:_MAX_LANES]


def _client(timeline: Timeline) -> Iterator[Lane]:
    marks: list[Mark] = []
    asked: Mark | None = None
    for seen in timeline.of(Witness.CLIENT):
        if code := _at(seen.data, "answer", "code"):
            request = asked or Mark(t=seen.t, label=_request(seen.data))
            reason = _at(seen.data, "answer", "reason")
            took = seconds_text(seen.t - request.t)
            answer = f"{code} {reason}" if reason else f"{code}"
            marks.append(
                dataclasses.replace(request, label=f"{request.label}: {answer} after {took}")
            )
            asked = None
        else:
            if asked:
                marks.append(asked)
            asked = Mark(t=seen.t, label=_request(seen.data))
    if asked:
        marks.append(dataclasses.replace(asked, label=f"{asked.label}: no answer"))
    yield _lane(Witness.CLIENT, "request and answer", marks, points=True)


def _request(data: dict[str, Any]) -> str:
    method = _at(data, "request", "method") or "request"
    path = str(_at(data, "request", "path") or "").partition("?")[0].rstrip("/")
    return f"{method} {path.rpartition('/')[2]}".strip()


def _resize_status(timeline: Timeline) -> Iterator[Lane]:
    pods = list(timeline.of(Witness.API))
    fields = [(pod.t, _at(pod.data, "status", "resize")) for pod in pods]
    conditions = [(pod.t, _conditions(pod.data)) for pod in pods]
    if any(text for _, text in conditions):
        yield _changes(Witness.API, "resize conditions", conditions, absent="none")
    if any(text for _, text in fields) or not any(text for _, text in conditions):
        yield _changes(Witness.API, "status.resize", fields, absent="not set")


def _conditions(pod: dict[str, Any]) -> str:
    texts = []
    for condition in _items(_at(pod, "status", "conditions")):
        kind = str(condition.get("type", ""))
        if kind.startswith("PodResize") and condition.get("status") == "True":
            reason = condition.get("reason")
            texts.append(kind.removeprefix("PodResize") + (f": {reason}" if reason else ""))
    return ", ".join(texts)


def _container_resources(timeline: Timeline) -> Iterator[Lane]:
    pods = list(timeline.of(Witness.API))
    names = {
        str(container.get("name"))
        for pod in pods
        for container in _items(_at(pod.data, "spec", "containers"))
    }
    for name in sorted(names, key=natural):
        found = []
        for resource in _RESOURCES:
            spec = [(p.t, _resource(p.data, "spec", "containers", name, resource)) for p in pods]
            status = [
                (p.t, _resource(p.data, "status", "containerStatuses", name, resource))
                for p in pods
            ]
            found.append(
                (
                    _changes(Witness.API, f"{name} spec {resource}", spec, absent="not set"),
                    _changes(
                        Witness.API,
                        f"{name} status.resources {resource}",
                        status,
                        absent="not reported",
                    ),
                )
            )
        # What nobody asked to change is left out, unless nothing changed at all.
        changed = [pair for pair in found if any(len(lane.marks) > 1 for lane in pair)]
        for pair in changed or found:
            yield from pair


def _resource(
    pod: dict[str, Any], part: str, containers: str, name: str, resource: str
) -> str | None:
    for container in _items(_at(pod, part, containers)):
        if container.get("name") == name:
            request = _at(container, "resources", "requests", resource)
            limit = _at(container, "resources", "limits", resource)
            if request is None and limit is None:
                return None
            return f"{request}" if request == limit else f"{request or '–'} / {limit or '–'}"
    return None


def _events(timeline: Timeline) -> Iterator[Lane]:
    marks = [
        Mark(t=seen.t, label=str(seen.data.get("reason") or "event"))
        for seen in timeline.of(Witness.EVENT)
    ]
    yield _lane(Witness.EVENT, "events", marks, points=True)


def _cri(timeline: Timeline) -> Iterator[Lane]:
    for subject in _subjects(timeline, Witness.CRI):
        seen = [
            (o.t, cri_values(o.data.get("resources"))) for o in timeline.of(Witness.CRI, subject)
        ]
        absent = "not reported"
        if not any(values for _, values in seen):
            silence: list[tuple[float, str | None]] = [(t, None) for t, _ in seen]
            yield _changes(Witness.CRI, f"{_short(subject)} resources", silence, absent=absent)
            continue
        found = [
            _changes(
                Witness.CRI,
                f"{_short(subject)} {resource}",
                [(t, values.get(resource)) for t, values in seen],
                absent=absent,
            )
            for resource in _RESOURCES
        ]
        yield from [lane for lane in found if len(lane.marks) > 1] or found


def _kernel(timeline: Timeline) -> Iterator[Lane]:
    for subject in _subjects(timeline, Witness.KERNEL):
        seen = list(timeline.of(Witness.KERNEL, subject))
        files = sorted({str(name) for o in seen for name in o.data}, key=natural)
        found = {
            name: _changes(
                Witness.KERNEL,
                f"{_short(subject)} {name}",
                [(o.t, kernel_value(name, o.data[name])) for o in seen if name in o.data],
                absent="no such file",
            )
            for name in files
        }
        changed = [lane for lane in found.values() if len(lane.marks) > 1]
        yield from changed or [found[name] for name in files if name in _LIMIT_FILES]


def _process(timeline: Timeline) -> Iterator[Lane]:
    for subject in _subjects(timeline, Witness.PROCESS):
        # The start time tells a restart even where the new process got the old pid.
        seen = [
            (o.t, f"pid {o.data.get('pid')}, start tick {o.data.get('start_ticks')}")
            for o in timeline.of(Witness.PROCESS, subject)
        ]
        yield _changes(Witness.PROCESS, f"{_short(subject)} process", seen, absent="gone")


def _workload(timeline: Timeline) -> Iterator[Lane]:
    for subject in _subjects(timeline, Witness.WORKLOAD):
        marks: dict[str, Mark] = {}
        for seen in timeline.of(Witness.WORKLOAD, subject):
            instance = str(seen.data.get("instance"))
            # The probe is asked at the end for all its beats: the first instance was there before.
            start = seen.t if marks else min(seen.t, timeline.observations[0].t)
            first = marks[instance].t if instance in marks else start
            gap = seen.data.get("max_gap_seconds")
            longest = f", longest gap {gap:.2f} s" if isinstance(gap, (int, float)) else ""
            # One instance, one mark: its last word holds for all its beats.
            marks[instance] = Mark(t=first, label=f"{seen.data.get('beats')} beats{longest}")
        yield _lane(Witness.WORKLOAD, f"{_short(subject)} heartbeat", list(marks.values()))


def _changes(
    witness: Witness, name: str, seen: Iterable[tuple[float, Any]], *, absent: str
) -> Lane:
    marks: list[Mark] = []
    for t, value in seen:
        nothing = value is None or value == ""
        mark = Mark(t=t, label=absent if nothing else _label(value), absent=nothing)
        if not marks or (marks[-1].label, marks[-1].absent) != (mark.label, mark.absent):
            marks.append(mark)
    return _lane(witness, name, marks)


def _lane(witness: Witness, name: str, marks: list[Mark], *, points: bool = False) -> Lane:
    kept = tuple(dataclasses.replace(mark, label=_label(mark.label)) for mark in marks[:MAX_MARKS])
    return Lane(
        witness=witness,
        name=_label(name),
        marks=kept,
        points=points,
        cut=max(0, len(marks) - MAX_MARKS),
    )


def _label(value: object) -> str:
    return shorten(one_line(str(value)), 120)


def _subjects(timeline: Timeline, witness: Witness) -> list[str]:
    subjects = {seen.subject for seen in timeline.of(witness)}
    # Containers first: they are what a resize is about; the pod and its ancestors follow.
    return sorted(subjects, key=lambda s: (not s.startswith("container/"), natural(s)))


def _short(subject: str) -> str:
    return subject.removeprefix("container/")


def _at(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _items(value: Any) -> Iterator[dict[str, Any]]:
    yield from (
        item for item in (value if isinstance(value, list) else ()) if isinstance(item, dict)
    )
