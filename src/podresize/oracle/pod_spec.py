"""Raw pods read and compared as the apiserver compares them: by meaning, not by notation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from podresize.errors import UsageError
from podresize.oracle.json_value import with_own
from podresize.oracle.quantity import parse_quantity
from podresize.oracle.resources import KINDS, LIMITS, REQUESTS

CONTAINER_LISTS = ("containers", "initContainers")
_QUANTITY_MAPS = frozenset({REQUESTS, LIMITS})
_Value = Any


def containers(pod: Mapping[str, Any], key: str = "containers") -> list[dict[str, Any]]:
    """Return one list of the pod's containers; absent and null are empty."""
    found: list[dict[str, Any]] = pod["spec"].get(key) or []
    return found


def all_containers(pod: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the containers, then the init containers."""
    return [item for key in CONTAINER_LISTS for item in containers(pod, key)]


def is_sidecar(container: Mapping[str, Any]) -> bool:
    """Return whether an init container keeps running (KEP-753)."""
    return container.get("restartPolicy") == "Always"


def pod_resources(pod: Mapping[str, Any]) -> dict[str, Any]:
    """Return spec.resources (KEP-2837), empty when there are none."""
    found = pod["spec"].get("resources") or {}
    return found if any(found.get(kind) for kind in KINDS) else {}


def meaning(value: _Value) -> _Value:
    """Return a JSON value without notation: no null, no empty map or list, quantities as numbers.

    Quantities are what stands in ``requests`` and ``limits``, and ``sizeLimit``.
    """
    if isinstance(value, Mapping):
        found = {}
        for key, item in value.items():
            kept: Any
            if key in _QUANTITY_MAPS and isinstance(item, Mapping):
                kept = {name: _number(each) for name, each in item.items()}
            elif key == "sizeLimit":
                kept = _number(item)
            else:
                kept = meaning(item)
            if kept not in (None, {}, []):
                found[key] = kept
        return found
    if isinstance(value, list | tuple):
        return [meaning(item) for item in value]
    return value


def same(left: _Value, right: _Value) -> bool:
    """Return whether two JSON values mean the same to the apiserver."""
    # Most often they are alike to the letter, which costs far less to find out.
    return bool(left == right or meaning(left) == meaning(right))


def with_defaults(pod: Mapping[str, Any], old: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a copy in which each request that is missing beside a limit is that limit (API-11).

    Containers that are as they are in ``old`` are left alone: what is stored has its defaults.
    """
    result = with_own(dict(pod), "spec")
    stored = [] if old is None else all_containers(old)
    for container in all_containers(result):
        if container in stored:
            continue
        resources = container.get("resources") or {}
        if resources.get(LIMITS):
            resources[REQUESTS] = dict(resources[LIMITS]) | (resources.get(REQUESTS) or {})
    return result


def unreadable_quantity(pod: Mapping[str, Any]) -> str | None:
    """Return the first amount of a container that is no quantity, None when all are."""
    for text in _quantities(pod):
        try:
            parse_quantity(text)
        except UsageError:
            return str(text)
    return None


def _quantities(pod: Mapping[str, Any]) -> Iterator[Any]:
    for holder in [*all_containers(pod), pod["spec"]]:
        for kind in KINDS:
            yield from ((holder.get("resources") or {}).get(kind) or {}).values()


def _number(text: Any) -> Decimal | Any:
    try:
        return parse_quantity(text)
    except UsageError:
        return text
