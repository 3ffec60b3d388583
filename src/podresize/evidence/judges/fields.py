"""Which values the status may show at all: keys, minima, the pod's own sums."""

from __future__ import annotations

from podresize.evidence.agreement import allows, container_status
from podresize.evidence.case import Case
from podresize.evidence.judges.ruling import (
    Fault,
    Judge,
    NothingToSayError,
    Ruling,
    at,
    refused_fault,
)
from podresize.oracle.change import CPU
from podresize.oracle.minimum import minimal_keys
from podresize.oracle.pod_level import pod_sums
from podresize.oracle.pod_spec import pod_resources
from podresize.oracle.progress import DONE
from podresize.oracle.resources import (
    KINDS,
    LIMITS,
    REQUESTS,
    Resources,
    changed_keys,
    lists_equal,
    normalised,
    same_quantity,
)


def limits_alone(case: Case) -> Ruling:
    """ST-03: a change of limits alone is enacted, and status.resize says nothing of it."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    expectation = case.expectation
    changes = [
        key for item in expectation.containers for key in changed_keys(item.before, item.after)
    ]
    if not changes or any(kind != LIMITS for kind, _ in changes):
        raise NothingToSayError("the requests change as well")
    faults = []
    shown = [(t, value) for t, value in case.progress if value != DONE]
    if shown:
        text = f"{case.timeline.pod}: status.resize is {shown[0][1]} ({at(shown[0][0])}), expected "
        text += "it to stay empty"
        faults.append(Fault(text=text, reading="a resize of limits alone is marked"))
    for subject, files in expectation.cgroups_after.items():
        last = case.cgroup(subject)[-1][1]
        for name, allowed in files.items():
            if not allows(allowed, last.get(name, "")):
                text = f"{subject} of {case.timeline.pod}: {name} is {last.get(name)}, expected "
                text += " or ".join(each.value for each in allowed)
                faults.append(Fault(text=text, reading="the new limits are not enacted"))
    return Ruling(faults=tuple(faults), reading="enacted, without a word in status.resize")


def keys(case: Case) -> Ruling:
    """ST-22: status.resources has the keys of the allocated resources and no others."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    for item in case.expectation.containers:
        stages = [item.before, *(each.after[item.name] for each in case.expectation.passing)]
        for t, pod in case.pods:
            shown = normalised(container_status(pod, item.name).get("resources"))
            for kind in KINDS:
                known = set().union(item.after[kind], *(stage[kind] for stage in stages))
                for name in sorted(shown[kind].keys() - known):
                    text = f"{case.where(item.name)}: status {kind}.{name} is {shown[kind][name]} "
                    text += f"({at(t)}), expected it to be absent"
                    reading = "the status shows what nobody has asked for"
                    fault = Fault(text=text, container=item.name, reading=reading)
                    return Ruling(faults=(fault,))
    return Ruling(faults=(), reading="no key but those of the spec")


def minima(case: Case) -> Ruling:
    """ST-23: a cpu value below what the kernel can hold is shown as it was asked for."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    faults = []
    said = []
    for item in case.expectation.containers:
        shown = normalised(container_status(case.final_pod, item.name).get("resources"))
        for kind in minimal_keys(item.after):
            value = shown[kind].get(CPU)
            said.append(f"{kind}.{CPU} {value}")
            if not same_quantity(value, item.after[kind][CPU]):
                text = f"{case.where(item.name)}: status {kind}.{CPU} is {value}, expected "
                text += f"{item.after[kind][CPU]} (looked until {at(case.timeline.ended)})"
                reading = "the status shows the least that the kernel can hold"
                faults.append(Fault(text=text, container=item.name, reading=reading))
    if not said:
        raise NothingToSayError("no cpu value is below what the kernel can hold")
    return Ruling(faults=tuple(faults), reading=", ".join(said))


def pod_level(case: Case) -> Ruling:
    """ST-26: the pod's own allocatedResources and resources are the sums over its containers."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    if pod_resources(case.final_pod):
        raise NothingToSayError("the pod has resources of its own, which are no sums (KL-43)")
    status = case.final_pod.get("status", {})
    containers = case.expectation.containers
    wanted = pod_sums(containers)
    faults = []
    allocated = status.get("allocatedResources")
    if not lists_equal(allocated, wanted[REQUESTS]):
        text = f"{case.timeline.pod}: status.allocatedResources is {allocated}, expected "
        text += str(wanted[REQUESTS])
        faults.append(Fault(text=text, reading="the pod's allocation is not that of its parts"))
    shown = normalised(status.get("resources"))
    for kind, name in changed_keys(shown, wanted):
        # What a sum means where one has a limit and another none, no clause says.
        if kind == LIMITS and 0 < sum(name in item.after[LIMITS] for item in containers) < len(
            containers
        ):
            continue
        text = f"{case.timeline.pod}: status.resources {kind}.{name} of the pod is "
        text += f"{shown[kind].get(name, 'absent')}, expected {wanted[kind].get(name, 'absent')}"
        reading = "the pod's own resources are not the sums over its containers"
        faults.append(Fault(text=text, reading=reading))
    return Ruling(faults=tuple(faults), reading=f"the pod has {_text(wanted)}")


def _text(resources: Resources) -> str:
    return ", ".join(
        f"{kind}.{name} {value}" for kind in KINDS for name, value in resources[kind].items()
    )


JUDGES: dict[str, Judge] = {
    "ST-03": limits_alone,
    "ST-22": keys,
    "ST-23": minima,
    "ST-26": pod_level,
}
