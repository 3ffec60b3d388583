"""What may never be seen on the way, whatever a check looks for (PR-01).

Each scalar that a resize may change is followed through its witness: it may go from its old value
to its new one, once; where several changes were asked for, by way of theirs in their order. Whether
it arrives is for the other judges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from podresize.evidence.agreement import (
    allows,
    container_spec,
    container_status,
    number,
    progress_value,
    restarts_are_done,
    status_is_new,
)
from podresize.evidence.case import Case, NoEvidenceError, distinct
from podresize.evidence.judges.ruling import Fault, Judge, Ruling, at, refused_fault
from podresize.evidence.steps import kernel_time
from podresize.oracle.cgroups import Allowed
from podresize.oracle.expectation import ContainerExpectation
from podresize.oracle.progress import DONE
from podresize.oracle.resources import KINDS, REQUESTS, Resources, normalised, same_quantity
from podresize.requirements.model import Outcome

KERNEL_LAG = 1.0
"""Seconds that our own sampling of the cgroups may be late against the watch on a loaded host."""

_Test = Callable[[Any], bool]
_Reader = Callable[[str, str, str], Callable[[dict[str, Any]], str | None]]


def transitions(case: Case) -> Ruling:
    """PR-01: no value comes back or comes from nowhere; counts rise; done is done everywhere."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    faults = [*status_faults(case), *other_faults(case)]
    return Ruling(faults=tuple(faults), reading="every value changed at most once, and forwards")


def status_faults(case: Case) -> list[Fault]:
    """Return what is wrong with the courses of the values in status.resources."""
    passing = case.expectation.passing
    faults: list[Fault] = []
    for item in case.expectation.containers:
        states = [item.before, *(each.after[item.name] for each in passing), item.after]
        faults += _fields_faults(case, item, "status", _status_reader, states)
    return faults


def other_faults(case: Case) -> list[Fault]:
    """Return what is wrong with any other course: spec, allocation, runtime, kernel, counts."""
    passing = case.expectation.passing
    faults: list[Fault] = []
    for item in case.expectation.containers:
        states = [item.asked_before, *(each.asked[item.name] for each in passing), item.asked]
        faults += _fields_faults(case, item, "spec", _spec_reader, states)
        faults += _allocation_faults(case, item)
        faults += _runtime_faults(case, item)
        faults += _restart_faults(case, item)
    return [*faults, *_kernel_faults(case), *early_done(case)]


def _fields_faults(
    case: Case, item: ContainerExpectation, what: str, reader: _Reader, states: list[Resources]
) -> list[Fault]:
    faults = []
    for kind in KINDS:
        for name in sorted({**item.asked_before[kind], **item.asked[kind], **item.before[kind]}):
            read = reader(item.name, kind, name)
            label = f"{case.where(item.name)}: {what} {kind}.{name}"
            course = [_quantity(each[kind].get(name)) for each in states]
            seen = ((t, read(pod)) for t, pod in case.pods)
            faults += _course_faults(label, item.name, seen, course)
    return faults


def _allocation_faults(case: Case, item: ContainerExpectation) -> list[Fault]:
    faults = []
    passing = case.expectation.passing
    if item.allocated is not None:
        for name in sorted(item.allocated):
            quantities = [
                item.before[REQUESTS].get(name),
                *(each.after[item.name][REQUESTS].get(name) for each in passing),
                item.allocated[name],
            ]
            label = f"{case.where(item.name)}: allocatedResources {name}"
            seen = (
                (t, (container_status(pod, item.name).get("allocatedResources") or {}).get(name))
                for t, pod in case.pods
            )
            faults += _course_faults(label, item.name, seen, list(map(_quantity, quantities)))
    return faults


def _runtime_faults(case: Case, item: ContainerExpectation) -> list[Fault]:
    try:
        statuses = case.runtime(item.name)
    except NoEvidenceError:
        return []  # a target may withhold its runtime; what it shows is judged where it is needed
    faults = []
    for name, allowed in item.runtime_after.items():
        # Without a limit the old period says nothing, so any value may stand there.
        before = item.runtime_before.get(name)
        seen = (
            (t, None if status.get("resources") is None else number(status["resources"], name))
            for t, status in statuses
        )
        label = f"{case.where(item.name)}: the runtime's {name}"
        between = [each.runtime[item.name].get(name) for each in case.expectation.passing]
        course = [_one_of(numbers) for numbers in (before, *between, allowed)]
        faults += _course_faults(label, item.name, seen, course)
    return faults


