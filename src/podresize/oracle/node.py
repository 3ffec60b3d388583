"""What the node makes of a resize that the apiserver accepted: grant, defer, or call it infeasible.

The order of the questions is the kubelet's: is this kind of pod resized at all, do the policies of
the node allow it (KL-50 to KL-52), can it ever fit (KL-02), does it fit now (KL-03).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from packaging.version import Version

from podresize.oracle.cgroups import pod_whole
from podresize.oracle.change import CPU, MEMORY
from podresize.oracle.quantity import millicores, parse_quantity, whole_bytes
from podresize.oracle.resources import KINDS, LIMITS, REQUESTS, Resources, amount, normalised
from podresize.oracle.surroundings import NOTHING_KNOWN, Surroundings
from podresize.oracle.versions import V1_32, V1_33, V1_34, V1_36
from podresize.requirements.model import Outcome
from podresize.requirements.target import Fingerprint
from podresize.requirements.versions import parse_release

_MIRROR = "kubernetes.io/config.mirror"
_UNITS: dict[str, Callable[[Decimal], int]] = {CPU: millicores, MEMORY: whole_bytes}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """``why`` is a fragment of the reason that the API shows, empty where none is shown.

    ``rule`` is the id of the requirement that decides, empty when granted.
    """

    outcome: Outcome
    why: str = ""
    rule: str = ""


GRANTED = Decision(outcome=Outcome.GRANTED)


def decide(
    old: dict[str, Any],
    new: dict[str, Any],
    fingerprint: Fingerprint,
    surroundings: Surroundings = NOTHING_KNOWN,
) -> Decision:
    """Return the node's decision about the stored pod ``new``, whose allocation is that of ``old``.

    All containers and resources are decided together (KL-01). A node of whose room nothing is known
    has enough of it.
    """
    pairs = list(_pairs(old, new))
    if all(before == after for _, before, after in pairs):
        return GRANTED
    version = parse_release(fingerprint.kubernetes)
    return (
        _kind_of_pod(new, version)
        or _policies(old, pairs, version, fingerprint)
        or _swap(old, pairs, version, surroundings)
        or _room(old, new, version, surroundings)
        or GRANTED
    )


def _kind_of_pod(pod: dict[str, Any], version: Version) -> Decision | None:
    """Pods that the kubelet never resizes (ST-17). Of static ones it is asked from 1.33 to 1.35."""
    annotations = pod.get("metadata", {}).get("annotations") or {}
    if V1_33 <= version < V1_36 and _MIRROR in annotations:
        return _infeasible("ST-17", "In-place resize of static-pods is not supported")
    if version >= V1_32 and (pod["spec"].get("os") or {}).get("name") == "windows":
        text = "In-place pod resize is not supported on Windows"
        return _infeasible("ST-17", text if version >= V1_33 else "Resizing Windows pods")
    return None


def _policies(
    old: dict[str, Any],
    pairs: list[tuple[dict[str, Any], Resources, Resources]],
    version: Version,
    fingerprint: Fingerprint,
) -> Decision | None:
    """Managers that hand out whole CPUs and NUMA nodes to Guaranteed pods (KL-50, KL-51).

    Up to 1.31 nobody asks them; 1.32 asks the CPU manager alone (its question about memory compares
    two spellings); from 1.34 on each is asked only when its own resource's requests change.
    """
    if version < V1_32 or qos_of(old) != "Guaranteed":
        return None
    managers = (
        ("KL-50", CPU, "CPU", fingerprint.cpu_manager_policy == "static", V1_32),
        ("KL-51", MEMORY, "Memory", fingerprint.memory_manager_policy == "Static", V1_33),
    )
    for rule, resource, name, is_static, since in managers:
        if not is_static or version < since:
            continue
        alongside = f"Resize is infeasible for Guaranteed Pods alongside {name} Manager"
        if version < V1_34:
            return _infeasible(rule, f"{alongside} static policy")
        if any(
            _request(before, resource) != _request(after, resource) for _, before, after in pairs
        ):
            policy = "static" if resource == CPU else "Static"
            return _infeasible(rule, f'{alongside} policy "{policy}"')
    return None


def _swap(
    old: dict[str, Any],
    pairs: list[tuple[dict[str, Any], Resources, Resources]],
    version: Version,
    surroundings: Surroundings,
) -> Decision | None:
    """A container's swap follows from its memory request and cannot be set again (KL-52)."""
    if version < V1_33 or not surroundings.swaps or qos_of(old) != "Burstable":
        return None
    for container, before, after in pairs:
        restarts = any(
            item["resourceName"] == MEMORY and item["restartPolicy"] == "RestartContainer"
            for item in container.get("resizePolicy") or ()
        )
        moved = _request(before, MEMORY) != _request(after, MEMORY)
        if moved and not restarts and (_may_swap(before) or _may_swap(after)):
            return _infeasible("KL-52", "In-place resize of containers with swap is not supported.")
    return None


