"""Resources of the pod itself (KEP-2837) when it is resized (KEP-5419)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from packaging.version import Version

from podresize.oracle.cgroups import pod_amount
from podresize.oracle.json_value import copied, with_own
from podresize.oracle.model import Answer
from podresize.oracle.pod_spec import all_containers, containers, pod_resources
from podresize.oracle.quantity import format_cpu, format_memory
from podresize.oracle.resources import LIMITS, REQUESTS, amount, normalised
from podresize.oracle.versions import V1_35, V1_36, V1_37

_FORMATS = {"cpu": format_cpu, "memory": format_memory}


def with_pod_level(
    old: dict[str, Any], asked: dict[str, Any], new: dict[str, Any], version: Version
) -> dict[str, Any]:
    """Return ``new`` with the resources that ``asked`` has for the pod itself.

    From 1.37 on what is left out there follows from the containers, and resources that are left out
    as a whole stay as they are (gate PodLevelResourcesFixDefaulting).
    """
    result = with_own(new, "spec")
    if version < V1_36:
        return result
    wanted = asked["spec"].get("resources")
    if version >= V1_37 and wanted is None:
        return result
    result["spec"].pop("resources", None)
    if wanted is not None:
        result["spec"]["resources"] = copied(wanted)
    if version >= V1_37 and pod_resources(result) and len(containers(old)) == len(containers(new)):
        _default(result)
    return result


def _default(pod: dict[str, Any]) -> None:
    resources = normalised(pod["spec"]["resources"])
    for name, show in _FORMATS.items():
        total = pod_amount(pod, {}, REQUESTS, name)
        if name not in resources[REQUESTS] and total:
            resources[REQUESTS][name] = show(total)
        elif name not in resources[REQUESTS] and name in resources[LIMITS]:
            resources[REQUESTS][name] = resources[LIMITS][name]
        parts = [normalised(item.get("resources")) for item in all_containers(pod)]
        request = amount(resources, REQUESTS, name)
        limited = all(amount(part, LIMITS, name) is not None for part in parts)
        if name not in resources[LIMITS] and request is not None and limited:
            resources[LIMITS][name] = show(max(pod_amount(pod, {}, LIMITS, name), request))
    pod["spec"]["resources"] = resources


def pod_level_violations(
    old: dict[str, Any], new: dict[str, Any], version: Version
) -> Iterator[str]:
    """Yield what the validation of a resize refuses (API-39), as fragments of its words."""
    before, after = pod_resources(old), pod_resources(new)
    if not before and not after:
        return
    if version < V1_35:
        yield "pods with pod-level resources cannot be resized"
        return
    if version < V1_36:
        yield "resize of pods with pod-level resources is forbidden when"
        return
    if before and new["spec"].get("resources") is None:
        yield "pod-level resources cannot be removed"
    was, wanted = normalised(before), normalised(after)
    for kind in (REQUESTS, LIMITS):
        if was[kind].keys() - wanted[kind].keys():
            yield f"pod-level resource {kind} cannot be removed"
    for name in _FORMATS:
        whole, most = amount(wanted, REQUESTS, name), amount(wanted, LIMITS, name)
        if whole is not None and pod_amount(new, {}, REQUESTS, name) > whole:
            yield "must be greater than or equal to aggregate container requests of"
        limits = [
            amount(normalised(item.get("resources")), LIMITS, name) or Decimal(0)
            for item in containers(new)
        ]
        if most is not None and any(limit > most for limit in limits):
            yield "must be less than or equal to pod limits of"
        if most is not None and whole is not None and whole > most:
            yield f"must be less than or equal to {name} limit"


def refusals(old: dict[str, Any], new: dict[str, Any], version: Version) -> Iterator[Answer]:
    """Yield the violations as refusals."""
    for fragment in pod_level_violations(old, new, version):
        yield Answer(accepted=False, code=422, fragment=fragment, rule="API-39")
