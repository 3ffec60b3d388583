"""What a catalogued deviation looks like, exactly.

A deviation is accepted as the reason of a failure only where its signature holds: the whole
picture, not the one symptom that failed. A signature returns None when it holds and otherwise, in a
few words, the first thing that does not fit.
"""

from __future__ import annotations

from collections.abc import Callable

from podresize.evidence.agreement import (
    allocation_is_new,
    cgroup_shows,
    container_status,
    progress_value,
)
from podresize.evidence.case import Case
from podresize.oracle.expectation import ContainerExpectation
from podresize.oracle.progress import DONE, IN_PROGRESS
from podresize.oracle.resources import REQUESTS, Resources, resources_equal

Signature = Callable[[Case], str | None]


def runtime_does_not_report_resources(case: Case) -> str | None:
    """C-01 on Kubernetes 1.27 to 1.31 (CRI-09, known deviation C-01).

    No ContainerStatus carries resources, ever; the kernel, container and pod, is at the new values;
    the allocation is the new one. The status of a container that was not restarted keeps cpu and
    limits as they were, while the memory request follows the allocation. Where that leaves status
    behind the spec, a resize that went InProgress stays so until the deadline.
    """
    expectation = case.expectation
    for item in expectation.containers:
        if any(status.get("resources") is not None for _, status in case.runtime(item.name)):
            return f"the runtime does report resources of container {item.name}"
    for subject, wanted in expectation.cgroups_after.items():
        if not cgroup_shows(case.cgroup(subject)[-1][1], wanted):
            return f"the cgroup of {subject} is not at the new values"
    if not allocation_is_new(case.final_pod, expectation):
        return "allocatedResources is not at the new values"
    for item in expectation.containers:
        reported = container_status(case.final_pod, item.name).get("resources")
        if not resources_equal(reported, _status_without_report(item)):
            return f"status.resources of container {item.name} did not stay as it was"
    return _stays_in_progress(case)


def _stays_in_progress(case: Case) -> str | None:
    expectation = case.expectation
    sticks = any(
        not resources_equal(_status_without_report(item), item.after)
        for item in expectation.containers
    )
    stuck = IN_PROGRESS if sticks and IN_PROGRESS in expectation.progress.chain else DONE
    last = progress_value(case.final_pod, expectation.progress.style)
    if last != stuck:
        return f"status.resize ends as {last!r}, not as {stuck!r}"
    if sticks and case.timeline.ended < expectation.deadline:
        return f"nobody looked until the deadline of {expectation.deadline:g} s"
    return None


def _status_without_report(container: ContainerExpectation) -> Resources:
    """Return what the kubelet shows when the runtime reports nothing.

    It falls back to its own last status as long as the container id is the same, and to the spec
    for a new container; the memory request never comes from the runtime (ST-21).
    """
    if container.restarts:
        return container.after
    shown = {kind: dict(values) for kind, values in container.before.items()}
    if "memory" in container.after[REQUESTS]:
        shown[REQUESTS]["memory"] = container.after[REQUESTS]["memory"]
    return shown


SIGNATURES: dict[str, Signature] = {
    "runtime-does-not-report-resources": runtime_does_not_report_resources,
}
