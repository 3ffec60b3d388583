"""The cgroup files of containers: the only witness that limits a process for real."""

from __future__ import annotations

from collections.abc import Iterable

from podresize.evidence.agreement import allows
from podresize.evidence.case import Case, distinct
from podresize.evidence.judges.ruling import Fault, Judge, Ruling, at, refused_fault
from podresize.oracle.cgroups import Allowed
from podresize.oracle.model import container_subject


def container_cgroups(case: Case) -> Ruling:
    """KL-30: every container's files end at the values of its resources, by way of no third one."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    faults = []
    for item in case.expectation.containers:
        where = case.where(item.name)
        faults += subject_faults(case, container_subject(item.name), where, item.name)
    own = [container_subject(item.name) for item in case.expectation.containers]
    return Ruling(faults=tuple(faults), reading=f"every file right at {time_right(case, own)}")


def subject_faults(case: Case, subject: str, where: str, container: str | None) -> list[Fault]:
    """Return what is wrong with one cgroup's files: at the end, and on the way there."""
    before, after = (
        case.expectation.cgroups_before[subject],
        case.expectation.cgroups_after[subject],
    )
    states = case.cgroup(subject)
    faults = []
    for name, allowed in after.items():
        course = distinct((t, files[name]) for t, files in states if name in files)
        if not course:
            text = f"{where}: {name} was not among the files read"
            faults.append(Fault(text=text, container=container, reading="the file is missing"))
            continue
        last_t, last = course[-1]
        if not allows(allowed, last):
            faults.append(
                Fault(
                    text=f"{where}: {name} is {last} since {at(last_t)} "
                    f"(looked until {at(case.timeline.ended)}), expected {_any_of(allowed)}",
                    container=container,
                )
            )
        # Of several changes, each was asked for: only where it ends is another's matter.
        legal = before[name] + allowed
        for passing in case.expectation.passing:
            legal += passing.cgroups[subject][name]
        for t, value in course[:-1]:
            if not allows(legal, value):
                faults.append(
                    Fault(
                        text=f"{where}: {name} was {value} at {at(t)}, which is neither the value "
                        f"before nor {_any_of(allowed)}",
                        container=container,
                        reading="the kernel held a value that nobody asked for",
                    )
                )
    return faults


def _any_of(allowed: tuple[Allowed, ...]) -> str:
    return " or ".join(f"{item.value} ({item.reason})" for item in allowed)


def time_right(case: Case, subjects: Iterable[str]) -> str:
    """Return when every file of these cgroups had first been right, as it is printed."""
    times = [_first_right(case, subject) for subject in subjects]
    return at(None if None in times else max((t for t in times if t is not None), default=0.0))


def _first_right(case: Case, subject: str) -> float | None:
    after = case.expectation.cgroups_after[subject]
    for t, files in case.cgroup(subject):
        if all(name in files and allows(allowed, files[name]) for name, allowed in after.items()):
            return t
    return None


JUDGES: dict[str, Judge] = {
    "KL-30": container_cgroups,
}
