"""What the catalogued deviations look like in which a kubelet lacks a container's usage."""

from __future__ import annotations

from podresize.evidence.agreement import ERROR, cgroup_shows, progress_value, spec_is_new
from podresize.evidence.case import Case
from podresize.oracle.change import MEMORY
from podresize.oracle.resources import LIMITS, amount

_MESSAGE = "cannot decrease memory limits: missing container"


def usage_is_missing_after_a_restart(case: Case) -> str | None:
    """PD-21: a lower memory limit of a container that was restarted before is never enacted.

    The resize is accepted and allocated, and ends as PodResizeInProgress with the reason Error and
    a message that says that the container's usage is missing; nothing reaches the kernel.
    """
    expectation = case.expectation
    lowered = [
        item
        for item in expectation.containers
        if (amount(item.after, LIMITS, MEMORY) or 0) < (amount(item.before, LIMITS, MEMORY) or 0)
    ]
    if not lowered:
        return "no memory limit was lowered"
    if not any(item.restart_count for item in lowered):
        return "no container whose memory limit was lowered had been restarted"
    pod = case.final_pod
    if not spec_is_new(pod, expectation):
        return "the spec is not the one that was asked for"
    if progress_value(pod, expectation.progress.style) != ERROR:
        return "the resize does not end in an error"
    said = [
        str(item.get("message"))
        for item in pod["status"].get("conditions") or ()
        if item.get("type") == "PodResizeInProgress"
    ]
    if not any(_MESSAGE in message for message in said):
        return f"the error is another one: {said}"
    for subject, wanted in expectation.cgroups_before.items():
        if not cgroup_shows(case.cgroup(subject)[-1][1], wanted):
            return f"something reached the kernel: {subject}"
    return None
