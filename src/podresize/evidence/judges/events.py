"""The Kubernetes Events on the pod: what they say of a resize, and that they say nothing else."""

from __future__ import annotations

from typing import Any

from podresize.evidence.case import Case
from podresize.evidence.judges.ruling import (
    Fault,
    Judge,
    NothingToSayError,
    Ruling,
    at,
    refused_fault,
)
from podresize.evidence.resize_events import is_about_resize, is_event, why_not
from podresize.evidence.timeline import Witness


def told(case: Case) -> Ruling:
    """ST-30: each expected Event comes, in order; its message has resources and generation."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    if not case.expectation.events:
        raise NothingToSayError("this change brings no Event")
    faults = []
    times = []
    heard = _heard(case)
    position = 0
    for wanted in case.expectation.events:
        found = next(
            (n for n in range(position, len(heard)) if is_event(heard[n][1], wanted)), None
        )
        if found is None:
            near = [why_not(data, wanted) for _, data in heard if data["reason"] == wanted.reason]
            came = any(is_event(data, wanted) for _, data in heard)
            said = "it came before its turn" if came else near[0] if near else "none came"
            text = f"{case.timeline.pod}: no Event {wanted.reason} as expected: {said} (looked "
            text += f"until {at(case.timeline.ended)})"
            faults.append(Fault(text=text, reading="the kubelet does not tell what it did"))
        else:
            position = found + 1
            times.append(f"{wanted.reason} {at(heard[found][0])}")
    return Ruling(faults=tuple(faults), reading=", ".join(times))


def nothing_else(case: Case) -> Ruling:
    """PR-13: no Event speaks of a resize that did not happen, and none where none is promised."""
    if case.expectation.passing:
        raise NothingToSayError("several changes were asked for: any of them may be told of")
    faults = []
    for t, data in _heard(case):
        if not any(is_event(data, wanted) for wanted in case.expectation.events):
            text = f"{case.timeline.pod}: Event {data['reason']} ({at(t)}): {data['message']}"
            text += f", expected {_names(case) or 'none'}"
            reading = "an Event tells of something that did not happen"
            faults.append(Fault(text=text, reading=reading))
    return Ruling(faults=tuple(faults), reading=_names(case) or "no Event speaks of a resize")


def _heard(case: Case) -> list[tuple[float, dict[str, Any]]]:
    """Return the Events about resizes since the patch, in the order in which they arrived."""
    return [
        (seen.t, seen.data)
        for seen in case.timeline.of(Witness.EVENT)
        if seen.t >= 0 and is_about_resize(seen.data)
    ]


def _names(case: Case) -> str:
    return ", ".join(wanted.reason for wanted in case.expectation.events)


JUDGES: dict[str, Judge] = {
    "ST-30": told,
    "PR-13": nothing_else,
}
