"""What catalogued deviations of the status, the Events and the pod's own fields look like, exactly.

As in ``signatures``: None when the whole picture is there, else the first thing that does not fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from podresize.evidence.agreement import (
    allocation_is_new,
    api_is_done,
    cgroup_shows,
    container_status,
    progress_value,
)
from podresize.evidence.case import Case, distinct
from podresize.evidence.conditions import IN_PROGRESS as IN_PROGRESS_CONDITION
from podresize.evidence.conditions import PENDING, resize_conditions
from podresize.evidence.judges.transitions import other_faults, status_faults
from podresize.evidence.resize_events import is_about_resize, is_event, summary
from podresize.evidence.timeline import Witness
from podresize.oracle import conversions
from podresize.oracle.change import CPU, MEMORY
from podresize.oracle.events import COMPLETED
from podresize.oracle.expectation import ContainerExpectation
from podresize.oracle.minimum import LEAST, minimal_keys
from podresize.oracle.pod_level import pod_sums
from podresize.oracle.progress import DEFERRED, DONE, IN_PROGRESS, PROPOSED, legal_next
from podresize.oracle.quantity import millicores, parse_quantity
from podresize.oracle.resources import (
    LIMITS,
    REQUESTS,
    changed_keys,
    lists_equal,
    normalised,
    resources_equal,
    same_quantity,
)
from podresize.requirements.target import Fingerprint


def never_enacted_without_limits(case: Case) -> str | None:
    """K-01: the kubelet of 1.27 to 1.31 does nothing where a limit is missing.

    Some container of the pod has no limit of a resource whose cgroup values change. The kernel and
    the runtime keep every old value and so does the status, but for the memory request, which
    follows the allocation; the allocation is the new one and the resize is InProgress to the
    deadline, where it was marked at all.
    """
    expectation = case.expectation
    moved = {
        name for item in expectation.containers for _, name in changed_keys(item.before, item.after)
    }
    if not any(name not in item.after[LIMITS] for item in expectation.containers for name in moved):
        return "every container has the limits"
    for subject, old in expectation.cgroups_before.items():
        if not cgroup_shows(case.cgroup(subject)[-1][1], old):
            return f"the cgroup of {subject} is not at the old values"
    for item in expectation.containers:
        if not case.runtime_holds(item.name, item.runtime_before):
            return f"the runtime does not report the old values of container {item.name}"
        shown = normalised(container_status(case.final_pod, item.name).get("resources"))
        for kind, name in changed_keys(shown, item.before):
            if (kind, name) != (REQUESTS, MEMORY):
                return f"status {kind}.{name} of container {item.name} did not stay as it was"
    if not allocation_is_new(case.final_pod, expectation):
        return "allocatedResources is not at the new values"
    return _stuck(case)


def minimum_is_shown_instead(case: Case) -> str | None:
    """PD-09: up to 1.31 the status shows the least cpu that the kernel holds, not what was asked.

    Kernel and runtime are at the new values and so is all of the status but cpu values at or below
    the least, which are shown as the least; a marked resize is InProgress to the deadline.
    """
    why = _enacted(case)
    if why is not None:
        return why
    masked = False
    for item in case.expectation.containers:
        shown = normalised(container_status(case.final_pod, item.name).get("resources"))
        for kind, name in changed_keys(shown, item.after):
            if name != CPU or kind not in minimal_keys(item.after):
                return f"status {kind}.{name} of container {item.name} differs, above the least"
            if not same_quantity(shown[kind].get(CPU), LEAST[kind]):
                return f"status {kind}.{CPU} of container {item.name} is not the least"
            masked = True
    return _stuck(case) if masked else "no cpu value is shown as the least"


def cpu_request_shows_late(case: Case) -> str | None:
    """PD-06: on 1.27 the status shows a new cpu request only after the second periodic sync.

    Nothing but cpu requests changes. Kernel, runtime and allocation have the new values; the status
    keeps the old requests and the resize is InProgress to the deadline, which is one sync away.
    """
    changes = {
        key for item in case.expectation.containers for key in changed_keys(item.before, item.after)
    }
    if changes != {(REQUESTS, CPU)}:
        return "more than cpu requests changes"
    if any(REQUESTS in minimal_keys(item.after) for item in case.expectation.containers):
        return "the new cpu request is below what the kernel holds"
    why = _enacted(case)
    if why is not None:
        return why
    for item in case.expectation.containers:
        shown = container_status(case.final_pod, item.name).get("resources")
        if not resources_equal(shown, item.before):
            return f"status.resources of container {item.name} did not stay as it was"
    return _stuck(case)


def completion_is_told_early(case: Case) -> str | None:
    """PD-07: ResizeCompleted is told before anything was enacted, with the old resources.

    Besides the Events that must come there is one more, ResizeCompleted with the new generation and
    the resources from before, earlier than the one with the new resources; and the resize itself
    ends as it must.
    """
    expectation = case.expectation
    old = {item.name: item.before for item in expectation.containers}
    extra = []
    completed = None
    for seen in case.timeline.of(Witness.EVENT):
        if seen.t < 0 or not is_about_resize(seen.data):
            continue
        if any(is_event(seen.data, wanted) for wanted in expectation.events):
            completed = seen.t if seen.data["reason"] == COMPLETED else completed
        else:
            extra.append(seen)
    if completed is None:
        return "the Events that must come did not come"
    for seen in extra:
        said = summary(str(seen.data.get("message")))
        if seen.data["reason"] != COMPLETED or said is None or seen.t > completed:
            return f"there is another Event: {seen.data['reason']}"
        if said.generation != expectation.generation or not all(
            resources_equal(said.containers.get(name), resources) for name, resources in old.items()
        ):
            return "the early ResizeCompleted does not have the old resources"
    if not extra:
        return "no Event came early"
    return None if api_is_done(case.final_pod, expectation) else "the API does not show it done"


def pod_level_reads_cgroup_v1(case: Case) -> str | None:
    """PD-08: the pod's own status.resources are wrong on cgroup v1 where the kernel has an extreme.

    A memory limit that the pod does not have is shown as the largest that cgroup v1 knows, and cpu
    at the least that the kernel holds is left out. All else of the pod's status is right.
    """
    if case.expectation.fingerprint.cgroup_version != 1:
        return "this is not cgroup v1"
    containers = case.expectation.containers
    status = case.final_pod.get("status", {})
    wanted = pod_sums(containers)
    if not lists_equal(status.get("allocatedResources"), wanted[REQUESTS]):
        return "the pod's allocatedResources is wrong as well"
    shown = normalised(status.get("resources"))
    wrong = changed_keys(shown, wanted)
    for kind, name in wrong:
        value = shown[kind].get(name)
        is_unlimited = (kind, name) == (LIMITS, MEMORY) and same_quantity(value, _UNLIMITED)
        is_least = name == CPU and value is None and kind in minimal_keys(wanted)
        is_open = kind == LIMITS and _only_some_have(containers, name)
        if not (is_unlimited or is_least or is_open):
            return f"{kind}.{name} of the pod is {value}"
    return None if wrong else "the pod's own resources are right"


def _only_some_have(containers: Sequence[ContainerExpectation], name: str) -> bool:
    """Return whether a limit is one of which no clause says what its sum is (ST-26)."""
    return 0 < sum(name in item.after[LIMITS] for item in containers) < len(containers)


_UNLIMITED = "9007199254740988Ki"
"""The kernel's "no limit" of memory.limit_in_bytes in KiB: 2**63 - 4096 bytes."""


