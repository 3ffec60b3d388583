"""The pod's cgroup around its containers', at every moment, and the order of the writes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from podresize.evidence.agreement import allows
from podresize.evidence.case import Case, cgroup_files
from podresize.evidence.judges.kernel import subject_faults, time_right
from podresize.evidence.judges.ruling import (
    Fault,
    Judge,
    NothingToSayError,
    Ruling,
    at,
    refused_fault,
)
from podresize.evidence.timeline import Observation, Witness
from podresize.oracle.cgroups import Allowed
from podresize.oracle.model import POD, container_subject

State = dict[str, dict[str, str]]
_LIMITS = ("cpu.cfs_quota_us", "cpu.max", "memory.limit_in_bytes", "memory.max")
_MEMORY_FILES = ("memory.limit_in_bytes", "memory.max")
# cgroup v1 shows the largest signed integer in whole pages, which are of 4 or of 64 KiB.
_NO_MEMORY_LIMIT = 1 << 62
_SYSTEMD_STEP = 1_000
"""Microseconds of quota by which systemd may round a container's up, and the pod's less."""


def pod_cgroup(case: Case) -> Ruling:
    """KL-32: the pod's files end at the sums, by way of no third value, and never below them.

    The pod's limit is raised before its containers' and lowered after them: in no state that was
    read may it be less than the sum of the containers' limits.
    """
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    faults = subject_faults(case, POD, f"pod {case.timeline.pod}", None)
    faults += _limit_faults(case)
    return Ruling(faults=tuple(faults), reading=f"every file right at {time_right(case, [POD])}")


def _limit_faults(case: Case) -> list[Fault]:
    faults = []
    broken = set()
    slack = _SYSTEMD_STEP if case.expectation.fingerprint.cgroup_driver == "systemd" else 0
    names = [container_subject(item.name) for item in case.expectation.containers]
    for t, state in _states(case):
        for name in _LIMITS:
            pod = _limit(state.get(POD, {}).get(name))
            own = [_limit(state.get(each, {}).get(name)) for each in names]
            limited = [each for each in own if each is not None and not math.isinf(each)]
            if pod is None or name in broken or not limited:
                continue
            room = slack * len(limited) if name.startswith("cpu") else 0
            if sum(limited) > pod + room:
                broken.add(name)
                faults.append(
                    Fault(
                        text=f"pod {case.timeline.pod}: {name} is {pod:g} at {at(t)} while those "
                        f"of its containers add up to {sum(limited):g}, expected at least as much",
                        reading="the pod's cgroup held less than its containers were given",
                    )
                )
    return faults


def _states(case: Case) -> Iterator[tuple[float, State]]:
    """Yield the states in which all files were together.

    Readings of one sample have one time, and the last of them is such a state (cgroup_sampler). A
    cgroup that is gone has no limits.
    """
    subjects = case.expectation.cgroups_after
    seen = [item for item in case.timeline.of(Witness.KERNEL) if item.subject in subjects]
    state: State = {}
    for t, items in itertools.groupby(seen, key=_time):
        for item in items:
            gone = any(content is None for content in item.data.values())
            old = {} if gone else state.get(item.subject, {})
            state[item.subject] = old | cgroup_files(item.data)
        yield t, state


def _time(observation: Observation) -> float:
    return observation.t


def _limit(content: str | None) -> float | None:
    if content is None:
        return None
    first = content.split()[0]
    # cgroup v1 has no word for it: without this, five containers "add up" to more than the pod.
    if first in ("max", "-1") or int(first) >= _NO_MEMORY_LIMIT:
        return math.inf
    return float(first)


def memory_first(case: Case) -> Ruling:
    """KL-31: where a container's memory limit and its cpu both change, memory changes first."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    faults = []
    missing: list[str] = []
    compared = 0
    for item in case.expectation.containers:
        subject = container_subject(item.name)
        before = case.expectation.cgroups_before[subject]
        after = case.expectation.cgroups_after[subject]
        moved = [name for name in after if not _overlap(before[name], after[name])]
        memory = [name for name in moved if name in _MEMORY_FILES]
        cpu = [name for name in moved if name.startswith("cpu.")]
        if item.restarts or not memory or not cpu:
            continue
        found = {name: _arrival(case, subject, name, after[name]) for name in (*memory, *cpu)}
        times = {name: t for name, t in found.items() if t is not None}
        if len(times) < len(found):
            # Another requirement's fault: of what did not come nothing came first.
            missing += [f"{name} of {subject}" for name in found if name not in times]
            continue
        compared += 1
        first_cpu = min(times[name] for name in cpu)
        last_memory = max(times[name] for name in memory)
        if last_memory > first_cpu:
            faults.append(
                Fault(
                    text=f"{case.where(item.name)}: cpu has its new values at {at(first_cpu)}, "
                    f"memory at {at(last_memory)}, expected memory first",
                    container=item.name,
                    reading="cpu was resized before memory",
                )
            )
    if missing and not compared:
        raise NothingToSayError(
            f"no order to be seen: {', '.join(missing)} never got its new value"
        )
    reading = f"memory before cpu in {compared} containers" if compared else "only one of the two"
    return Ruling(faults=tuple(faults), reading=reading)


def _overlap(left: tuple[Allowed, ...], right: tuple[Allowed, ...]) -> bool:
    return bool({item.value for item in left} & {item.value for item in right})


def _arrival(case: Case, subject: str, name: str, wanted: tuple[Allowed, ...]) -> float | None:
    for t, files in case.cgroup(subject):
        if name in files and allows(wanted, files[name]):
            return t
    return None


JUDGES: dict[str, Judge] = {
    "KL-31": memory_first,
    "KL-32": pod_cgroup,
}
