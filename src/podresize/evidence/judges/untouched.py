"""What a resize must leave alone: in the kernel everything that it was not asked to change."""

from __future__ import annotations

from podresize.evidence.agreement import allows, container_status, progress_value
from podresize.evidence.case import Case, NoEvidenceError, distinct
from podresize.evidence.judges.ruling import Fault, Judge, Ruling, at, refused_fault
from podresize.evidence.timeline import QOS, Witness, settings_subject
from podresize.oracle.change import MEMORY
from podresize.oracle.progress import DEFERRED, DONE, INFEASIBLE
from podresize.oracle.quantity import parse_quantity
from podresize.oracle.resources import REQUESTS, lists_equal, same_quantity

_OF_MEMORY_QOS = ("memory.high", "memory.min", "memory.low")
_FOLLOWS = {
    # The runtime sets memory and swap together (C-05), so that the container gets no swap.
    "memory.limit_in_bytes": ("memory.memsw.limit_in_bytes",),
    # MemoryQoS, beta from 1.37, derives these from request and limit (KL-39); v2 alone.
    "memory.max": ("memory.swap.max", *_OF_MEMORY_QOS),
}
_SHARED = ("cpu.shares", "cpu.weight", "memory.min", "memory.low")
"""Of a QoS class's cgroup: sums over all its pods, recomputed every minute (KL-38)."""


def settings_stay(case: Case) -> Ruling:
    """PR-20: nothing else that can be set in the cgroups has changed from before to after."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    faults = []
    compared = 0
    for subject in (*case.expectation.cgroups_after, QOS):
        seen = [item.data for item in case.timeline.of(Witness.KERNEL, settings_subject(subject))]
        if len(seen) < 2:
            raise NoEvidenceError(f"the settings of {subject} were not read before and after")
        before, after = seen[0], seen[-1]
        compared += len(before)
        may = _may_change(case, subject)
        for name in sorted({**before, **after}):
            old, new = before.get(name), after.get(name)
            if old != new and name not in may:
                faults.append(
                    Fault(
                        text=f"{subject} of {case.timeline.pod}: {name} was {old} before and is "
                        f"{new} after, expected it to stay",
                        container=subject.partition("/")[2] or None,
                        reading="the resize changed more than was asked for",
                    )
                )
    return Ruling(faults=tuple(faults), reading=f"{compared} settings compared; no other changed")


def _may_change(case: Case, subject: str) -> set[str]:
    if subject == QOS:
        return set(_SHARED)
    before = case.expectation.cgroups_before[subject]
    after = case.expectation.cgroups_after[subject]
    changed = {name for name in after if before[name] != after[name]}
    # A memory request is in no other file.
    requested = any(
        not same_quantity(item.before[REQUESTS].get(MEMORY), item.after[REQUESTS].get(MEMORY))
        for item in case.expectation.containers
    )
    return (
        changed
        | {other for name in changed for other in _FOLLOWS.get(name, ())}
        | set(_OF_MEMORY_QOS if requested else ())
    )


def nothing_enacted(case: Case) -> Ruling:
    """KL-01: what is not granted as a whole is enacted in no part, of no container."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    faults = _kernel_moves(case)
    for item in case.expectation.containers:
        for t, pod in case.pods:
            shown = container_status(pod, item.name).get("allocatedResources")
            if item.allocated is None or shown is None:
                continue
            if not lists_equal(shown, item.before[REQUESTS]):
                text = f"{case.where(item.name)}: allocatedResources is {shown} ({at(t)}), "
                text += f"expected {item.before[REQUESTS]}"
                reading = "a part of the resize was allocated"
                faults.append(Fault(text=text, container=item.name, reading=reading))
                break
    return Ruling(faults=tuple(faults), reading="no container of the pod got anything")


def withdrawn(case: Case) -> Ruling:
    """KL-13: a return to what is allocated ends the pending resize and touches no cgroup."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    expectation = case.expectation
    if any(item.is_changed for item in expectation.containers):
        return Ruling(faults=(), reading="the resize enacts something: no return to what was")
    faults = _kernel_moves(case)
    last_t, last = case.progress[-1]
    if last != DONE:
        text = f"{case.timeline.pod}: the API still says {last} since {at(last_t)}, expected "
        text += "nothing pending"
        faults.append(Fault(text=text, reading="the withdrawn resize is still pending"))
    return Ruling(faults=tuple(faults), reading=f"nothing pending at {at(last_t)}; no file moved")


def _kernel_moves(case: Case) -> list[Fault]:
    faults = []
    for subject, wanted in case.expectation.cgroups_before.items():
        for name, allowed in wanted.items():
            course = distinct(
                (t, files[name]) for t, files in case.cgroup(subject) if name in files
            )
            for t, value in course:
                if not allows(allowed, value):
                    text = f"{subject} of {case.timeline.pod}: {name} is {value} ({at(t)}), "
                    text += f"expected it to stay {allowed[0].value}"
                    reading = "the kernel was given what was not granted"
                    container = subject.partition("/")[2] or None
                    faults.append(Fault(text=text, container=container, reading=reading))
                    break
    return faults


def shrinking_is_granted(case: Case) -> Ruling:
    """KL-04: a resize that increases no request of the pod is never deferred nor infeasible."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    expectation = case.expectation
    for item in expectation.containers:
        for name, wanted in item.asked[REQUESTS].items():
            held = item.before[REQUESTS].get(name, "0")
            if parse_quantity(wanted) > parse_quantity(held):
                return Ruling(faults=(), reading="a request increases: nothing is said of that")
    faults = []
    for t, pod in case.pods:
        value = progress_value(pod, expectation.progress.style)
        if t >= 0 and value in (DEFERRED, INFEASIBLE):
            if value == case.progress[0][1]:
                continue  # what was pending before
            text = f"{case.timeline.pod}: {value} ({at(t)}), expected the resize to be granted"
            reading = f"a resize that increases nothing was called {value}"
            faults.append(Fault(text=text, reading=reading))
            break
    return Ruling(faults=tuple(faults), reading="no request increases, and it was granted")


JUDGES: dict[str, Judge] = {
    "KL-01": nothing_enacted,
    "KL-04": shrinking_is_granted,
    "KL-13": withdrawn,
    "PR-20": settings_stay,
}