def pod_level_turns_a_weight_back(case: Case) -> str | None:
    """PD-70: the pod's own status.resources show a cpu request that was read back from a weight.

    It is what the pod's weight on cgroup v2 would be in millicores, or absent where that is the
    least; cpu limits that are the kernel's least are left out as well. All else of the pod's status
    is right, and so are the weights.
    """
    expectation = case.expectation
    if expectation.fingerprint.cgroup_version != 2:
        return "this is not cgroup v2"
    for subject, wanted in expectation.cgroups_after.items():
        if not cgroup_shows(case.cgroup(subject)[-1][1], wanted):
            return f"the cgroup of {subject} is not at the new values"
    if not api_is_done(case.final_pod, expectation):
        return "the API does not show the resize of the containers done"
    status = case.final_pod.get("status", {})
    sums = pod_sums(expectation.containers)
    if not lists_equal(status.get("allocatedResources"), sums[REQUESTS]):
        return "the pod's allocatedResources is wrong as well"
    shown = normalised(status.get("resources"))
    wrong = changed_keys(shown, sums)
    if (REQUESTS, CPU) not in wrong:
        return "the pod's cpu request is right"
    for kind, name in wrong:
        value = shown[kind].get(name)
        is_limit = (kind, name) == (LIMITS, CPU)
        is_least = is_limit and value is None and kind in minimal_keys(sums)
        is_rounded = is_limit and _is_rounded(value, sums[LIMITS].get(CPU), expectation.fingerprint)
        is_open = kind == LIMITS and _only_some_have(expectation.containers, name)
        if (kind, name) != (REQUESTS, CPU) and not (is_least or is_rounded or is_open):
            return f"{kind}.{name} of the pod is {value}"
    back = read_back(sums[REQUESTS].get(CPU, "0"))
    if not same_quantity(shown[REQUESTS].get(CPU), back):
        return f"requests.cpu of the pod is {shown[REQUESTS].get(CPU)}, and read back it is {back}"
    return None


