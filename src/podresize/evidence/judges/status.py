"""The resource fields of the container status, the QoS class and the restart count."""

from __future__ import annotations

from podresize.evidence.agreement import container_status
from podresize.evidence.case import Case
from podresize.evidence.judges.ruling import Fault, Judge, Ruling, at, refused_fault
from podresize.evidence.steps import step_times
from podresize.oracle.resources import changed_keys, lists_equal, normalised


def allocated(case: Case) -> Ruling:
    """ST-20: allocatedResources ends equal to the requests of the new spec."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    faults = []
    for item in case.expectation.containers:
        shown = container_status(case.final_pod, item.name).get("allocatedResources")
        if item.allocated is not None and not lists_equal(shown, item.allocated):
            faults.append(
                Fault(
                    text=f"{case.where(item.name)}: allocatedResources is {_list(shown)}, "
                    f"expected {_list(item.allocated)}",
                    container=item.name,
                    reading="the node did not record the requests that it admitted",
                )
            )
    return Ruling(faults=tuple(faults), reading="allocatedResources equals the new requests")


def resources(case: Case) -> Ruling:
    """ST-21: status.resources ends equal to the resources of the new spec."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    faults = []
    for item in case.expectation.containers:
        shown = normalised(container_status(case.final_pod, item.name).get("resources"))
        for kind, name in changed_keys(shown, item.after):
            faults.append(
                Fault(
                    text=f"{case.where(item.name)}: status {kind}.{name} is "
                    f"{shown[kind].get(name, 'absent')}, expected "
                    f"{item.after[kind].get(name, 'absent')} "
                    f"(looked until {at(case.timeline.ended)})",
                    container=item.name,
                )
            )
    if not faults:
        time, deadline = step_times(case)["status"], case.expectation.deadline
        if time is not None and time > deadline:
            text = f"{case.timeline.pod}: status.resources followed at {at(time)}, "
            text += f"expected within {deadline:g} s"
            faults.append(Fault(text=text, reading="the status follows, but later than allowed"))
        return Ruling(faults=tuple(faults), reading=f"status.resources followed at {at(time)}")
    return Ruling(faults=tuple(faults))


def qos_and_restarts(case: Case) -> Ruling:
    """ST-27: one QoS class throughout; restartCount rises exactly as the policies say."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    faults = []
    expectation = case.expectation
    for t, pod in case.pods:
        shown = pod.get("status", {}).get("qosClass")
        if shown is not None and shown != expectation.qos_class:
            faults.append(
                Fault(
                    text=f"{case.timeline.pod}: status.qosClass is {shown} ({at(t)}), "
                    f"expected {expectation.qos_class}",
                    reading="the resize changed the QoS class",
                )
            )
            break
    for item in expectation.containers:
        count = int(container_status(case.final_pod, item.name).get("restartCount") or 0)
        wanted = item.restart_count + item.restarts
        if count != wanted:
            reading = (
                "the container was restarted more often than its resize policy asks"
                if count > wanted
                else "the container was not restarted although its resize policy asks for it"
            )
            faults.append(
                Fault(
                    text=f"{case.where(item.name)}: restartCount is {count}, expected {wanted}",
                    container=item.name,
                    reading=reading,
                )
            )
    restarts = sum(item.restarts for item in expectation.containers)
    reading = f"{expectation.qos_class} throughout; {restarts} restarts, as the policies say"
    return Ruling(faults=tuple(faults), reading=reading)


def _list(values: dict[str, str] | None) -> str:
    if values is None:
        return "absent"
    return ", ".join(f"{name} {value}" for name, value in sorted(values.items())) or "empty"


JUDGES: dict[str, Judge] = {
    "ST-20": allocated,
    "ST-21": resources,
    "ST-27": qos_and_restarts,
}
