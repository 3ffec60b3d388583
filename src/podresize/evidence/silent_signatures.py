"""What the deviations of a runtime that reports no resources look like (C-01 and what follows).

As in ``signatures``: None when the whole picture is there, else the first thing that does not fit.
"""

from __future__ import annotations

from podresize.evidence.agreement import (
    allocation_is_new,
    allows,
    api_is_done,
    cgroup_shows,
    container_status,
    progress_value,
)
from podresize.evidence.case import Case
from podresize.evidence.enacting import not_enacted
from podresize.evidence.judges.transitions import other_faults
from podresize.oracle.change import CPU, MEMORY
from podresize.oracle.expectation import ContainerExpectation
from podresize.oracle.model import POD
from podresize.oracle.progress import DONE, IN_PROGRESS
from podresize.oracle.resources import LIMITS, REQUESTS, Resources, amount, resources_equal


def runtime_does_not_report_resources(case: Case) -> str | None:
    """C-01 on Kubernetes 1.27 to 1.31 (CRI-09, known deviation C-01).

    No ContainerStatus carries resources, ever; the kernel, container and pod, is at the new values,
    or as PD-25 leaves it; the allocation is the new one. The status of a container that was not
    restarted keeps cpu and limits as they were, while the memory request follows the allocation.
    Where that leaves status behind the spec, a resize that went InProgress stays so until the
    deadline.
    """
    why = _enacted_without_report(case)
    if why is not None and shares_stay_after_a_call_that_failed(case) is not None:
        return why
    return _status_stays(case) or _stays_in_progress(case)


def status_stays_behind_a_finished_resize(case: Case) -> str | None:
    """PD-03: the same runtime under Kubernetes 1.33 and 1.34.

    No ContainerStatus carries resources; the kernel and the allocation are at the new values, and
    the resize conditions go, since the kubelet compares with its own record; but ``resources``
    keeps cpu and limits as they were, until the deadline and beyond.
    """
    why = _enacted_without_report(case) or _status_stays(case)
    if why is not None:
        return why
    last = progress_value(case.final_pod, case.expectation.progress.style)
    if last != DONE:
        return f"the resize does not end: {last!r}"
    return _watched_to_the_deadline(case)


def status_is_filled_without_a_report(case: Case) -> str | None:
    """PD-02: the same runtime under Kubernetes 1.35 and later.

    No ContainerStatus carries resources; the kernel and the allocation are at the new values; and
    the API shows the resize done with the new resources, which the kubelet took from its own record
    of what it sent and not from the runtime.
    """
    why = _enacted_without_report(case)
    if why is None and not api_is_done(case.final_pod, case.expectation):
        why = "the API does not show the resize done"
    return why


def _enacted_without_report(case: Case) -> str | None:
    """Return None when kernel and allocation are new and the runtime never reported resources."""
    return reports(case) or not_enacted(case)


def reports(case: Case) -> str | None:
    """Return None when no ContainerStatus of the runtime ever carried resources."""
    if not case.expectation.fingerprint.sees_node:
        return None  # nothing that is within reach speaks against it
    for item in case.expectation.containers:
        if any(status.get("resources") is not None for _, status in case.runtime(item.name)):
            return f"the runtime does report resources of container {item.name}"
    return None


def _status_stays(case: Case) -> str | None:
    for item in case.expectation.containers:
        reported = container_status(case.final_pod, item.name).get("resources")
        if not resources_equal(reported, _status_without_report(item)):
            return f"status.resources of container {item.name} did not stay as it was"
    return None


def _watched_to_the_deadline(case: Case) -> str | None:
    if case.timeline.ended < case.expectation.deadline:
        return f"nobody looked until the deadline of {case.expectation.deadline:g} s"
    return None


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
    return _watched_to_the_deadline(case) if sticks else None


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


