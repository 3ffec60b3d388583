"""A container's resources as the raw JSON has them: ``{"requests": {...}, "limits": {...}}``.

Everything compares and looks up through here, so that "absent", "null" and "empty" mean one thing
and quantities are compared by value.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from podresize.errors import UsageError
from podresize.oracle.quantity import parse_quantity

Resources = dict[str, dict[str, str]]
REQUESTS = "requests"
LIMITS = "limits"
KINDS = (REQUESTS, LIMITS)


def normalised(raw: Any) -> Resources:
    """Return resources with both maps present and every quantity a text; None becomes empty."""
    found: Mapping[str, Any] = raw or {}
    return {
        kind: {str(name): str(value) for name, value in (found.get(kind) or {}).items()}
        for kind in KINDS
    }


def amount(resources: Resources, kind: str, name: str) -> Decimal | None:
    """Return one quantity, or None when the map has no such key."""
    text = (resources.get(kind) or {}).get(name)
    return None if text is None else parse_quantity(text)


def lists_equal(left: Mapping[str, Any] | None, right: Mapping[str, Any] | None) -> bool:
    """Return whether two resource lists hold the same keys with the same values."""
    left, right = left or {}, right or {}
    return left.keys() == right.keys() and all(
        same_quantity(left[name], right[name]) for name in left
    )


def resources_equal(left: Mapping[str, Any] | None, right: Mapping[str, Any] | None) -> bool:
    """Return whether two resources agree in requests and limits, by value."""
    left, right = left or {}, right or {}
    return all(lists_equal(left.get(kind), right.get(kind)) for kind in KINDS)


def same_quantity(left: Any, right: Any) -> bool:
    """Return whether two quantities have one value; what is no quantity equals only itself."""
    if left is None or right is None:
        return left is right
    if left == right:
        return True
    try:
        return parse_quantity(left) == parse_quantity(right)
    except UsageError:
        return False


def changed_keys(before: Resources, after: Resources) -> list[tuple[str, str]]:
    """Return the ``(kind, resource)`` pairs that differ, in a stable order."""
    return [
        (kind, name)
        for kind in KINDS
        for name in sorted({**(before.get(kind) or {}), **(after.get(kind) or {})})
        if not same_quantity(before.get(kind, {}).get(name), after.get(kind, {}).get(name))
    ]
