"""What may go from the cache, and what stays because something uses it."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

from podresize.artifacts.artifact import Artifact
from podresize.artifacts.cache import Cache
from podresize.artifacts.entry import Entry
from podresize.artifacts.layout import Layout, remove_if_free, remove_tree

_DAY = 86_400.0
_IN_TURN_DAYS = 1.0
"""For so long two podresizes may be used in turn without making anew what the other has made."""
LOG_DAYS = 30.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was removed: entries, booted guests by name, and how many ``leftovers`` beside these.

    ``kept`` are entries that should have gone but whose programs are running.
    """

    entries: tuple[Entry, ...]
    kept: tuple[Entry, ...]
    leftovers: int
    guests: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The bytes of the removed entries; less is freed where two of them shared a file."""
        return sum(entry.size for entry in self.entries)


def prune(
    cache: Cache, *, older_than_days: float | None = None, everything: bool = False
) -> Pruned:
    """Remove leftovers of killed processes, and the entries that the arguments name.

    ``older_than_days`` counts from the last use of an entry or a guest. ``everything`` removes all
    of these, partial downloads, logs, fetched toolchains, compiled modules, and what was found of
    KVM. What a living process works on stays.
    """
    layout = cache.layout
    now = time.time()
    candidates = [
        entry
        for entry in cache.entries()
        if everything
        or (older_than_days is not None and now - entry.used_at > older_than_days * _DAY)
    ]
    running = _running_programs()
    kept = [e for e in candidates if any(p.is_relative_to(cache.directory(e)) for p in running)]
    for entry in candidates:
        if entry not in kept:
            cache.drop(entry)
    leftovers = len(layout.sweep()) + len(cache.drop_orphans())
    for path in layout.partial.iterdir():
        leftovers += remove_if_free(path)
    for log in layout.logs.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if everything or now - log.stat().st_mtime > LOG_DAYS * _DAY:
                log.unlink()
                leftovers += 1
    if everything:
        for toolchain in layout.toolchains.iterdir():
            remove_tree(toolchain)
            leftovers += 1
        if layout.bytecode.is_dir():
            remove_tree(layout.bytecode)
            leftovers += 1
    return Pruned(
        entries=tuple(entry for entry in candidates if entry not in kept),
        kept=tuple(kept),
        leftovers=leftovers,
        guests=tuple(_prune_guests(layout, now, older_than_days, everything=everything)),
    )


def drop_older(cache: Cache, newest: Artifact, *, series: str) -> list[Entry]:
    """Remove the other entries of a component whose version begins with ``series``; return them.

    What was used within a day stays, and what a process has open: a running guest its disks. Who
    asks for one that is gone has it made anew.
    """
    candidates = [
        entry
        for entry in cache.entries()
        if (entry.component, entry.arch, entry.source)
        == (newest.component, newest.arch, newest.source)
        and entry.version.startswith(series)
        and entry.version != newest.version
        and time.time() - entry.used_at > _IN_TURN_DAYS * _DAY
    ]
    opened = _open_files() if candidates else set()
    gone = [
        entry
        for entry in candidates
        if not any(path.is_relative_to(cache.directory(entry).resolve()) for path in opened)
    ]
    for entry in gone:
        cache.drop(entry)
    return gone


def _prune_guests(
    layout: Layout, now: float, older_than_days: float | None, *, everything: bool
) -> Iterator[str]:
    """Remove booted guests; a machine that goes on from one has its files open."""
    for directory in sorted(layout.guests.iterdir()) if layout.guests.is_dir() else ():
        if not directory.is_dir():
            if everything:
                directory.unlink(missing_ok=True)  # what was found of KVM: it is tried anew
            continue
        # What tells of a guest is touched whenever one goes on.
        used = 0.0
        with contextlib.suppress(FileNotFoundError):  # another process removes it
            for file in directory.iterdir():
                with contextlib.suppress(FileNotFoundError):
                    used = max(used, file.stat().st_mtime)
        is_old = older_than_days is not None and now - used > older_than_days * _DAY
        # One that a machine is just beginning with is locked.
        if (everything or is_old) and remove_if_free(directory):
            yield directory.name


def _running_programs() -> set[Path]:
    """Return the files that processes on this host execute, as far as we may look."""
    running = set()
    for link in Path("/proc").glob("[0-9]*/exe"):
        with contextlib.suppress(OSError):
            running.add(link.readlink())
    return running


def _open_files() -> set[Path]:
    """Return the files that processes on this host have open, as far as we may look."""
    opened = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            for link in (process / "fd").iterdir():
                with contextlib.suppress(OSError):
                    opened.add(link.readlink())
    return opened
