"""Runtimes as targets: brought up, found, removed.

A target without an endpoint is made here (``made``), one with it is somebody's that is there
(``given``). Either becomes a ``RuntimeHandle``.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from podresize.artifacts.artifact import Component
from podresize.artifacts.progress import Progress
from podresize.artifacts.store import get as get_artifact
from podresize.providers import host as hosts
from podresize.providers.child import Tell
from podresize.providers.local import starting, state
from podresize.providers.runtimes import given, made
from podresize.requirements.runtime_target import RuntimeHandle, RuntimeTarget

check_host = made.check_host
down = made.down
keep_logs = made.keep_logs


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FoundRuntime:
    """A runtime that was made on this host. ``handle`` is None while it starts, ``target`` what was
    asked for."""

    name: str
    is_alive: bool
    target: dict[str, Any]
    handle: RuntimeHandle | None


def check_target(target: RuntimeTarget) -> None:
    """Raise ``UsageError`` for a target that no host can run."""
    (made if target.is_made or target.alone else given).check_target(target)


def notes() -> list[str]:
    """Return what is done differently on this host, one sentence each."""
    return hosts.inspect().adaptations(kubernetes=False)


def gather(target: RuntimeTarget, *, progress: Progress | None = None) -> object:
    """Get every artifact that the target needs, building what is not in the cache."""
    if target.is_made:
        return made.gather(target, progress=progress)
    return get_artifact(Component.IMAGES, progress=progress)


def up(
    target: RuntimeTarget,
    *,
    name: str | None = None,
    owner: int | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> RuntimeHandle:
    """Return the target's runtime when it takes calls and has the image.

    ``owner`` is the process with which a made one ends, None to keep it until ``down``. ``tell`` is
    called with each step and its time in seconds since the call.
    """
    if target.is_made:
        return made.up(target, name=name, owner=owner, progress=progress, tell=tell)
    return given.up(target, owner=owner, progress=progress, tell=tell)


def end(handle: RuntimeHandle) -> None:
    """Remove what ``up`` made: the runtime, or what was brought into one that is there."""
    if handle.name is None:
        given.end(handle)
    else:
        made.down(handle.name)


def sweep() -> list[str]:
    """Remove what dead runtimes left; name them."""
    return starting.sweep()


def found() -> list[FoundRuntime]:
    """Return the runtimes that were made on this host, dead ones included, by name."""
    return [
        FoundRuntime(
            name=each.layout.name,
            is_alive=each.is_alive,
            target=each.target,
            handle=None if each.handle is None else RuntimeHandle.from_json(each.handle),
        )
        for each in state.clusters(state.RUNTIME)
    ]
