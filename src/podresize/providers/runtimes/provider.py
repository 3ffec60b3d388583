"""Runtimes as targets: brought up, found, removed.

A target without an endpoint is made here, of this host's processes (``made``) or in a virtual
machine (``guest``); one with it is somebody's that is there (``given``). Each becomes a
``RuntimeHandle``.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Protocol

from podresize.artifacts.artifact import Component
from podresize.artifacts.progress import Progress
from podresize.artifacts.store import get as get_artifact
from podresize.providers.child import Tell
from podresize.providers.host import Host
from podresize.providers.local import starting, state
from podresize.providers.runtimes import given, made
from podresize.requirements.runtime_target import RuntimeHandle, RuntimeTarget

down = made.down


class Maker(Protocol):
    """A module that makes runtimes."""

    def check_target(self, target: RuntimeTarget) -> None:
        """Raise ``UsageError`` for a target that no host can run."""
        ...

    def check_host(self) -> Host:
        """Return the host's facts, or raise ``HostError``."""
        ...

    def notes(self, *, accelerator: str | None = None) -> list[str]:
        """Return what is done differently on this host, one sentence each: see ``Provider``."""
        ...

    def gather(self, target: RuntimeTarget, *, progress: Progress | None = None) -> object:
        """Get every artifact that the target needs."""
        ...

    def up(
        self,
        target: RuntimeTarget,
        *,
        name: str | None = None,
        owner: int | None = None,
        progress: Progress | None = None,
        tell: Tell | None = None,
    ) -> RuntimeHandle:
        """Start a runtime and return when it takes calls and has the images."""
        ...

    def keep_logs(self, handle: RuntimeHandle, directory: Path) -> None:
        """Copy one file per component into a directory that is made."""
        ...


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
    if target.is_made or target.alone:
        _maker(in_guest=target.is_in_guest).check_target(target)
    else:
        given.check_target(target)


def check_host(target: RuntimeTarget) -> Host:
    """Return the host's facts, or raise ``HostError`` with what keeps the target from starting."""
    return _maker(in_guest=target.is_in_guest).check_host()


def notes(target: RuntimeTarget, *, accelerator: str | None = None) -> list[str]:
    """Return what is done differently on this host, one sentence each.

    ``accelerator`` is what runs its guest, None where that is not known yet.
    """
    maker = _maker(in_guest=target.is_in_guest)
    return maker.notes(accelerator=accelerator or target.accelerator)


def gather(target: RuntimeTarget, *, progress: Progress | None = None) -> object:
    """Get every artifact that the target needs, building what is not in the cache."""
    if target.is_made:
        return _maker(in_guest=target.is_in_guest).gather(target, progress=progress)
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
        maker = _maker(in_guest=target.is_in_guest)
        return maker.up(target, name=name, owner=owner, progress=progress, tell=tell)
    return given.up(target, owner=owner, progress=progress, tell=tell)


def end(handle: RuntimeHandle) -> None:
    """Remove what ``up`` made: the runtime, or what was brought into one that is there."""
    if handle.name is None:
        given.end(handle)
    else:
        made.down(handle.name)


def keep_logs(handle: RuntimeHandle, directory: Path) -> None:
    """Copy one file per component into a directory that is made. Raises ``OSError``."""
    _maker(in_guest=handle.agent is not None).keep_logs(handle, directory)


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


def _maker(*, in_guest: bool) -> Maker:
    """Return who makes runtimes: most runs need nothing of what makes guests."""
    if not in_guest:
        return made
    from podresize.providers.runtimes import guest

    return guest
