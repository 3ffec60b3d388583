"""What may go from the cache, and what stays because something uses it."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from pathlib import Path

from podresize.artifacts.cache import Cache
from podresize.artifacts.entry import Entry
from podresize.artifacts.layout import remove_if_free, remove_tree

_DAY = 86_400.0
LOG_DAYS = 30.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was removed: entries, and the number of other files and directories (``leftovers``).

    ``kept`` are entries that should have gone but whose programs are running.
    """

    entries: tuple[Entry, ...]
    kept: tuple[Entry, ...]
    leftovers: int

    @property
    def size(self) -> int:
        """The bytes of the removed entries; less is freed where two of them shared a file."""
        return sum(entry.size for entry in self.entries)


def prune(
    cache: Cache, *, older_than_days: float | None = None, everything: bool = False
) -> Pruned:
    """Remove leftovers of killed processes, and the entries that the arguments name.

    ``older_than_days`` counts from an entry's last use. ``everything`` removes all entries,
    partial downloads, logs, fetched toolchains and compiled modules. What a living process works
    on stays.
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
    )


def _running_programs() -> set[Path]:
    """Return the files that processes on this host execute, as far as we may look."""
    running = set()
    for link in Path("/proc").glob("[0-9]*/exe"):
        with contextlib.suppress(OSError):
            running.add(link.readlink())
    return running
