"""Was the container left running, or started anew exactly where its policy asks for it?

A restart count alone can lie: four witnesses must agree that nothing restarted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from podresize.evidence.agreement import container_status
from podresize.evidence.case import Case
from podresize.evidence.judges.ruling import Fault, Judge, Ruling, at, refused_fault
from podresize.oracle.expectation import ContainerExpectation

_RUNNING = "CONTAINER_RUNNING"
MAX_GAP = 1.0
"""Seconds without a heartbeat that a workload may show, at full speed, beside what the sampler was
held up by: ten beats, far below any restart."""


def continuity(case: Case) -> Ruling:
    """KL-34: with NotRequired nothing restarts; with RestartContainer that container does, once."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    faults: list[Fault] = []
    beats = 0
    for item in case.expectation.containers:
        if item.restarts:
            faults += _restart_faults(case, item)
        else:
            faults += continuity_faults(case, item)
            beats += sum(int(data.get("beats") or 0) for _, data in case.heartbeat(item.name)[-1:])
    if any(item.restarts for item in case.expectation.containers):
        reading = "restarted once, where the policy asks for it"
    else:
        heard = f"{beats} heartbeats without a gap" if beats else "no heartbeat to listen to"
        reading = f"same container, same process, same restart count; {heard}"
    return Ruling(faults=tuple(faults), reading=reading)


def continuity_faults(case: Case, container: ContainerExpectation) -> list[Fault]:
    """Return every sign that a container was started anew, or stood still."""
    runtime, process = _runs(case, container.name), case.process(container.name)
    heart = case.heartbeat(container.name)
    identity = "the container was restarted, though its resize policy says NotRequired"
    courses: list[tuple[str, list[tuple[float, Any]]]] = [
        ("container id", _course(runtime, "id")),
        ("start time", _course(runtime, "started_at")),
        ("pid", _course(process, "pid")),
        ("start ticks of the process", _course(process, "start_ticks")),
        ("restart count", _restart_counts(case, container)),
        ("instance of the workload", _course(heart, "instance")),
    ]
    faults = []
    for what, values in courses:
        for t, value in values:
            if value != values[0][1]:
                faults.append(
                    Fault(
                        text=f"{case.where(container.name)}: the {what} changed from "
                        f"{values[0][1]} to {value} ({at(t)}), expected it to stay",
                        container=container.name,
                        reading=identity,
                    )
                )
                break
    return (
        faults + _ended_faults(case, container, runtime) + _heartbeat_faults(case, container, heart)
    )


def _ended_faults(
    case: Case, container: ContainerExpectation, runtime: list[tuple[float, dict[str, Any]]]
) -> list[Fault]:
    """A container that has ended and is not started anew yet is the same one as ever."""
    states = _course(runtime, "state")
    if not states or states[0][1] != _RUNNING or states[-1][1] in (_RUNNING, None):
        return []
    t, state = states[-1]
    text = f"{case.where(container.name)}: it is {state} since {at(t)}, expected it to go on"
    reading = "the container ended, though its resize policy says NotRequired"
    return [Fault(text=text, container=container.name, reading=reading)]


def _heartbeat_faults(
    case: Case, container: ContainerExpectation, heart: list[tuple[float, dict[str, Any]]]
) -> list[Fault]:
    faults = []
    widest = max((_stall(data) for _, data in heart), default=0.0)
    gap = max((float(data.get("max_gap_seconds") or 0) for _, data in heart), default=0.0)
    # A host that does not let the sampler run does not let the workload run either.
    sampling = case.timeline.sampling or {}
    longest = case.expectation.fingerprint.patience(MAX_GAP)
    allowed = longest + float(sampling.get("largest_gap", 0.0))
    if widest > allowed:
        faults.append(
            Fault(
                text=f"{case.where(container.name)}: the workload's heartbeat has a gap of "
                f"{widest:.2f} s, expected at most {allowed:.2f} s{_longer(gap, widest)}",
                container=container.name,
                reading="the workload stood still during the resize",
            )
        )
    for t, data in heart[-1:]:
        span = int(data.get("last_seq") or 0) - int(data.get("first_seq") or 0) + 1
        if int(data.get("beats") or 0) not in (0, span):
            faults.append(
                Fault(
                    text=f"{case.where(container.name)}: {data['beats']} heartbeats were heard of "
                    f"{span} ({at(t)}), expected all of them",
                    container=container.name,
                    reading="heartbeats of the workload are missing",
                )
            )
    return faults


