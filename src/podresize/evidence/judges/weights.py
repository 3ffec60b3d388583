"""cpu.weight of cgroup v2: two formulas turn shares into it, and none turns it back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from podresize.evidence.agreement import allows, container_status
from podresize.evidence.case import Case, distinct
from podresize.evidence.judges.ruling import (
    Fault,
    Judge,
    NothingToSayError,
    Ruling,
    at,
    refused_fault,
)
from podresize.oracle import conversions
from podresize.oracle.cgroups import container_shares
from podresize.oracle.change import CPU
from podresize.oracle.model import POD, ContainerExpectation, container_subject
from podresize.oracle.pod_level import pod_sums
from podresize.oracle.quantity import millicores, parse_quantity
from podresize.oracle.resources import REQUESTS, Resources, normalised

_FILE = "cpu.weight"


def weights(case: Case) -> Ruling:
    """KL-39: the pod's weight is the straight line's, a container's its OCI runtime's formula's.

    And nobody turns a weight back: no cpu request in the status, a container's or the pod's, is
    what a weight would be in millicores where that is another number than was ever asked for.
    """
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    subjects = [
        (container_subject(item.name), item, container_shares(item.after))
        for item in case.expectation.containers
        if _FILE in case.expectation.cgroups_after[container_subject(item.name)]
    ]
    if not subjects:
        raise NothingToSayError("there is no cpu.weight")
    faults: list[Fault] = []
    said = []
    pods = [(POD, None, _pod_shares(case))] if POD in case.expectation.cgroups_after else []
    for subject, item, shares in [*subjects, *pods]:
        found = _weight_fault(case, subject, item, shares)
        faults += found
        said.append(f"{subject} {case.cgroup(subject)[-1][1].get(_FILE)}")
    faults += _turned_back(case)
    return Ruling(faults=tuple(faults), reading=f"{_FILE} of {', '.join(said)}")


def _weight_fault(
    case: Case, subject: str, item: ContainerExpectation | None, shares: int
) -> list[Fault]:
    allowed = case.expectation.cgroups_after[subject][_FILE]
    t, files = case.cgroup(subject)[-1]
    value = files.get(_FILE, "")
    if allows(allowed, value):
        return []
    where = f"pod {case.timeline.pod}" if item is None else case.where(item.name)
    text = f"{where}: {_FILE} is {value or 'not there'} ({at(t)}), expected "
    text += " or ".join(f"{each.value} ({each.reason})" for each in allowed)
    other = {
        str(conversions.linear_weight(shares)): "the straight line",
        str(conversions.quadratic_weight(shares)): "the curve",
    }.get(value)
    reading = "the weight follows from no formula" if other is None else f"it is that of {other}"
    return [Fault(text=text, container=None if item is None else item.name, reading=reading)]


def _turned_back(case: Case) -> Iterator[Fault]:
    for item in case.expectation.containers:
        passed = [each.after[item.name] for each in case.expectation.passing]
        stages = [item.before, item.after, *passed]
        yield from _shown_turned_back(
            case,
            item.name,
            [(t, container_status(pod, item.name).get("resources")) for t, pod in case.pods],
            [each for stage in stages if (each := _cpu(stage)) is not None],
        )
    after = case.expectation.containers
    before = [dataclasses.replace(item, after=item.before) for item in after]
    yield from _shown_turned_back(
        case,
        None,
        [(t, pod.get("status", {}).get("resources")) for t, pod in case.pods],
        [each for sums in (before, after) if (each := _cpu(pod_sums(sums))) is not None],
    )


def _shown_turned_back(
    case: Case, name: str | None, shown: list[tuple[float, Any]], asked: list[int]
) -> Iterator[Fault]:
    """Yield one fault for the first cpu request that is a weight of one that was asked for."""
    wrong = {
        conversions.status_millicores_from_shares(
            conversions.shares_from_linear_weight(weight(conversions.cpu_shares(each)))
        ): each
        for each in asked
        for weight in (conversions.linear_weight, conversions.quadratic_weight)
    }
    for t, cpu in distinct((t, _cpu(normalised(each))) for t, each in shown):
        if cpu is None or cpu in asked or cpu not in wrong:
            continue
        where = f"pod {case.timeline.pod}" if name is None else case.where(name)
        yield Fault(
            text=f"{where}: status requests.cpu is {cpu}m ({at(t)}), a weight turned back, "
            f"expected {wrong[cpu]}m",
            container=name,
            reading="the status shows what a weight would be in millicores",
        )
        return


def _pod_shares(case: Case) -> int:
    return conversions.cpu_shares(_cpu(pod_sums(case.expectation.containers)) or 0)


def _cpu(resources: Resources) -> int | None:
    value = resources[REQUESTS].get(CPU)
    return None if value is None else millicores(parse_quantity(value))


JUDGES: dict[str, Judge] = {
    "KL-39": weights,
}