def _is_rounded(value: str | None, limit: str | None, found: Fingerprint) -> bool:
    """Return whether a cpu limit is what systemd makes of another, in whole hundredths."""
    if found.cgroup_driver != "systemd" or limit is None:
        return False
    quota = conversions.cpu_quota(millicores(parse_quantity(limit)))
    if quota is None:
        return False
    shown = conversions.status_millicores_from_quota(conversions.systemd_quota(quota))
    return same_quantity(value, f"{shown}m")


def read_back(cpu: str) -> str | None:
    """Return the cpu request that a kubelet reads back from a pod's weight; None for the least."""
    weight = conversions.linear_weight(conversions.cpu_shares(millicores(parse_quantity(cpu))))
    if weight == conversions.MIN_WEIGHT:
        return None
    shares = conversions.shares_from_linear_weight(weight)
    return f"{conversions.status_millicores_from_shares(shares)}m"


def added_request_shows_the_least(case: Case) -> str | None:
    """PD-22: a cpu request that a container did not have is the kernel's least for a while.

    Until it is enacted the status shows it as what the kernel holds where none is asked for, and
    then as it was asked for. No other value goes wrong, and the resize ends as it must.
    """
    least = LEAST[REQUESTS]
    shown = 0
    for item in case.expectation.containers:
        if CPU in item.before[REQUESTS] or CPU not in item.after[REQUESTS]:
            continue
        course = [
            normalised(container_status(pod, item.name).get("resources"))[REQUESTS].get(CPU)
            for _, pod in case.pods
        ]
        shown += any(same_quantity(value, least) for value in course)
    if not shown:
        return "no cpu request that was added was shown as the least"
    if len(status_faults(case)) != shown:
        return "another value of the status went wrong"
    others = other_faults(case)
    if others:
        return others[0].text
    return (
        None if api_is_done(case.final_pod, case.expectation) else "the API does not show it done"
    )


def proposed_goes_before_a_decision(case: Case) -> str | None:
    """PD-10: the race of K-22, whatever becomes of the resize afterwards.

    Every step of status.resize is legal but those that lead from Proposed to empty and from there
    to a decision.
    """
    table = legal_next(case.expectation.fingerprint)
    course = [value for _, value in case.progress]
    cleared = 0
    for number in range(1, len(course)):
        before, value = course[number - 1], course[number]
        if before == PROPOSED and value == DONE:
            cleared += 1
        elif before == DONE and course[max(number - 2, 0)] == PROPOSED:
            if value not in table[PROPOSED]:
                return f"empty was followed by {value}"
        elif value not in table.get(before, frozenset()):
            return f"{before or 'empty'} was followed by {value or 'empty'}"
    return None if cleared else "Proposed was not cleared"


