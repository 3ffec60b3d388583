"""What the namespace and the node allow: LimitRange, ResourceQuota, the node's allocatable.

These are admission plugins, so a refusal is a 403. ``with_limit_defaults`` goes before validation,
the rest after it, in the order of kubernetes pkg/kubeapiserver/options/plugins.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from podresize.oracle.cgroups import pod_amount
from podresize.oracle.json_value import with_own
from podresize.oracle.model import Answer
from podresize.oracle.pod_spec import all_containers, pod_resources
from podresize.oracle.quantity import (
    add,
    format_cpu,
    format_memory,
    millicores,
    parse_quantity,
    whole_bytes,
)
from podresize.oracle.resize_rules import COUNTED, refused
from podresize.oracle.resources import KINDS, LIMITS, REQUESTS, Resources, amount, normalised

_Objects = tuple[dict[str, Any], ...]


def with_limit_defaults(pod: dict[str, Any], limit_ranges: _Objects) -> dict[str, Any]:
    """Return the pod with what its namespace puts into containers that lack it (API-51)."""
    result = with_own(pod, "spec")
    for limit in _limits(limit_ranges, "Container"):
        for container in all_containers(result):
            # The maps are made in any case, as the plugin does.
            resources = container.setdefault("resources", {}) or {}
            container["resources"] = resources
            for kind, key in ((LIMITS, "default"), (REQUESTS, "defaultRequest")):
                resources[kind] = dict(limit.get(key) or {}) | dict(resources.get(kind) or {})
    return result


def limit_violation(pod: dict[str, Any], limit_ranges: _Objects) -> Answer | None:
    """Return the refusal that a LimitRange makes of the whole pod, None when it fits (API-50)."""
    for limit in _limits(limit_ranges, "Container"):
        for container in all_containers(pod):
            for text in _beyond(limit, normalised(container.get("resources"))):
                return refused(403, "API-50", text)
    for limit in _limits(limit_ranges, "Pod"):
        for text in _beyond(limit, _sums(pod)):
            return refused(403, "API-50", text)
    return None


def capacity_violation(pod: dict[str, Any], allocatable: Mapping[str, str]) -> Answer | None:
    """Return the refusal of more than the node has (API-41), None when it fits."""
    texts = []
    for name, show in (("cpu", millicores), ("memory", whole_bytes)):
        wanted, most = request_of(pod, name), parse_quantity(allocatable.get(name, "0"))
        if wanted > most:
            texts.append(f"{name}, requested: {show(wanted)}, allocatable: {show(most)}")
    if not texts:
        return None
    fragment = "node didn't have enough allocatable resources: " + "; ".join(texts)
    return refused(403, "API-41", fragment)


def quota_violation(old: dict[str, Any], new: dict[str, Any], quotas: _Objects) -> Answer | None:
    """Return the refusal of more than a quota leaves (API-52), None when there is room.

    A quota without a status, or with scopes, is not looked at.
    """
    before, after = quota_usage(old), quota_usage(new)
    for quota in quotas:
        hard = quota.get("status", {}).get("hard") or {}
        used = quota.get("status", {}).get("used") or {}
        if quota.get("spec", {}).get("scopes") or quota.get("spec", {}).get("scopeSelector"):
            continue
        delta = {
            name: add(after[name], -before[name])
            for name in sorted(hard)
            if name in after and after[name] != before[name] and name in used
        }
        exceeded = [
            name
            for name, more in delta.items()
            if add(parse_quantity(used[name]), more) > parse_quantity(hard[name])
        ]
        if exceeded:
            asked = ",".join(f"{name}={_show(name, delta[name])}" for name in exceeded)
            had = ",".join(f"{name}={used[name]}" for name in exceeded)
            limited = ",".join(f"{name}={hard[name]}" for name in exceeded)
            fragment = (
                f"exceeded quota: {quota['metadata']['name']}, requested: {asked}, used: {had}, "
                f"limited: {limited}"
            )
            return refused(403, "API-52", fragment)
    return None


def request_of(pod: dict[str, Any], name: str) -> Decimal:
    """Return what the pod requests of one resource; pod-level resources go first."""
    whole = amount(normalised(pod_resources(pod)), REQUESTS, name)
    return pod_amount(pod, {}, REQUESTS, name) if whole is None else whole


def quota_usage(pod: dict[str, Any]) -> dict[str, Decimal]:
    """Return what the pod uses of a quota, by its names: ``cpu``, ``requests.cpu``, ...."""
    found: dict[str, Decimal] = {}
    for name in COUNTED:
        # The greater of what is asked for and what is in force counts, in each container.
        request = pod_amount(pod, _greater(pod, name), REQUESTS, name)
        found |= {name: request, f"requests.{name}": request}
        found[f"limits.{name}"] = pod_amount(pod, _greater(pod, name), LIMITS, name)
    return found


def _limits(limit_ranges: _Objects, kind: str) -> Iterator[dict[str, Any]]:
    for limit_range in limit_ranges:
        for limit in limit_range.get("spec", {}).get("limits") or ():
            if limit.get("type") == kind:
                yield limit


def _beyond(limit: dict[str, Any], resources: Resources) -> Iterator[str]:
    per = f"usage per {limit['type']} is"
    for name, least in sorted((limit.get("min") or {}).items()):
        if name not in resources[REQUESTS]:
            yield f"minimum {name} {per} {least}.  No request is specified"
        yield from _compared(f"minimum {name} {per}", least, name, resources, _is_less)
    for name, most in sorted((limit.get("max") or {}).items()):
        if name not in resources[LIMITS]:
            yield f"maximum {name} {per} {most}.  No limit is specified"
        yield from _compared(f"maximum {name} {per}", most, name, resources, _is_more)
    for name, most in sorted((limit.get("maxLimitRequestRatio") or {}).items()):
        request, top = amount(resources, REQUESTS, name), amount(resources, LIMITS, name)
        if not request or not top or top / request > parse_quantity(most):
            yield f"{name} max limit to request ratio per {limit['type']} is {most}"


def _compared(
    what: str,
    bound: str,
    name: str,
    resources: Resources,
    is_beyond: Callable[[Decimal, Decimal], bool],
) -> Iterator[str]:
    kinds = KINDS if is_beyond is _is_less else KINDS[::-1]
    for kind in kinds:
        value = amount(resources, kind, name)
        if value is not None and is_beyond(value, parse_quantity(bound)):
            yield f"{what} {bound}, but {kind[:-1]} is {resources[kind][name]}"


def _is_less(value: Decimal, bound: Decimal) -> bool:
    return value < bound


def _is_more(value: Decimal, bound: Decimal) -> bool:
    return value > bound


def _sums(pod: dict[str, Any]) -> Resources:
    show = {"cpu": format_cpu, "memory": format_memory}
    return {
        kind: {name: show[name](pod_amount(pod, {}, kind, name)) for name in COUNTED}
        for kind in KINDS
    }


def _greater(pod: dict[str, Any], name: str) -> dict[str, Resources]:
    status = pod.get("status", {})
    in_force = {
        item["name"]: normalised(item.get("resources"))
        for key in ("containerStatuses", "initContainerStatuses")
        for item in status.get(key) or ()
    }
    result = {}
    for container in all_containers(pod):
        wanted = normalised(container.get("resources"))
        actual = in_force.get(container["name"], normalised(None))
        for kind in KINDS:
            asked, has = amount(wanted, kind, name), amount(actual, kind, name)
            if asked is not None and has is not None and has > asked:
                wanted[kind][name] = actual[kind][name]
        result[container["name"]] = wanted
    return result


def _show(name: str, value: Decimal) -> str:
    return format_memory(value) if name.endswith("memory") else format_cpu(value)
