"""What was detected on two stacks, flattened to paths: where the values are not the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# What a reader asks for first.
_FIRST = (
    *("kubernetes", "kubelet", "runtime", "runtime_version"),
    *("oci_runtime", "oci_runtime_version", "gate", "podresize"),
)
ABSENT = "–"


def facets_of(
    left: Mapping[str, Any], right: Mapping[str, Any]
) -> tuple[tuple[str, str, str], ...]:
    """Return path, left and right of each value that differs, versions first.

    A path's parts are joined by slashes; of a list each item is a path, since its place in it says
    nothing.
    """
    ours, theirs = dict(_flat(left, "")), dict(_flat(right, ""))
    order = {name: place for place, name in enumerate(_FIRST)}
    return tuple(
        (path, ours.get(path, ABSENT), theirs.get(path, ABSENT))
        for path in sorted({*ours, *theirs}, key=lambda path: (order.get(path, len(order)), path))
        if ours.get(path) != theirs.get(path)
    )


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{path}/{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for item in value:
            if isinstance(item, (Mapping, list, tuple)):
                yield from _flat(item, path)
            else:
                yield f"{path}/{item}", "yes"
    else:
        yield path, str(value)
