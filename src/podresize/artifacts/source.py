"""What every source of artifacts is asked, and how it says no."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.progress import Progress


class SourcePassedOverError(Exception):
    """This source cannot deliver; the next one may. Not an error for a person by itself.

    ``reason`` is one line without a full stop. ``log_tail`` holds the last lines of a failed
    build, ``log`` where all of it is kept. Common causes: no network, no toolchain, a version
    that this source does not have.
    """

    def __init__(self, reason: str, *, log: Path | None = None, log_tail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.log = log
        self.log_tail = log_tail


class Fetcher(Protocol):
    """One way to files: download, module build, package, assembly."""

    @property
    def source(self) -> Source:
        """The name under which ``--source`` forces it and the cache keeps its files."""
        ...

    def version_for(self, component: Component, asked: str | None, *, arch: str) -> str:
        """Return the version this source would deliver, without a leading ``v``.

        ``asked`` is exact, or ``None`` for whatever the source prefers. Raises
        ``SourcePassedOverError`` where it has no such component or version. Fast: it may ask the
        OS's package lists, never a network.
        """
        ...

    def fetch(
        self, component: Component, version: str, *, arch: str, work: Path, progress: Progress
    ) -> dict[str, Path]:
        """Return verified files by program name, all inside ``work``, an empty directory.

        Raises ``SourcePassedOverError`` where it cannot, ``HostError`` where the host is at
        fault and no other source would fare better (a full disk).
        """
        ...
