"""The Events that speak of a resize: reading their messages and telling them apart."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from podresize.oracle.model import EventExpectation
from podresize.oracle.resources import Resources, normalised, resources_equal

PREFIX = "Resize"
"""How the reasons of all of them begin, and of no other Event on a pod."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the JSON in the message says; ``error`` is empty where it names none."""

    containers: dict[str, Resources]
    generation: int | None
    error: str


def is_about_resize(data: dict[str, Any]) -> bool:
    """Return whether an observed Event speaks of a resize."""
    return str(data.get("reason") or "").startswith(PREFIX)


def summary(message: str) -> Summary | None:
    """Return what follows the colon of ``Pod resize completed: {...}``; None where it is no JSON.

    The kubelet combines many similar Events and puts a note of it before the message.
    """
    start = message.find("{")
    try:
        raw = json.loads(message[start:]) if start >= 0 else None
    except ValueError:
        return None
    if not isinstance(raw, dict):
        return None
    containers = [*(raw.get("containers") or ()), *(raw.get("initContainers") or ())]
    return Summary(
        containers={
            str(item.get("name")): normalised(item.get("resources")) for item in containers
        },
        generation=raw.get("generation"),
        error=str(raw.get("error") or ""),
    )


def why_not(data: dict[str, Any], wanted: EventExpectation) -> str | None:
    """Return in what an observed Event differs from an expected one, None when in nothing."""
    if data.get("reason") != wanted.reason:
        return f"reason {data.get('reason')}"
    if data.get("type") != wanted.type:
        return f"type {data.get('type')}, expected {wanted.type}"
    message = str(data.get("message") or "")
    if wanted.containers is None:
        return None if wanted.error in message else f"message {message!r}"
    said = summary(message)
    if said is None:
        return f"message {message!r}, expected it to end in JSON"
    if said.generation != wanted.generation:
        return f"generation {said.generation}, expected {wanted.generation}"
    for name, resources in wanted.containers.items():
        if name not in said.containers:
            return f"no container {name}"
        if not resources_equal(said.containers[name], resources):
            return f"container {name} with {said.containers[name]}, expected {resources}"
    return None if wanted.error in said.error else f"error {said.error!r}"


def is_event(data: dict[str, Any], wanted: EventExpectation) -> bool:
    """Return whether an observed Event is an expected one."""
    return why_not(data, wanted) is None
