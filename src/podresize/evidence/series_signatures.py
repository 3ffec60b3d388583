"""What the catalogued deviations of several changes in a row look like (see ``signatures``)."""

from __future__ import annotations

from podresize.evidence.agreement import api_is_done, cgroup_shows
from podresize.evidence.case import Case
from podresize.evidence.judges.transitions import other_faults, status_faults
from podresize.oracle.progress import DONE, IN_PROGRESS, PROPOSED, legal_next


def status_returns_between_changes(case: Case) -> str | None:
    """PD-20: while one change overtakes another, status.resources goes back for a sync or two.

    The other change is a second resize, or a label. Only the status goes back: spec, allocation,
    runtime and kernel go forwards, and at the end all of them, and the status, are at the last
    change. ``status.resize`` may be InProgress once more as long as the old values are shown.
    """
    expectation = case.expectation
    if not expectation.passing and not _is_labelled_meanwhile(case):
        return "there was one change only"
    if not status_faults(case):
        return "no value of the status went back"
    others = other_faults(case)
    if others:
        return others[0].text
    step = _first_unknown_step(case)
    if step is not None:
        return step
    if not api_is_done(case.final_pod, expectation):
        return "the API does not show the end"
    for item in expectation.containers:
        if not case.runtime_holds(item.name, item.runtime_after):
            return f"the runtime does not report the end of container {item.name}"
    for subject, wanted in expectation.cgroups_after.items():
        if not cgroup_shows(case.cgroup(subject)[-1][1], wanted):
            return f"the kernel does not hold the end of {subject}"
    return None


def _is_labelled_meanwhile(case: Case) -> bool:
    """Return whether a client changed the pod's labels; no component ever does."""
    labels = [pod["metadata"].get("labels") or {} for _, pod in case.pods]
    return any(each != labels[0] for each in labels)


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
