"""What the apiserver validates of a resize, and what it takes from one without a word.

``kept`` and ``violation`` are for the resize subresource (1.32 and later), ``update_violation`` for
the pod itself. Where several rules are broken the apiserver names them all; the one returned is the
most particular.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from packaging.version import Version

from podresize.oracle.json_value import copied, with_own
from podresize.oracle.model import Answer
from podresize.oracle.pod_level_rules import refusals, with_pod_level
from podresize.oracle.pod_spec import (
    CONTAINER_LISTS,
    all_containers,
    containers,
    is_sidecar,
    pod_resources,
    same,
)
from podresize.oracle.resources import KINDS, LIMITS, REQUESTS, Resources, amount, normalised
from podresize.oracle.versions import V1_32, V1_33, V1_34, V1_35, V1_36

MIRROR = "kubernetes.io/config.mirror"
COUNTED = ("cpu", "memory")
_FREE_FIELDS = ("activeDeadlineSeconds", "tolerations", "schedulingGates")


def refused(code: int, rule: str, fragment: str) -> Answer:
    """Return a refusal with the id of the requirement that it follows from."""
    return Answer(accepted=False, code=code, fragment=fragment, rule=rule)


def kept(old: dict[str, Any], new: dict[str, Any], version: Version) -> dict[str, Any]:
    """Return what the resize subresource looks at: ``old`` with the new resources (API-06).

    Where the sets of containers differ nothing is dropped, so that validation sees it (API-25).
    """
    if any(len(containers(old, key)) != len(containers(new, key)) for key in CONTAINER_LISTS):
        return new
    result = with_own(old, "spec")
    lists = CONTAINER_LISTS if version >= V1_33 else CONTAINER_LISTS[:1]
    for key in lists:
        mine, theirs = containers(result, key), containers(new, key)
        if any(
            one.get("name") != other.get("name") for one, other in zip(mine, theirs, strict=True)
        ):
            result["spec"][key] = copied(theirs)
            continue
        for one, other in zip(mine, theirs, strict=True):
            for field in ("resources", "resizePolicy"):
                one.pop(field, None)
                if field in other:
                    one[field] = copied(other[field])
    return with_pod_level(old, new, result, version)


def violation(old: dict[str, Any], new: dict[str, Any], version: Version) -> Answer | None:
    """Return the refusal of a resize through the subresource, None when it is valid."""
    if MIRROR in (old.get("metadata", {}).get("annotations") or {}):
        return refused(422, "API-26", "static pods cannot be resized")
    if (old["spec"].get("os") or {}).get("name") == "windows":
        return refused(422, "API-27", "windows pods cannot be resized")
    for found in _violations(old, new, version):
        return found
    return None


def _violations(old: dict[str, Any], new: dict[str, Any], version: Version) -> Iterator[Answer]:
    if not _node_supports_it(old):
        yield refused(422, "API-36", "Pod running on node without support for resize")
    yield from refusals(old, new, version)
    yield from _container_set(old, new)
    yield from invalid_resources(new)
    for key in CONTAINER_LISTS:
        for before, after in zip(containers(old, key), containers(new, key), strict=False):
            if key == "initContainers" and not (is_sidecar(before) or version >= V1_36):
                if not same(before, after):
                    yield refused(
                        422, "API-28", "resources for non-sidecar init containers are immutable"
                    )
                continue
            yield from _of_container(before, after, version)
            yield from _of_the_rest(before, after, key, version)
    was = old.get("status", {}).get("qosClass") or pod_qos(old)
    if was != pod_qos(new):
        fragment = "Pod QOS Class may not change as a result of resizing"
        yield refused(422, "API-20", fragment)


def update_violation(
    old: dict[str, Any], new: dict[str, Any], version: Version, *, gate: bool
) -> Answer | None:
    """Return the refusal of an update of the pod itself, None when it is valid.

    Up to 1.31, with the gate, cpu and memory of its containers may change this way (API-01).
    """
    fields = "pod updates may not change fields other than"
    may_resize = gate and version < V1_32
    rule = "API-03"
    if version < V1_32:
        rule = "PR-42" if gate else "API-05"
    if any(len(containers(old, key)) != len(containers(new, key)) for key in CONTAINER_LISTS):
        return refused(422, rule, "pod updates may not add or remove containers")
    for found in invalid_resources(new):
        return found
    if may_resize and pod_qos(old) != pod_qos(new):
        return refused(422, "API-20", "Pod QoS is immutable")
    masked = _without_free_fields(old, new)
    if may_resize:
        for before, after in zip(containers(old), containers(masked), strict=True):
            after["resources"] = _masked(before, after, keeps_absent=True)
        fields = "`spec.containers[*].resources` (for CPU/memory only)"
    if any(
        not same(before.get("resizePolicy"), after.get("resizePolicy"))
        for before, after in zip(containers(old), containers(masked), strict=True)
    ):
        return refused(422, "API-32" if may_resize else rule, fields)
    if not same(old["spec"], masked["spec"]):
        only_volumes = same(old["spec"] | {"volumes": []}, masked["spec"] | {"volumes": []})
        return refused(422, "API-43" if only_volumes and may_resize else rule, fields)
    return None


def invalid_resources(pod: dict[str, Any]) -> Iterator[Answer]:
    """Yield what the validation of every pod refuses in its containers' resources (API-35)."""
    for container in all_containers(pod):
        resources = normalised(container.get("resources"))
        for name in sorted({**resources[REQUESTS], **resources[LIMITS]}):
            request, limit = amount(resources, REQUESTS, name), amount(resources, LIMITS, name)
            if any((amount(resources, kind, name) or 0) < 0 for kind in KINDS):
                yield refused(422, "API-35", "must be greater than or equal to 0")
            if "/" in name:
                if request is not None and limit is None:
                    yield refused(422, "API-35", "Limit must be set for non overcommitable")
                elif request != limit and request is not None:
                    yield refused(422, "API-35", f"must be equal to {name} limit")
            elif request is not None and limit is not None and request > limit:
                yield refused(422, "API-35", f"must be less than or equal to {name} limit")


