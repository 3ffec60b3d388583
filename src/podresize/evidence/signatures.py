"""What a catalogued deviation looks like, exactly.

A deviation is accepted as the reason of a failure only where its signature holds: the whole
picture, not the one symptom that failed. A signature returns None when it holds and otherwise, in a
few words, the first thing that does not fit.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

from podresize.evidence import silent_signatures as silent
from podresize.evidence import status_signatures
from podresize.evidence.agreement import (
    allows,
    container_status,
    progress_value,
)
from podresize.evidence.answer_signatures import no_answer_to_an_added_container
from podresize.evidence.case import Case, distinct
from podresize.evidence.quota_signatures import no_quota_is_the_least_quota
from podresize.evidence.restart_signatures import (
    done_while_the_container_is_down,
    pods_cgroup_misses_a_restart,
)
from podresize.evidence.series_signatures import status_returns_between_changes
from podresize.evidence.usage_signatures import usage_is_missing_after_a_restart
from podresize.evidence.weight_signatures import pods_weight_is_taken_for_the_new_shares
from podresize.oracle.cgroups import Allowed
from podresize.oracle.change import MEMORY
from podresize.oracle.expectation import ContainerExpectation
from podresize.oracle.model import POD, ProgressStyle
from podresize.oracle.progress import DONE, IN_PROGRESS, PROPOSED, legal_next
from podresize.oracle.resources import (
    KINDS,
    REQUESTS,
    normalised,
    same_quantity,
)

Signature = Callable[[Case], str | None]


def proposed_is_cleared_early(case: Case) -> str | None:
    """K-22: a status update of the kubelet overwrites what the apiserver had set.

    ``resize`` is empty for a while between Proposed and InProgress, and all else is as it must be:
    at the end API, runtime and kernel show the new values and nothing is in progress.
    """
    expectation = case.expectation
    if expectation.progress.style is not ProgressStyle.RESIZE_FIELD:
        return "this release has no status.resize"
    course = [value for _, value in case.progress]
    clobbered = [DONE, PROPOSED, DONE, IN_PROGRESS, DONE]
    if course != clobbered:
        return f"status.resize went {course}, not {clobbered}"
    return case.why_not_ended()


_DIP_SECONDS = 5.0
"""How long the old cpu values may stand: the time between two calls to the runtime, measured at 7
to 25 ms; a node that is starved of processor takes seconds for a call."""


def cpu_returns_with_each_memory_update(case: Case) -> str | None:
    """PD-01: the kubelet re-enacts a resize that it takes for unfinished, and cpu dips.

    C-01 holds, and for a container whose cpu and memory both change, cpu files of its own cgroup
    go back to the old values and forward again within seconds. Memory never goes back, and the
    pod's cgroup stays at the new values: both are written once, or with the same content.
    """
    why = silent.runtime_does_not_report_resources(case) or _other_status_returns(case)
    if why is not None:
        return why
    return _cpu_dips(case, least=1)


def memory_request_flickers_in_status(case: Case) -> str | None:
    """PD-05: two status updates of the kubelet overtake one another.

    The memory request in ``status.resources`` goes to the new value, back to the old one and, with
    a later sync, to the new one again. No other value of spec or status goes back, and in the
    kernel nothing but what PD-01 has, where that can be: with a runtime that does not report.
    Where the resize had been called done, the old status may say InProgress again, as long as it
    shows the old memory request and no longer.
    """
    flickers = _status_returns(case).get((REQUESTS, MEMORY), 0)
    if not flickers:
        return "the memory request in status did not go back"
    for item in case.expectation.containers:
        reported = container_status(case.final_pod, item.name).get("resources")
        final = normalised(reported)[REQUESTS].get(MEMORY)
        if not same_quantity(final, item.after[REQUESTS].get(MEMORY)):
            return f"the memory request in status of container {item.name} stayed at {final}"
    dips = math.inf if silent.reports(case) is None else 0
    return _other_status_returns(case) or _cpu_dips(case, most=dips) or _other_steps(case)


def _other_steps(case: Case) -> str | None:
    """Return the first step of the progress that is neither legal nor the old status's own."""
    table = legal_next(case.expectation.fingerprint)
    states = [(progress_value(pod, case.expectation.progress.style), pod) for _, pod in case.pods]
    for (before, _), (now, pod) in itertools.pairwise(states):
        if now == before or now in table.get(before, frozenset()):
            continue
        if (before, now) != (DONE, IN_PROGRESS):
            return f"the progress goes from {before or 'empty'} to {now or 'empty'}"
        if not any(_shows_old_memory(pod, item) for item in case.expectation.containers):
            return "the resize is in progress again, with the new memory request in status"
    return None


def _shows_old_memory(pod: dict[str, Any], item: ContainerExpectation) -> bool:
    shown = normalised(container_status(pod, item.name).get("resources"))[REQUESTS].get(MEMORY)
    old, new = (each[REQUESTS].get(MEMORY) for each in (item.before, item.after))
    return same_quantity(shown, old) and not same_quantity(old, new)


