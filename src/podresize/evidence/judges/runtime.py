"""What the runtime's ContainerStatus reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podresize.evidence.agreement import number
from podresize.evidence.case import Case
from podresize.evidence.judges.ruling import Fault, Judge, Ruling, at, refused_fault
from podresize.evidence.steps import step_times
from podresize.oracle.expectation import ContainerExpectation
from podresize.oracle.model import container_subject

Numbers = dict[str, tuple[int, ...]]
Reports = list[tuple[float, dict[str, Any]]]
Look = Callable[[Case, ContainerExpectation, Reports], list[str]]
"""From a container's reports, each with its time, to what is wrong with them."""

# One call to the runtime carries all numbers of a resource.
_RESOURCES = {"cpu": ("cpu_shares", "cpu_quota"), "memory": ("memory_limit_in_bytes",)}
# What the kubelet has no reason to change in a resize. The memory swap limit follows the memory
# limit, unified the memory request where MemoryQoS is on.
_LEFT_ALONE = ("cpu_period", "cpuset_cpus", "cpuset_mems", "hugepage_limits")


def _judge(look: Look, reading: str | Callable[[Case], str]) -> Judge:
    """Return a judge that looks at each container's reports, all of which must carry resources."""

    def judge(case: Case) -> Ruling:
        refused = refused_fault(case)
        if refused is not None:
            return Ruling(faults=(refused,))
        faults = []
        for item in case.expectation.containers:
            # A container that is being replaced is unknown for a moment: no report at all.
            statuses = [
                (t, status)
                for t, status in case.runtime(item.name)
                if status.get("state", "") is not None
            ]
            silent = next((t for t, status in statuses if status.get("resources") is None), None)
            if silent is not None:
                wrong = [
                    f"ContainerStatus carries no resources ({at(silent)}), expected them throughout"
                ]
            else:
                wrong = look(case, item, [(t, status["resources"]) for t, status in statuses])
            where = case.where(item.name)
            faults += [Fault(text=f"{where}: {text}", container=item.name) for text in wrong]
        if faults:
            return Ruling(faults=tuple(faults))
        return Ruling(faults=(), reading=reading if isinstance(reading, str) else reading(case))

    judge.__doc__ = look.__doc__
    return judge


def _at_the_start(_: Case, item: ContainerExpectation, reports: Reports) -> list[str]:
    """CRI-02: the first report has the numbers of the spec."""
    return _differing(reports[0], item.runtime_before, "before the resize")


def _at_the_end(case: Case, item: ContainerExpectation, reports: Reports) -> list[str]:
    """CRI-03: the last report has the new numbers."""
    until = f"(looked until {at(case.timeline.ended)})"
    return _differing(reports[-1], item.runtime_after, until)


def _left_alone(_: Case, __: ContainerExpectation, reports: Reports) -> list[str]:
    """CRI-05: what the resize does not speak of is in every report as in the first.

    A limit brings its period with it, so a period that was not there may come.
    """
    wrong = []
    first = reports[0][1]
    for name in _LEFT_ALONE:
        if name == "cpu_period" and not first.get(name):
            continue
        for t, resources in reports[1:]:
            if (resources.get(name) or None) != (first.get(name) or None):
                wrong.append(
                    f"the runtime reports {name} {resources.get(name) or 'unset'} ({at(t)}), "
                    f"expected {first.get(name) or 'unset'} as before"
                )
                break
    return wrong


def _whole(_: Case, item: ContainerExpectation, reports: Reports) -> list[str]:
    """CRI-06: each resource is old or new as a whole, and changes once."""
    wrong = []
    for resource, names in _RESOURCES.items():
        is_new = False
        for t, resources in reports:
            old = all(number(resources, name) in item.runtime_before[name] for name in names)
            new = all(number(resources, name) in item.runtime_after[name] for name in names)
            shown = ", ".join(f"{name} {number(resources, name)}" for name in names)
            if not (old or new):
                text = f"the runtime reports {shown} ({at(t)}), neither the old nor the new"
                wrong.append(f"{text} {resource}")
                break
            if is_new and not new:
                wrong.append(f"the runtime reports the old {shown} again ({at(t)})")
                break
            is_new = is_new or new
    return wrong


def _as_told(case: Case, item: ContainerExpectation, reports: Reports) -> list[str]:
    """CRI-07: the last report is exact, whatever the kernel keeps."""
    return [
        f"{text}; the kernel keeps {_kept(case, item.name)}"
        for text in _differing(reports[-1], item.runtime_after, "at the end")
    ]


def _differing(report: tuple[float, dict[str, Any]], wanted: Numbers, when: str) -> list[str]:
    wrong = []
    for name, allowed in wanted.items():
        found = number(report[1], name)
        if found not in allowed:
            expected = " or ".join(map(str, allowed))
            wrong.append(f"the runtime reports {name} {found} {when}, expected {expected}")
    return wrong


def _kept(case: Case, name: str) -> str:
    files = case.cgroup(container_subject(name))[-1][1]
    # Memory first: there the two differ.
    kept = sorted(case.expectation.cgroups_after[container_subject(name)], reverse=True)
    return ", ".join(f"{file} {files.get(file)}" for file in kept)


def _told(case: Case) -> str:
    name = case.expectation.containers[0].name
    memory = number(case.runtime(name)[-1][1]["resources"], "memory_limit_in_bytes")
    return f"{memory} bytes of memory, as asked for; the kernel keeps {_kept(case, name)}"


JUDGES: dict[str, Judge] = {
    "CRI-02": _judge(_at_the_start, "the runtime reported the spec's resources from the start"),
    "CRI-03": _judge(
        _at_the_end, lambda case: f"the runtime reports it at {at(step_times(case)['cri'])}"
    ),
    "CRI-05": _judge(_left_alone, "period, cpusets and huge page limits as they were"),
    "CRI-06": _judge(_whole, "cpu and memory each changed once, as a whole"),
    "CRI-07": _judge(_as_told, _told),
}
