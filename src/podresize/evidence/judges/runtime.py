"""What the runtime's ContainerStatus reports."""

from __future__ import annotations

from podresize.evidence.agreement import number
from podresize.evidence.case import Case
from podresize.evidence.judges.ruling import Fault, Ruling, at, refused_fault
from podresize.evidence.steps import step_times


def reports_resources(case: Case) -> Ruling:
    """CRI-03: resources are reported, from the start, and end at the new values."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    faults = []
    for item in case.expectation.containers:
        statuses = case.runtime(item.name)
        silent = next((t for t, status in statuses if status.get("resources") is None), None)
        if silent is not None:
            faults.append(
                Fault(
                    text=f"{case.where(item.name)}: ContainerStatus carries no resources "
                    f"({at(silent)}), expected them throughout",
                    container=item.name,
                )
            )
            continue
        reported = statuses[-1][1]["resources"]
        for name, allowed in item.runtime_after.items():
            if number(reported, name) not in allowed:
                wanted = " or ".join(map(str, allowed))
                faults.append(
                    Fault(
                        text=f"{case.where(item.name)}: the runtime reports {name} "
                        f"{number(reported, name)} (looked until {at(case.timeline.ended)}), "
                        f"expected {wanted}",
                        container=item.name,
                    )
                )
    return Ruling(faults=tuple(faults), reading=f"the runtime reports it at {_time(case)}")


def _time(case: Case) -> str:
    return at(step_times(case)["cri"])
