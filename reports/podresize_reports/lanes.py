"""A timeline, read as lanes: who said what, from when until when.

A timeline holds every observation, most of them repetitions. A reader wants to see the moments at
which a witness changed its mind, above each other on one clock. This module finds them; it is pure
and knows nothing of drawing. What it reads is what a cluster printed, so no shape is relied upon.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from podresize.evidence.timeline import Timeline, Witness
from podresize_reports.marks import Lane, Mark, at, changes, items, lane_of, short, subjects
from podresize_reports.quantities import cri_values, kernel_value
from podresize_reports.text import natural, seconds_text

_MAX_LANES = 40
_RESOURCES = ("cpu", "memory")
_ASKING = ("Status", "Stats")
_LIMIT_FILES = {
    "cpu.max",
    "cpu.weight",
    "memory.max",
    "cpu.cfs_quota_us",
    "cpu.shares",
    "memory.limit_in_bytes",
}


def lanes(timeline: Timeline) -> tuple[Lane, ...]:
    """Return the lanes of a timeline that have marks, from the request down to the process."""
    found = [
        *_client(timeline),
        *_resize_status(timeline),
        *_container_resources(timeline),
        *_events(timeline),
        *_calls(timeline),
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
        if code := at(seen.data, "answer", "code"):
            request = asked or Mark(t=seen.t, label=_request(seen.data))
            reason = at(seen.data, "answer", "reason")
            took = seconds_text(seen.t - request.t)
            answer = f"{code} {reason}" if reason else f"{code}"
            marks.append(request._replace(label=f"{request.label}: {answer} after {took}"))
            asked = None
        else:
            if asked:
                marks.append(asked)
            asked = Mark(t=seen.t, label=_request(seen.data))
    if asked:
        marks.append(asked._replace(label=f"{asked.label}: no answer"))
    yield lane_of(Witness.CLIENT, "request and answer", marks, points=True)


def _request(data: dict[str, Any]) -> str:
    method = at(data, "request", "method") or "request"
    path = str(at(data, "request", "path") or "").partition("?")[0].rstrip("/")
    return f"{method} {path.rpartition('/')[2]}".strip()


def _resize_status(timeline: Timeline) -> Iterator[Lane]:
    pods = list(timeline.of(Witness.API))
    fields = [(pod.t, at(pod.data, "status", "resize")) for pod in pods]
    conditions = [(pod.t, _conditions(pod.data)) for pod in pods]
    if any(text for _, text in conditions):
        yield changes(Witness.API, "resize conditions", conditions, absent="none")
    if any(text for _, text in fields) or not any(text for _, text in conditions):
        yield changes(Witness.API, "status.resize", fields, absent="not set")


def _conditions(pod: dict[str, Any]) -> str:
    texts = []
    for condition in items(at(pod, "status", "conditions")):
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
        for container in items(at(pod.data, "spec", "containers"))
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
                    changes(Witness.API, f"{name} spec {resource}", spec, absent="not set"),
                    changes(
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
    for container in items(at(pod, part, containers)):
        if container.get("name") == name:
            request = at(container, "resources", "requests", resource)
            limit = at(container, "resources", "limits", resource)
            if request is None and limit is None:
                return None
            return f"{request}" if request == limit else f"{request or '–'} / {limit or '–'}"
    return None


def _events(timeline: Timeline) -> Iterator[Lane]:
    marks = [
        Mark(t=seen.t, label=str(seen.data.get("reason") or "event"))
        for seen in timeline.of(Witness.EVENT)
    ]
    yield lane_of(Witness.EVENT, "events", marks, points=True)


def _calls(timeline: Timeline) -> Iterator[Lane]:
    """What changes a container or a sandbox; what only asks would hide it."""
    for subject in subjects(timeline, Witness.CALL):
        marks = [
            Mark(
                t=seen.t - took,
                label=f"{method}: {seen.data.get('code')} after {took * 1000:.1f} ms",
            )
            for seen in timeline.of(Witness.CALL, subject)
            if not (method := str(seen.data.get("method"))).endswith(_ASKING)
            and isinstance(took := seen.data.get("seconds"), (int, float))
        ]
        yield lane_of(Witness.CALL, f"{short(subject)} calls", marks, points=True)


def _cri(timeline: Timeline) -> Iterator[Lane]:
    for subject in subjects(timeline, Witness.CRI):
        seen: list[tuple[float, dict[str, str]]] = []
        last: Any = object()
        for o in timeline.of(Witness.CRI, subject):
            # Most reports are like the one before.
            if (reported := o.data.get("resources")) != last:
                last = reported
                seen.append((o.t, cri_values(reported)))
        absent = "not reported"
        if not any(values for _, values in seen):
            silence: list[tuple[float, str | None]] = [(t, None) for t, _ in seen]
            yield changes(Witness.CRI, f"{short(subject)} resources", silence, absent=absent)
            continue
        found = [
            changes(
                Witness.CRI,
                f"{short(subject)} {resource}",
                [(t, values.get(resource)) for t, values in seen],
                absent=absent,
            )
            for resource in _RESOURCES
        ]
        yield from [lane for lane in found if len(lane.marks) > 1] or found


def _kernel(timeline: Timeline) -> Iterator[Lane]:
    for subject in subjects(timeline, Witness.KERNEL):
        contents: dict[str, list[tuple[float, Any]]] = {}
        for o in timeline.of(Witness.KERNEL, subject):
            for name, content in o.data.items():
                contents.setdefault(str(name), []).append((o.t, content))
        files = sorted(contents, key=natural)
        # Nearly all files stay as they are: only those are read that are, or may be, shown.
        moving = {
            name
            for name, seen in contents.items()
            if any(content != seen[0][1] for _, content in seen)
        }
        found = {
            name: changes(
                Witness.KERNEL,
                f"{short(subject)} {name}",
                contents[name],
                absent="no such file",
                reading=functools.partial(kernel_value, name),
            )
            for name in moving | (_LIMIT_FILES & contents.keys())
        }
        shown = [found[name] for name in files if name in found]
        changed = [lane for lane in shown if len(lane.marks) > 1]
        yield from changed or [found[name] for name in files if name in _LIMIT_FILES]


def _process(timeline: Timeline) -> Iterator[Lane]:
    for subject in subjects(timeline, Witness.PROCESS):
        # The start time tells a restart even where the new process got the old pid.
        seen = [
            (o.t, f"pid {o.data.get('pid')}, start tick {o.data.get('start_ticks')}")
            for o in timeline.of(Witness.PROCESS, subject)
        ]
        yield changes(Witness.PROCESS, f"{short(subject)} process", seen, absent="gone")


def _workload(timeline: Timeline) -> Iterator[Lane]:
    for subject in subjects(timeline, Witness.WORKLOAD):
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
        yield lane_of(Witness.WORKLOAD, f"{short(subject)} heartbeat", list(marks.values()))
