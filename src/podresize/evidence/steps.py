"""When each step of a resize was first seen: the numbers of the printed table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from podresize.evidence.agreement import (
    allocation_is_new,
    api_is_done,
    cgroup_shows,
    progress_value,
    runtime_shows,
    status_is_new,
)
from podresize.evidence.case import Case, cgroup_files
from podresize.evidence.timeline import Witness
from podresize.oracle.model import container_subject
from podresize.oracle.progress import IN_PROGRESS, PROPOSED


def step_times(case: Case) -> dict[str, float | None]:
    """Return seconds after the patch by step, None for a step that was not seen.

    ``patched`` (the answer arrived), ``asked`` and ``answered`` (the kubelet's first call to update
    a container, and the runtime's last answer to one; where a tap tells), ``proposed``,
    ``allocated`` (allocatedResources shows the new requests, where the version shows them),
    ``in_progress``, ``kernel`` (every cgroup at its new values), ``cri`` (the runtime reports
    them), ``status`` (status.resources shows them) and ``done`` (all of these, and the API calls
    the resize finished).
    """
    expectation = case.expectation
    style = expectation.progress.style
    updates = _updates(case)
    kernel = kernel_time(case)
    cri = _cri_time(case)
    api = _first_pod(case, lambda pod: api_is_done(pod, expectation), lasting=True)
    ends = [time for time in (kernel, cri, api) if time is not None]
    return {
        "patched": case.answered_at,
        "asked": min((at - took for at, took in updates), default=None),
        "answered": max((at for at, _ in updates), default=None),
        "proposed": _first_pod(case, lambda pod: progress_value(pod, style) == PROPOSED),
        "allocated": allocated_time(case),
        "in_progress": _first_pod(case, lambda pod: progress_value(pod, style) == IN_PROGRESS),
        "kernel": kernel,
        "cri": cri,
        "status": _first_pod(case, lambda pod: status_is_new(pod, expectation), lasting=True),
        "done": max(ends) if len(ends) == (3 if expectation.fingerprint.sees_node else 2) else None,
    }


def _updates(case: Case) -> list[tuple[float, float]]:
    """Return when each update of a container was answered since the patch, and what it took."""
    return [
        (call.t, call.data["seconds"])
        for call in case.timeline.of(Witness.CALL)
        if call.data["method"] == "UpdateContainerResources" and call.t >= call.data["seconds"]
    ]


def allocated_time(case: Case) -> float | None:
    """Return when the API showed the new requests as allocated; None where it never says so."""
    expectation = case.expectation
    if all(item.allocated is None for item in expectation.containers):
        return None
    return _first_pod(case, lambda pod: allocation_is_new(pod, expectation), lasting=True)


def kernel_time(case: Case) -> float | None:
    """Return when every expected cgroup first held its values after the resize, at once."""
    wanted = case.expectation.cgroups_after
    files: dict[str, dict[str, str]] = {}

    def see(subject: str, data: dict[str, Any]) -> bool:
        files[subject] = files.get(subject, {}) | cgroup_files(data)
        return all(cgroup_shows(files.get(name, {}), wanted[name]) for name in wanted)

    return _first_joint(
        ((item.t, item.subject, item.data) for item in case.timeline.of(Witness.KERNEL)),
        see,
        lasting=bool(case.expectation.passing),
    )


def _cri_time(case: Case) -> float | None:
    wanted = {
        container_subject(item.name): item.runtime_after for item in case.expectation.containers
    }
    shown: dict[str, bool] = {}

    def see(subject: str, data: dict[str, Any]) -> bool:
        if subject in wanted:
            shown[subject] = runtime_shows(data.get("resources"), wanted[subject])
        return all(shown.get(name, False) for name in wanted)

    return _first_joint(
        ((item.t, item.subject, item.data) for item in case.timeline.of(Witness.CRI)),
        see,
        lasting=bool(case.expectation.passing),
    )


def _first_joint(
    seen: Iterable[tuple[float, str, dict[str, Any]]],
    see: Callable[[str, dict[str, Any]], bool],
    *,
    lasting: bool = False,
) -> float | None:
    """Return the first time at or after the patch at which ``see`` holds.

    What held before the patch and still does at it (a change that this witness cannot show) has the
    time 0. With ``lasting`` the time from which it held to the end: of several changes the last may
    lead back to where the first began.
    """
    held = False
    since: float | None = None
    for t, subject, data in seen:
        if held and t >= 0 and not lasting:
            return 0.0
        was, held = held, see(subject, data)
        if held and t >= 0 and not lasting:
            return t
        if held and not was:
            since = max(t, 0.0)
    if lasting:
        return since if held else None
    return 0.0 if held else None


def _first_pod(
    case: Case, condition: Callable[[dict[str, Any]], bool], *, lasting: bool = False
) -> float | None:
    return _first_joint(
        ((item.t, item.subject, item.data) for item in case.timeline.of(Witness.API)),
        lambda _, pod: condition(pod),
        lasting=lasting and bool(case.expectation.passing),
    )