def _other_status_returns(case: Case) -> str | None:
    others = [key for key in _status_returns(case) if key != (REQUESTS, MEMORY)]
    return f"status {'.'.join(others[0])} went back" if others else None


def _status_returns(case: Case) -> dict[tuple[str, str], int]:
    """Count, by kind and resource, how often a value of ``status.resources`` went back."""
    found: Counter[tuple[str, str]] = Counter()
    for item in case.expectation.containers:
        for kind in KINDS:
            for name, new in item.after[kind].items():
                old = item.before[kind].get(name)
                if same_quantity(old, new):
                    continue
                course = distinct(
                    (
                        t,
                        normalised(container_status(pod, item.name).get("resources"))[kind].get(
                            name
                        ),
                    )
                    for t, pod in case.pods
                )
                arrived = False
                for _, value in course:
                    if arrived and same_quantity(value, old):
                        found[kind, name] += 1
                    arrived = arrived or same_quantity(value, new)
    return dict(found)


def _cpu_dips(case: Case, *, least: int = 0, most: float = math.inf) -> str | None:
    """Return None when in the kernel only cpu files of containers went back, and shortly.

    ``least`` and ``most`` are how often.
    """
    dips = 0
    for subject, after in case.expectation.cgroups_after.items():
        before = case.expectation.cgroups_before[subject]
        for name in after:
            course = distinct((t, files.get(name, "")) for t, files in case.cgroup(subject))
            returns = _returns(course, before[name], after[name])
            if returns and not (name.startswith("cpu.") and subject != POD):
                return f"{name} of {subject} went back"
            longest = case.expectation.fingerprint.lull(_DIP_SECONDS)
            if any(seconds > longest for seconds in returns):
                return f"{name} of {subject} stayed at the old value"
            dips += len(returns)
    if dips > most:
        return "cpu files went back to their old values"
    return None if dips >= least else "no cpu file went back to its old value"


def _returns(
    course: list[tuple[float, str]],
    before: tuple[Allowed, ...],
    after: tuple[Allowed, ...],
) -> list[float]:
    """Return how many seconds each return to the old value lasted, for ever as infinity."""
    if course and allows(after, course[0][1]):
        return []  # a value that does not change by this resize
    found = []
    arrived = False
    for number, (t, value) in enumerate(course):
        if allows(after, value):
            arrived = True
        elif arrived and allows(before, value):
            end = course[number + 1][0] if number + 1 < len(course) else math.inf
            found.append(end - t)
    return found


def checkpoint_cannot_be_read(_case: Case) -> str | None:
    """PD-40: nothing that a timeline shows: its own check reads the checkpoint and restarts.

    A kubelet that has ended says nothing any more, so it explains no resize.
    """
    return "the kubelet is there, or nobody can say what became of the resize"


SIGNATURES: dict[str, Signature] = {
    "checkpoint-cannot-be-read": checkpoint_cannot_be_read,
    "usage-is-missing-after-a-restart": usage_is_missing_after_a_restart,
    "no-quota-is-the-least-quota": no_quota_is_the_least_quota,
    "no-answer-to-an-added-container": no_answer_to_an_added_container,
    "never-enacted-without-limits": status_signatures.never_enacted_without_limits,
    "minimum-is-shown-instead": status_signatures.minimum_is_shown_instead,
    "added-request-shows-the-least": status_signatures.added_request_shows_the_least,
    "cpu-request-shows-late": status_signatures.cpu_request_shows_late,
    "completion-is-told-early": status_signatures.completion_is_told_early,
    "pod-level-turns-a-weight-back": status_signatures.pod_level_turns_a_weight_back,
    "pods-weight-is-taken-for-the-new-shares": pods_weight_is_taken_for_the_new_shares,
    "pod-level-reads-cgroup-v1": status_signatures.pod_level_reads_cgroup_v1,
    "proposed-goes-before-a-decision": status_signatures.proposed_goes_before_a_decision,
    "pending-goes-before-the-grant-shows": status_signatures.pending_goes_before_the_grant_shows,
    "pending-goes-when-the-kubelet-starts": status_signatures.pending_goes_when_the_kubelet_starts,
    "another-wish-stays-proposed": status_signatures.another_wish_stays_proposed,
    "done-while-the-container-is-down": done_while_the_container_is_down,
    "pods-cgroup-misses-a-restart": pods_cgroup_misses_a_restart,
    "status-returns-between-changes": status_returns_between_changes,
    "memory-request-flickers-in-status": memory_request_flickers_in_status,
    "cpu-returns-with-each-memory-update": cpu_returns_with_each_memory_update,
    "status-stays-behind-a-finished-resize": silent.status_stays_behind_a_finished_resize,
    "status-is-filled-without-a-report": silent.status_is_filled_without_a_report,
    "proposed-is-cleared-early": proposed_is_cleared_early,
    "runtime-is-never-called": silent.runtime_is_never_called,
    "taken-back-in-the-api-alone": silent.taken_back_in_the_api_alone,
    "shares-stay-after-a-call-that-failed": silent.shares_stay_after_a_call_that_failed,
    "runtime-does-not-report-resources": silent.runtime_does_not_report_resources,
}