def qos_class(containers: list[Resources]) -> str:
    """Return Guaranteed, Burstable or BestEffort (kubernetes pkg/apis/core/v1/helper/qos).

    Only cpu and memory count and zero counts as absent. Init containers belong to the list.
    """
    guaranteed = True
    anything = False
    for resources in containers:
        for name in COUNTED:
            request = amount(resources, REQUESTS, name) or None
            limit = amount(resources, LIMITS, name) or None
            anything = anything or request is not None or limit is not None
            guaranteed = guaranteed and limit is not None and request == limit
    if not anything:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def pod_qos(pod: dict[str, Any]) -> str:
    """Return the class that follows from the spec; resources of the pod itself go first."""
    if pod_resources(pod):
        return qos_class([normalised(pod_resources(pod))])
    return qos_class([normalised(item.get("resources")) for item in all_containers(pod)])


def _node_supports_it(pod: dict[str, Any]) -> bool:
    for status in pod.get("status", {}).get("containerStatuses") or ():
        if "running" in (status.get("state") or {}):
            return status.get("resources") is not None
    return True


def _container_set(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Answer]:
    for key in CONTAINER_LISTS:
        before, after = containers(old, key), containers(new, key)
        if len(before) != len(after):
            yield refused(422, "API-25", f"{key} may not be added or removed on resize")
        elif [item.get("name") for item in before] != [item.get("name") for item in after]:
            yield refused(422, "API-25", f"{key} may not be renamed or reordered on resize")


def _of_container(
    before: dict[str, Any], after: dict[str, Any], version: Version
) -> Iterator[Answer]:
    was, wanted = normalised(before.get("resources")), normalised(after.get("resources"))
    for kind in KINDS:
        if _lost(was[kind], wanted[kind]):
            yield refused(422, "API-22", f"resource {kind} cannot be removed")
    old_limit, new_limit = amount(was, LIMITS, "memory"), amount(wanted, LIMITS, "memory")
    in_place = policies_of(after).get("memory") != "RestartContainer"
    if V1_33 <= version < V1_34 and in_place and new_limit is not None:
        unless = "unless resizePolicy is RestartContainer"
        if old_limit is None:
            yield refused(422, "API-24", f"memory limits cannot be added {unless}")
        elif new_limit < old_limit:
            yield refused(422, "API-24", f"memory limits cannot be decreased {unless}")


def _of_the_rest(
    before: dict[str, Any], after: dict[str, Any], key: str, version: Version
) -> Iterator[Answer]:
    """Yield what is wrong with anything but cpu and memory of one container."""
    fragment = "only cpu and memory resources are mutable"
    if key == "initContainers" and version >= V1_36:
        fragment = "only cpu and memory resources for init or sidecar containers are mutable"
    elif key == "initContainers":
        fragment = "only cpu and memory resources for sidecar containers are mutable"
    masked = after | {"resources": _masked(before, after, keeps_absent=version < V1_35)}
    if version >= V1_33 and not same(before.get("resizePolicy"), after.get("resizePolicy")):
        yield refused(422, "API-32", fragment)
    if not same(
        {field: value for field, value in before.items() if field != "resizePolicy"},
        {field: value for field, value in masked.items() if field != "resizePolicy"},
    ):
        yield refused(422, "API-21", fragment)
    restarts = "RestartContainer" in policies_of(after).values()
    if key == "initContainers" and not is_sidecar(after) and restarts and not same(before, after):
        fragment = "non-sidecar init containers with a resize policy of RestartContainer"
        yield refused(422, "API-28", fragment)


def policies_of(container: dict[str, Any]) -> dict[str, str]:
    """Return the container's resizePolicy by resource; what it does not name is NotRequired."""
    return {
        item["resourceName"]: item["restartPolicy"]
        for item in container.get("resizePolicy") or ()
        if "resourceName" in item and "restartPolicy" in item
    }


def _masked(before: dict[str, Any], after: dict[str, Any], *, keeps_absent: bool) -> dict[str, Any]:
    """Return the resources after, with cpu and memory as they were before.

    ``keeps_absent``: where there was no map at all nothing that is put there is seen (API-21).
    """
    result = dict(after.get("resources") or {})
    for kind in KINDS:
        old = (before.get("resources") or {}).get(kind)
        if old is None and keeps_absent:
            result.pop(kind, None)
            continue
        values = {
            name: value for name, value in (result.get(kind) or {}).items() if name not in COUNTED
        }
        was = old or {}
        result[kind] = values | {name: was[name] for name in COUNTED if name in was}
    return result


def _without_free_fields(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return ``new`` with the fields of the spec that any update may change as they were."""
    result = with_own(new, "spec")
    for key in CONTAINER_LISTS:
        for before, after in zip(containers(old, key), containers(result, key), strict=True):
            after.pop("image", None)
            if "image" in before:
                after["image"] = before["image"]
    for field in _FREE_FIELDS:
        result["spec"].pop(field, None)
        if field in old["spec"]:
            result["spec"][field] = old["spec"][field]
    return result


def _lost(before: dict[str, str], after: dict[str, str]) -> bool:
    return bool(before.keys() - after.keys())