def pending_goes_before_the_grant_shows(case: Case) -> str | None:
    """K-28: PodResizePending is removed in a write that does not show the grant yet.

    For a moment no resize condition is shown though the status has the old allocation and the old
    resources; then PodResizeInProgress comes, and the resize ends as it must.
    """
    states = distinct((t, frozenset(resize_conditions(pod))) for t, pod in case.pods)
    for (_, before), (_, now), (_, after) in zip(states, states[1:], states[2:], strict=False):
        if PENDING in before and not now and IN_PROGRESS_CONDITION in after:
            if not api_is_done(case.final_pod, case.expectation):
                return "the API does not show the resize done"
            return None
    return f"no gap between {DEFERRED} and {IN_PROGRESS}"


def pending_goes_when_the_kubelet_starts(case: Case) -> str | None:
    """PD-11: a kubelet that has just been started writes a status without PodResizePending.

    After an action on the kubelet the condition is gone for a while and comes back as it was; the
    allocation stays, and at the end the resize is pending still.
    """
    acted = [
        seen.t
        for seen in case.timeline.of(Witness.CLIENT)
        if seen.data["request"]["method"] == "ACTION" and "kubelet" in seen.data["request"]["path"]
    ]
    if not acted:
        return "nothing was done to the kubelet"
    states = distinct((t, _pending_as_said(pod)) for t, pod in case.pods)
    gaps = 0
    for (_, before), (t, now), (_, after) in zip(states, states[1:], states[2:], strict=False):
        if now is None:
            if t < acted[0] or before != after:
                return f"{DEFERRED} did not come back as it was"
            gaps += 1
    if states[-1][1] is None:
        return f"{DEFERRED} did not come back"
    for item in case.expectation.containers:
        for _, pod in case.pods:
            shown = container_status(pod, item.name).get("allocatedResources")
            if not lists_equal(shown, item.allocated):
                return f"the allocation of container {item.name} changed"
    return None if gaps else f"{DEFERRED} was shown throughout"


def another_wish_stays_proposed(case: Case) -> str | None:
    """PD-12: a kubelet of 1.27 that has said Deferred does not say so of another wish.

    The resize was Deferred before it was replaced; since then it is Proposed to the end, and
    neither allocation nor kernel has moved.
    """
    style = case.expectation.progress.style
    before = [progress_value(pod, style) for t, pod in case.pods if t < 0]
    after = {progress_value(pod, style) for t, pod in case.pods if t >= 0}
    if before[-1:] != [DEFERRED]:
        return f"the resize was not {DEFERRED} before"
    if after != {PROPOSED}:
        return f"the resize did not stay {PROPOSED}"
    for item in case.expectation.containers:
        shown = container_status(case.final_pod, item.name).get("allocatedResources")
        if not lists_equal(shown, item.allocated):
            return f"the allocation of container {item.name} changed"
    for subject, old in case.expectation.cgroups_before.items():
        if not cgroup_shows(case.cgroup(subject)[-1][1], old):
            return f"the cgroup of {subject} is not at the old values"
    return None


def _pending_as_said(pod: dict[str, Any]) -> tuple[object, ...] | None:
    item = resize_conditions(pod).get(PENDING)
    if item is None:
        return None
    return tuple(item.get(name) for name in ("reason", "message", "observedGeneration"))


def _enacted(case: Case) -> str | None:
    """Return None when kernel, runtime and allocation have the new values."""
    expectation = case.expectation
    for subject, wanted in expectation.cgroups_after.items():
        if not cgroup_shows(case.cgroup(subject)[-1][1], wanted):
            return f"the cgroup of {subject} is not at the new values"
    for item in expectation.containers:
        if not case.runtime_holds(item.name, item.runtime_after):
            return f"the runtime does not show the new values of container {item.name}"
    if not allocation_is_new(case.final_pod, expectation):
        return "allocatedResources is not at the new values"
    return None


def _stuck(case: Case) -> str | None:
    """Return None when a marked resize is InProgress, and somebody looked to the deadline."""
    expectation = case.expectation
    stuck = IN_PROGRESS if IN_PROGRESS in expectation.progress.chain else DONE
    last = progress_value(case.final_pod, expectation.progress.style)
    if last != stuck:
        return f"status.resize ends as {last!r}, not as {stuck!r}"
    if case.timeline.ended < expectation.deadline:
        return f"nobody looked until the deadline of {expectation.deadline:g} s"
    return None
