"""Copies of JSON values: pods are copied many times for each expectation."""

from __future__ import annotations

from typing import Any, TypeVar

_Value = TypeVar("_Value")


def copied(value: _Value) -> _Value:
    """Return a JSON value whose maps and lists are not those of ``value``.

    Five times as fast as ``copy.deepcopy``, which looks for cycles and for ways that types have to
    copy themselves: what JSON can hold has neither.
    """
    return _copied(value)  # type: ignore[no-any-return]  # of the same type, part by part


def with_own(value: dict[str, Any], key: str) -> dict[str, Any]:
    """Return a map like ``value`` whose part under ``key`` may be changed; the rest is shared.

    What the apiserver makes of a pod concerns its spec, and most of a pod is something else.
    """
    return value | {key: copied(value[key])}


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_copied(each) for each in value]
    return value