def _may_swap(resources: Resources) -> bool:
    request = _request(resources, MEMORY)
    return bool(request) and request != amount(resources, LIMITS, MEMORY)


def is_mirror(pod: dict[str, Any]) -> bool:
    """Return whether the kubelet made the object, for a static pod that it runs by itself."""
    return _MIRROR in (pod["metadata"].get("annotations") or {})


def _room(
    old: dict[str, Any], new: dict[str, Any], version: Version, surroundings: Surroundings
) -> Decision | None:
    """The node's allocatable, and what of it the other pods' allocations leave (KL-02, KL-03)."""
    if surroundings.allocatable is None:
        return None
    whole = {name: parse_quantity(surroundings.allocatable[name]) for name in (CPU, MEMORY)}
    wanted, held = (
        {name: pod_whole(pod, {}, REQUESTS, name) or Decimal(0) for name in whole}
        for pod in (new, old)
    )
    # From 1.36 on the apiserver has refused it (API-41); past it, it is waited for.
    if version < V1_36:
        for name in whole:
            if wanted[name] > whole[name]:
                text = "Node didn't have enough capacity: "
                text += f"{name}, requested: {_UNITS[name](wanted[name])}"
                return _infeasible("KL-02", text if version >= V1_32 else "")
    for name in whole:
        left = whole[name] - parse_quantity(surroundings.others.get(name, "0"))
        if wanted[name] > max(held[name], left):
            text = "Node didn't have enough resource: "
            text += f"{name}, requested: {_UNITS[name](wanted[name])}"
            return Decision(
                outcome=Outcome.DEFERRED, why=text if version >= V1_32 else "", rule="KL-03"
            )
    return None


def qos_of(pod: dict[str, Any]) -> str:
    """Return the QoS class of a raw pod by its containers (kubernetes v1qos.GetPodQOS)."""
    stated = pod.get("status", {}).get("qosClass")
    if stated:
        return str(stated)
    found = [normalised(item.get("resources")) for item in _containers(pod)]
    if not any(amount(item, kind, name) for item in found for kind in KINDS for name in _UNITS):
        return "BestEffort"
    guaranteed = all(
        amount(item, LIMITS, name) and amount(item, LIMITS, name) == _request(item, name)
        for item in found
        for name in _UNITS
    )
    return "Guaranteed" if guaranteed else "Burstable"


def _infeasible(rule: str, why: str) -> Decision:
    return Decision(outcome=Outcome.INFEASIBLE, why=why, rule=rule)


def _request(resources: Resources, name: str) -> Decimal | None:
    return amount(resources, REQUESTS, name)


def _containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]


def _pairs(
    old: dict[str, Any], new: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], Resources, Resources]]:
    """Yield each container with its resources before and after."""
    before = {item["name"]: normalised(item.get("resources")) for item in _containers(old)}
    for container in _containers(new):
        after = normalised(container.get("resources"))
        yield container, before.get(container["name"], after), after