def _kernel_faults(case: Case) -> list[Fault]:
    faults = []
    for subject, after in case.expectation.cgroups_after.items():
        try:
            states = case.cgroup(subject)
        except NoEvidenceError:
            continue
        before = case.expectation.cgroups_before[subject]
        container = subject.partition("/")[2] or None
        for name, allowed in after.items():
            seen = ((t, files.get(name)) for t, files in states)
            label = f"{subject} of {case.timeline.pod}: {name}"
            between = [each.cgroups[subject][name] for each in case.expectation.passing]
            course = [_allowed(values) for values in (before[name], *between, allowed)]
            faults += _course_faults(label, container, seen, course)
    return faults


def _restart_faults(case: Case, item: ContainerExpectation) -> list[Fault]:
    highest = 0
    for t, pod in case.pods:
        count = int(container_status(pod, item.name).get("restartCount") or 0)
        if count < highest and container_status(pod, item.name):
            text = f"{case.where(item.name)}: restartCount fell from {highest} to {count} ({at(t)})"
            reading = "a count that only rises has fallen"
            return [Fault(text=text, container=item.name, reading=reading)]
        highest = max(highest, count)
    return []


def early_done(case: Case) -> list[Fault]:
    """Return what is wrong where the API calls done what the kernel lacks (invariant of K-22)."""
    expectation = case.expectation
    if expectation.outcome is not Outcome.GRANTED or expectation.passing:
        # Several changes may end where they began: before the node has taken up the first of them,
        # everything is as after the last.
        return []
    style = expectation.progress.style
    claimed = next(
        (
            (t, pod)
            for t, pod in case.pods
            if t >= 0 and progress_value(pod, style) == DONE and status_is_new(pod, expectation)
        ),
        None,
    )
    if claimed is None:
        return []
    try:
        for subject in expectation.cgroups_after:
            case.cgroup(subject)
    except NoEvidenceError:
        return []
    when, pod = claimed
    actual = kernel_time(case)
    lag = KERNEL_LAG + case.sampled_within
    if actual is not None and actual <= max(when, _found(case, pod)) + lag:
        return []
    text = (
        f"{case.timeline.pod}: the API shows the resize done at {at(when)}, the kernel has the "
        f"new values at {at(actual)}"
    )
    return [Fault(text=text, reading="the API shows the new value; the kernel does not have it")]


def _found(case: Case, pod: dict[str, Any]) -> float:
    """Return when a witness had every container that was started anew; 0 without any.

    The cgroup of a new container is sampled from when the runtime was asked and had it, which an
    emulated node is every other second. That says nothing for an API whose ``pod`` calls the resize
    done without a container that runs anew.
    Where the node is out of reach nobody sees a container's cgroup between its start and the moment
    at which its new process is entered, which takes a second on a busy host.
    """
    sees_node = case.expectation.fingerprint.sees_node
    if sees_node and not restarts_are_done(pod, case.expectation):
        return 0.0
    times = [0.0]
    for item in case.expectation.containers:
        if item.restarts:
            looks = case.runtime(item.name) if sees_node else case.process(item.name)
            key = "id" if sees_node else "start_ticks"
            known = (None, looks[0][1][key])
            times += [t for t, data in looks if data[key] not in known][:1]
    return max(times)


def _course_faults(
    label: str,
    container: str | None,
    seen: Iterable[tuple[float, Any]],
    course: Sequence[_Test],
) -> list[Fault]:
    """Follow one value along its course, oldest first; None is "not shown" and says nothing.

    A value may skip what lies between and never go back. One that fits several places (two correct
    notations of one thing, a change that was taken back) is taken for the earliest it can be.
    """
    position = 0
    for t, value in distinct(item for item in seen if item[1] is not None):
        ahead = next((i for i in range(position, len(course)) if course[i](value)), None)
        if ahead is not None:
            position = ahead
        elif any(is_there(value) for is_there in course):
            text = f"{label} went back to {value} ({at(t)})"
            return [Fault(text=text, container=container, reading="an old value came back")]
        else:
            text = f"{label} is {value} ({at(t)}), which is neither the old value nor the new"
            reading = "a value was shown that was neither asked for nor there before"
            return [Fault(text=text, container=container, reading=reading)]
    return []


def _one_of(numbers: tuple[int, ...] | None) -> _Test:
    return lambda value: numbers is None or value in numbers


def _allowed(values: tuple[Allowed, ...]) -> _Test:
    return lambda content: allows(values, content)


def _quantity(expected: str | None) -> _Test:
    return lambda value: same_quantity(value, expected)


def _spec_reader(name: str, kind: str, resource: str) -> Callable[[dict[str, Any]], str | None]:
    return lambda pod: normalised(container_spec(pod, name).get("resources"))[kind].get(resource)


def _status_reader(name: str, kind: str, resource: str) -> Callable[[dict[str, Any]], str | None]:
    return lambda pod: normalised(container_status(pod, name).get("resources"))[kind].get(resource)


JUDGES: dict[str, Judge] = {
    "PR-01": transitions,
}
