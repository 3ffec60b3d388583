"""What the catalogued deviations of several changes in a row look like (see ``signatures``)."""

from __future__ import annotations

import itertools
from typing import Any

from podresize.evidence.agreement import (
    cgroup_shows,
    container_spec,
    container_status,
    progress_value,
    runtime_shows,
    status_is_new,
)
from podresize.evidence.case import Case
from podresize.evidence.judges.transitions import other_faults, status_faults
from podresize.oracle.progress import DONE, IN_PROGRESS, PROPOSED, legal_next
from podresize.oracle.resources import REQUESTS, changed_keys, normalised, same_quantity


def status_returns_between_changes(case: Case) -> str | None:
    """PD-20: a sync that began before the last change writes the status as it was for it.

    Where one change overtakes another status.resources goes back for a sync or two. The other
    change is a second resize, a label, or the resize before this one, which was done and is shown
    in progress again when this one begins; without any a resize that was done is in progress once
    more, with the old values. Only the status goes back: spec, allocation, runtime and kernel go
    forwards, and at the end all of them, and the status, are at the last change.
    """
    expectation = case.expectation
    if not (
        expectation.passing
        or _is_labelled_meanwhile(case)
        or _begins_in_the_one_before(case)
        or _is_undone_and_done_again(case)
    ):
        return "there was one change only, and it was not in progress again after it was done"
    if not status_faults(case):
        return "no value of the status went back"
    others = other_faults(case)
    if others:
        return others[0].text
    step = _first_unknown_step(case)
    if step is not None:
        return step
    return case.why_not_ended()


def _is_labelled_meanwhile(case: Case) -> bool:
    """Return whether a client changed the pod's labels; no component ever does."""
    labels = [pod["metadata"].get("labels") or {} for _, pod in case.pods]
    return any(each != labels[0] for each in labels)


def _begins_in_the_one_before(case: Case) -> bool:
    """Return whether the pod is shown in a resize that kernel and runtime have done.

    That is before this one is asked for: everything but the status is at what was asked for last.
    """
    expectation = case.expectation
    t, pod = case.pods[0]
    if t >= 0 or case.progress[0][1] != IN_PROGRESS:
        return False
    for item in expectation.containers:
        status = container_status(pod, item.name)
        asked = normalised(container_spec(pod, item.name).get("resources"))
        for name, quantity in (status.get("allocatedResources") or {}).items():
            if not same_quantity(quantity, asked[REQUESTS].get(name)):
                return False
        if not runtime_shows(case.runtime(item.name)[0][1].get("resources"), item.runtime_before):
            return False
    return all(
        cgroup_shows(case.cgroup(subject)[0][1], wanted)
        for subject, wanted in expectation.cgroups_before.items()
    )


def _is_undone_and_done_again(case: Case) -> bool:
    """Return whether a resize that was done is shown in progress with its old values, and done."""
    style = case.expectation.progress.style
    asked = [(progress_value(pod, style), pod) for t, pod in case.pods if t >= 0]
    if not asked or asked[-1][0] != DONE:
        return False
    return any(
        (before, now) == (DONE, IN_PROGRESS)
        and status_is_new(earlier, case.expectation)
        and _shows_the_old(later, case)
        for (before, earlier), (now, later) in itertools.pairwise(asked)
    )


def _shows_the_old(pod: dict[str, Any], case: Case) -> bool:
    return all(
        not changed_keys(normalised(container_status(pod, item.name).get("resources")), item.before)
        for item in case.expectation.containers
    )


def _first_unknown_step(case: Case) -> str | None:
    """Return the first step of the progress signal that is neither legal nor one of a race's.

    A race's are: back to InProgress from done, and those of PD-10, which may come beside it.
    """
    table = legal_next(case.expectation.fingerprint)
    course = [value for _, value in case.progress]
    for number in range(1, len(course)):
        earlier, before, value = course[max(number - 2, 0)], course[number - 1], course[number]
        returned = (earlier, before, value) == (IN_PROGRESS, DONE, IN_PROGRESS)
        cleared = (before, value) == (PROPOSED, DONE)
        decided = (earlier, before) == (PROPOSED, DONE) and value in table[PROPOSED]
        if value not in table.get(before, frozenset()) and not (returned or cleared or decided):
            return f"{before or 'empty'} was followed by {value or 'empty'}"
    return None
