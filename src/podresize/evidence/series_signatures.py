"""What the catalogued deviations of several changes in a row look like (see ``signatures``)."""

from __future__ import annotations

from podresize.evidence.agreement import api_is_done, cgroup_shows, runtime_shows
from podresize.evidence.case import Case
from podresize.evidence.judges.transitions import other_faults, status_faults


def status_returns_between_changes(case: Case) -> str | None:
    """PD-20: while one change overtakes another, status.resources goes back for a sync or two.

    Only the status does: spec, allocation, runtime and kernel go forwards, and at the end all of
    them, and the status, are at the last change.
    """
    expectation = case.expectation
    if not expectation.passing:
        return "there was one change only"
    if not status_faults(case):
        return "no value of the status went back"
    others = other_faults(case)
    if others:
        return others[0].text
    if not api_is_done(case.final_pod, expectation):
        return "the API does not show the end"
    for item in expectation.containers:
        if not runtime_shows(case.runtime(item.name)[-1][1].get("resources"), item.runtime_after):
            return f"the runtime does not report the end of container {item.name}"
    for subject, wanted in expectation.cgroups_after.items():
        if not cgroup_shows(case.cgroup(subject)[-1][1], wanted):
            return f"the kernel does not hold the end of {subject}"
    return None
