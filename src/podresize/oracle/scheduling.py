"""What the scheduler counts of a pod that is on a node, and what another pod finds lacking there.

While a resize is under way a pod has up to three requests: what its spec asks for, what the kubelet
has allocated and what is in force. Which of them the scheduler looks at changed with the releases
(SCH-01), and so does what a resize reserves.

Pods with resources of their own (spec.resources) and claims on devices are not counted here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from packaging.version import Version

from podresize.oracle.cgroups import pod_amount
from podresize.oracle.change import CPU, MEMORY
from podresize.oracle.expectation import pending_reason
from podresize.oracle.pod_spec import all_containers
from podresize.oracle.progress import INFEASIBLE
from podresize.oracle.quantity import add, millicores, parse_quantity, whole_bytes
from podresize.oracle.resources import REQUESTS, Resources, amount, normalised
from podresize.oracle.versions import V1_32, V1_33, V1_37
from podresize.requirements.target import Fingerprint
from podresize.requirements.versions import parse_release

UNITS = {CPU: millicores, MEMORY: whole_bytes}
"""What the scheduler adds up, each in the unit in which it does."""
_ENDED = ("Succeeded", "Failed")
_Requests = dict[str, str]


def left(
    allocatable: Mapping[str, str], pods: Iterable[dict[str, Any]], fingerprint: Fingerprint
) -> dict[str, int]:
    """Return millicores and bytes that the node's ``pods`` leave; below zero when overcommitted."""
    counts = [counted(pod, fingerprint) for pod in pods if _is_counted(pod)]
    return {
        name: unit(parse_quantity(allocatable[name])) - sum(each[name] for each in counts)
        for name, unit in UNITS.items()
    }


def lacking(pod: dict[str, Any], room: Mapping[str, int]) -> list[str]:
    """Return the resources that a pod without a node asks for in vain; nothing when it fits.

    Its spec decides alone: no kubelet has seen it yet.
    """
    wanted = {name: unit(pod_amount(pod, {}, REQUESTS, name)) for name, unit in UNITS.items()}
    return [name for name in UNITS if wanted[name] and wanted[name] > room[name]]


def counted(pod: dict[str, Any], fingerprint: Fingerprint) -> dict[str, int]:
    """Return the millicores and bytes that the scheduler counts of a pod on a node.

    * 1.27 to 1.31: the larger of asked and allocated, container by container
    * 1.32: the larger of asked and in force
    * 1.33 to 1.36: the largest of the three
    * 1.37: the largest of the three sums over all containers (kubernetes#140047), which differs
      where containers of one pod move in opposite directions

    What an infeasible resize asks for is not looked at.
    """
    version = parse_release(fingerprint.kubernetes)
    if not fingerprint.gate:
        sums = _sums(pod, {})
    elif version >= V1_37:
        sums = _largest_sums(pod)
    else:
        sums = _sums(pod, _largest_by_container(pod, version))
    return {name: unit(sums[name]) for name, unit in UNITS.items()}


def _is_counted(pod: dict[str, Any]) -> bool:
    return bool(pod["spec"].get("nodeName")) and pod.get("status", {}).get("phase") not in _ENDED


def _largest_by_container(pod: dict[str, Any], version: Version) -> dict[str, Resources]:
    # Up to 1.32 no status but that of the regular containers is looked at.
    statuses = _statuses(pod, with_init=version >= V1_33)
    infeasible = pending_reason(pod) == INFEASIBLE
    found: dict[str, Resources] = {}
    for container in all_containers(pod):
        status = statuses.get(container["name"])
        if status is None or (version >= V1_32 and status.get("resources") is None):
            continue
        views = [] if infeasible else [_asked(container)]
        if version < V1_32 or version >= V1_33:
            views.append(status.get("allocatedResources") or {})
        if version >= V1_32:
            views.append(_in_force(status) or {})
        found[container["name"]] = {REQUESTS: _larger(views)}
    return found


def _largest_sums(pod: dict[str, Any]) -> dict[str, Decimal]:
    """Return the largest sum by resource; the pod's own status goes before that of containers."""
    infeasible = pending_reason(pod) == INFEASIBLE
    views = [] if infeasible else [_sums(pod, {})]
    status = pod.get("status", {})
    overall = (status.get("allocatedResources"), _in_force(status))
    if None not in overall:
        overhead = {REQUESTS: pod["spec"].get("overhead") or {}}
        views += [
            {
                name: add(_amount({REQUESTS: dict(each or {})}, name), _amount(overhead, name))
                for name in UNITS
            }
            for each in overall
        ]
    else:
        allocated, in_force = {}, {}
        statuses = _statuses(pod, with_init=True)
        for container in all_containers(pod):
            name, own = container["name"], statuses.get(container["name"], {})
            known = own.get("allocatedResources")
            if known is None:
                known = {} if infeasible else _asked(container)
            allocated[name] = {REQUESTS: dict(known)}
            in_force[name] = {REQUESTS: dict(known if _in_force(own) is None else _in_force(own))}
        views += [_sums(pod, allocated), _sums(pod, in_force)]
    return {name: max(view[name] for view in views) for name in UNITS}


def _sums(pod: dict[str, Any], resources: dict[str, Resources]) -> dict[str, Decimal]:
    return {name: pod_amount(pod, resources, REQUESTS, name) for name in UNITS}


def _statuses(pod: dict[str, Any], *, with_init: bool) -> dict[str, dict[str, Any]]:
    keys = ["containerStatuses"] + ["initContainerStatuses"] * with_init
    status = pod.get("status", {})
    return {item["name"]: item for key in keys for item in status.get(key) or ()}


def _asked(container: dict[str, Any]) -> _Requests:
    return normalised(container.get("resources"))[REQUESTS]


def _in_force(status: dict[str, Any]) -> Any:
    return (status.get("resources") or {}).get(REQUESTS)


def _larger(views: list[_Requests]) -> _Requests:
    names = {name for view in views for name in view}
    return {
        name: max((view[name] for view in views if name in view), key=parse_quantity)
        for name in names
    }


def _amount(resources: Resources, name: str) -> Decimal:
    return amount(resources, REQUESTS, name) or Decimal(0)