def runtime_is_never_called(case: Case) -> str | None:
    """PD-04: the same runtime under Kubernetes 1.32 (CRI-09).

    The kubelet compares only with the runtime's report and without one acts on nothing: the kernel,
    container and pod, keeps the old values, the status keeps cpu and limits, and ``resize`` is
    InProgress until the deadline. It was InProgress before the patch already, since the comparison
    that would clear it never succeeds.
    """
    expectation = case.expectation
    why = reports(case) or _status_stays(case)
    if why is not None:
        return why
    for subject, old in expectation.cgroups_before.items():
        if not cgroup_shows(case.cgroup(subject)[-1][1], old):
            return f"the cgroup of {subject} is not at the old values"
    if case.progress[0][1] != IN_PROGRESS or case.progress[-1][1] != IN_PROGRESS:
        return "status.resize is not InProgress before and after"
    return _watched_to_the_deadline(case)


def taken_back_in_the_api_alone(case: Case) -> str | None:
    """PD-24: a change that is taken back is done in the API and stays in the kernel.

    The kubelet had sent the first change when the second took it back. Without a report it compares
    the spec with its own status, which never showed the first one, and has nothing to do: the API
    shows everything as before, the cgroups of container and pod hold the change in between.

    The same where the first change was enacted long before: its status never came either (C-01), so
    what asks for the values from before it asks for what the status shows all along.
    """
    expectation = case.expectation
    if not expectation.passing:
        return _taken_back_later(case)
    if any(not resources_equal(item.before, item.after) for item in expectation.containers):
        return "the last change does not take the others back"
    why = reports(case)
    if why is not None:
        return why
    others = other_faults(case)
    if others:
        return others[0].text
    if not api_is_done(case.final_pod, expectation):
        return "the API does not show it done"
    final = {subject: case.cgroup(subject)[-1][1] for subject in expectation.cgroups_after}
    for passing in expectation.passing:
        if all(cgroup_shows(files, passing.cgroups[name]) for name, files in final.items()):
            return None
    return "the kernel does not hold a change in between"


def _taken_back_later(case: Case) -> str | None:
    expectation = case.expectation
    why = reports(case)
    if why is not None:
        return why
    for item in expectation.containers:
        if resources_equal(item.before, item.after):
            return f"nothing is asked of container {item.name}"
        shown = (container_status(pod, item.name).get("resources") for _, pod in case.pods)
        if not all(resources_equal(each, item.after) for each in shown):
            return f"the status of container {item.name} did not show what is asked for all along"
    if not api_is_done(case.final_pod, expectation):
        return "the API does not show it done"
    for subject, old in expectation.cgroups_before.items():
        if not all(cgroup_shows(files, old) for _, files in case.cgroup(subject)):
            return f"the cgroup of {subject} is not at the values that are taken back"
    return None


def shares_stay_after_a_call_that_failed(case: Case) -> str | None:
    """PD-25: the cpu request falls back to its old value for good where cpu goes down with memory.

    At a sync the kubelet sends memory with the old cpu values (PD-01). The kernel takes the old
    shares and refuses the old quota, which is above the pod's by now (cgroup v1 alone asks that);
    the call fails, and the one with the new cpu is not made. All else is at the new values and the
    status as C-01 has it. Memory may go either way.
    """
    expectation = case.expectation
    why = reports(case) or _status_stays(case)
    if why is not None:
        return why
    if not allocation_is_new(case.final_pod, expectation):
        return "allocatedResources is not at the new values"
    stayed = 0
    for subject, wanted in expectation.cgroups_after.items():
        before, states = expectation.cgroups_before[subject], case.cgroup(subject)
        for name, allowed in wanted.items():
            last = states[-1][1].get(name, "")
            if allows(allowed, last):
                continue
            if subject == POD or name not in _WEIGHTS or not allows(before[name], last):
                return f"{name} of {subject} is {last}"
            if not any(allows(allowed, files.get(name, "")) for _, files in states):
                return f"{name} of {subject} never had the new value"
            stayed += 1
    if not stayed:
        return "no cpu weight is at its old value"
    lower = [item for item in expectation.containers if _lowers_cpu_beside_memory(item)]
    return None if len(lower) >= stayed else "cpu does not go down beside a change of memory"


_WEIGHTS = ("cpu.shares", "cpu.weight")


def _lowers_cpu_beside_memory(item: ContainerExpectation) -> bool:
    old, new = amount(item.before, LIMITS, CPU), amount(item.after, LIMITS, CPU)
    memory = {amount(values, LIMITS, MEMORY) for values in (item.before, item.after)}
    return old is not None and new is not None and new < old and len(memory) > 1