def _stall(data: dict[str, Any]) -> float:
    """Return the longest time without a beat that no wait for a processor explains.

    A workload with little of a processor waits for it on a host that has more to do than it can,
    and that is no doing of the stack. Older records do not tell the two apart.
    """
    stall = data.get("max_stall_seconds")
    return float(data.get("max_gap_seconds") or 0 if stall is None else stall)


def _longer(gap: float, stall: float) -> str:
    """Say what the longest gap is, which need not be the one with the longest stall."""
    return f"; with waits for a processor the longest is {gap:.2f} s" if gap > stall + 0.01 else ""


def _restart_faults(case: Case, container: ContainerExpectation) -> list[Fault]:
    ids = _course(_runs(case, container.name), "id")
    counts = _restart_counts(case, container)
    wanted = container.restart_count + container.restarts
    faults = []
    distinct_ids = len({value for _, value in ids})
    identities = {
        (data["pid"], data["start_ticks"])
        for _, data in case.process(container.name)
        if data.get("pid") is not None
    }
    if len(identities) != 1 + container.restarts:
        faults.append(
            Fault(
                text=f"{case.where(container.name)}: {len(identities)} first processes were seen, "
                f"expected {1 + container.restarts}",
                container=container.name,
                reading="RestartContainer did not start the container anew exactly once",
            )
        )
    last = _runs(case, container.name)[-1][1]
    if last.get("state") != _RUNNING:
        faults.append(
            Fault(
                text=f"{case.where(container.name)}: the new container is {last.get('state')}, "
                f"expected {_RUNNING}",
                container=container.name,
                reading="the container was stopped and does not run again",
            )
        )
    if distinct_ids != 1 + container.restarts:
        faults.append(
            Fault(
                text=f"{case.where(container.name)}: {distinct_ids} container ids were seen, "
                f"expected {1 + container.restarts}",
                container=container.name,
                reading="RestartContainer did not start the container anew exactly once",
            )
        )
    if counts and counts[-1][1] != wanted:
        faults.append(
            Fault(
                text=f"{case.where(container.name)}: restartCount is {counts[-1][1]}, "
                f"expected {wanted}",
                container=container.name,
                reading="RestartContainer did not start the container anew exactly once",
            )
        )
    return faults


def _restart_counts(case: Case, container: ContainerExpectation) -> list[tuple[float, Any]]:
    counts: list[tuple[float, Any]] = [(0.0, container.restart_count)]
    for t, pod in case.pods:
        status = container_status(pod, container.name)
        if t >= 0 and "restartCount" in status:
            counts.append((t, int(status["restartCount"])))
    return counts


def _runs(case: Case, name: str) -> list[tuple[float, dict[str, Any]]]:
    """Return the container's states as the runtime tells them, or the API where it alone can."""
    if case.expectation.fingerprint.sees_node:
        return case.runtime(name)
    told = []
    for t, pod in case.pods:
        status = container_status(pod, name)
        running = (status.get("state") or {}).get("running")
        told.append(
            (
                t,
                {
                    "id": status.get("containerID"),
                    "started_at": None if running is None else running.get("startedAt"),
                    "state": _RUNNING if running is not None else "not running, says the API",
                },
            )
        )
    return told


def _course(seen: Iterable[tuple[float, dict[str, Any]]], field: str) -> list[tuple[float, Any]]:
    return [(t, data[field]) for t, data in seen if data.get(field) is not None]


JUDGES: dict[str, Judge] = {
    "KL-34": continuity,
}
