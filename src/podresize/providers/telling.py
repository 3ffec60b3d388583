"""What a supervisor's process tells the one that asked for the cluster: JSON lines, and errors."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any

from podresize.errors import HarnessError, HostError, PodresizeError, UsageError

_KINDS: tuple[type[PodresizeError], ...] = (UsageError, HostError, HarnessError)


def teller(descriptor: int) -> Callable[[dict[str, Any]], None]:
    """Return a function that writes events as JSON lines with their monotonic time."""

    def tell(event: dict[str, Any]) -> None:
        line = json.dumps(event | {"t": time.monotonic()}) + "\n"
        os.write(descriptor, line.encode())

    return tell


def to_event(error: PodresizeError) -> dict[str, Any]:
    """Return the ``failed`` event that tells of ``error``."""
    return {
        "event": "failed",
        "kind": next((kind.__name__ for kind in _KINDS if isinstance(error, kind)), None),
        "what": error.what,
        "value": error.value,
        "origin": error.origin,
        "causes": list(error.causes),
        "next_command": error.next_command,
    }


# As ``Init`` says it of a component.
_KILLED = " ended with -9"


def from_event(event: dict[str, Any]) -> PodresizeError:
    """Return the error that a ``failed`` event tells of, with the tails of the logs it carries."""
    kinds = {kind.__name__: kind for kind in _KINDS}
    kind = kinds.get(event.get("kind") or "", HarnessError)
    logs: dict[str, list[str]] = event.get("logs", {})
    tails = [f"{name}: {line}" for name, lines in logs.items() for line in lines]
    causes = tuple(event.get("causes", ()))
    if tails:
        causes += ("\n      ".join(["the last lines of its log:", *tails]),)
    if event["what"].endswith(_KILLED):
        causes += ("it was killed: by somebody, or for want of memory (free -m, dmesg)",)
    return kind(
        event["what"],
        value=event.get("value"),
        origin=event.get("origin"),
        causes=causes,
        next_command=event.get("next_command") or "podresize doctor",
    )
