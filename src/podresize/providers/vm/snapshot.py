"""Guests that were booted once and kept: a memory, a disk, and how slow the machine is.

A kept guest is of everything that it was booted with, so whatever differs makes another. It is made
by one process at a time while others wait, and found as a whole or not at all. It is nobody's: it
has no keys, no names and nothing of a cluster.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from podresize.artifacts.layout import Layout as CacheLayout
from podresize.artifacts.layout import locked, remove_if_free, remove_tree
from podresize.errors import HarnessError
from podresize.providers.vm.machine import Machine, kernel_arguments
from podresize.providers.vm.parts import Parts

MEMORY, SCRATCH, FACTS = "memory", "scratch.qcow2", "kept.json"
_LAYOUT = 4
"""Counts changes of what is kept, or of what is done to a guest before it is: measured, too."""
_KEPT_AT_MOST = 6
"""About 350 MiB each: the oldest go first, by their last use."""
_CPUINFO = Path("/proc/cpuinfo")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A booted guest on the disk.

    ``slowness`` is ``Fingerprint.slowness``; ``steps`` are what its making did, with the seconds
    since its beginning.
    """

    directory: Path
    slowness: float
    steps: tuple[tuple[str, float], ...] = ()

    @property
    def memory(self) -> Path:
        """Its memory and its devices' state, as QEMU wrote them."""
        return self.directory / MEMORY

    @property
    def scratch(self) -> Path:
        """What it had written to its disk: to be a backing file."""
        return self.directory / SCRATCH

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {
            "directory": str(self.directory),
            "slowness": self.slowness,
            "steps": [list(step) for step in self.steps],
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Kept:
        """Rebuild from ``to_json``."""
        return cls(
            directory=Path(raw["directory"]),
            slowness=float(raw["slowness"]),
            steps=tuple((str(name), float(at)) for name, at in raw["steps"]),
        )


def key_of(
    machine: Machine, parts: Parts, digests: Mapping[Path, str], *, cpuinfo: Path = _CPUINFO
) -> str:
    """Return what equal guests have in common, as a name for a directory.

    ``digests`` are those of the files that the cache knows, whose parts are the same when they were
    removed and made again.
    """
    files = (
        *(parts.qemu.system, parts.kernel.image, parts.kernel.initrd, parts.kernel.modules),
        *(parts.os, parts.scratch, parts.node),
    )
    told: dict[str, Any] = {
        "layout": _LAYOUT,
        "machine": dataclasses.asdict(machine),
        "arguments": kernel_arguments(machine),
        # A kept disk names its backing file, so the place counts as well.
        "files": [[str(file), *_content(file, digests)] for file in files],
    }
    # Its slowness is this processor's; and where it has it for its own, it will miss what another
    # one lacks, and what KVM wrote it reads again only as it was (host kernel).
    told["processor"] = _processor(cpuinfo)
    if not machine.is_emulated:
        told["host"] = os.uname().release
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _content(file: Path, digests: Mapping[Path, str]) -> tuple[str] | tuple[int, int]:
    """Return what says what is in a file: its digest, else its size and its time."""
    if file in digests:
        return (digests[file],)
    there = file.stat()
    return there.st_size, there.st_mtime_ns


def find(key: str, cache: CacheLayout) -> Kept | None:
    """Return the kept guest of this key, None where there is none or it is not as it was kept."""
    directory = _root(cache) / key
    try:
        raw = json.loads((directory / FACTS).read_text())
        for name in (MEMORY, SCRATCH):
            if (directory / name).stat().st_size != raw["sizes"][name]:
                return None
        kept = Kept.from_json(raw | {"directory": str(directory)})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    with contextlib.suppress(OSError):
        os.utime(directory / FACTS)  # for who removes the oldest
    return kept


@contextlib.contextmanager
def in_use(kept: Kept) -> Iterator[None]:
    """Keep a guest from being removed while a machine begins to go on from it.

    Later the machine has its files open, and does not mind. Raises ``HarnessError`` for one that is
    gone.
    """
    descriptor = _lock_shared(kept.directory)
    try:
        if not (kept.directory / FACTS).exists():
            raise _gone(kept.directory)
        yield
    finally:
        os.close(descriptor)


def _lock_shared(directory: Path) -> int:
    """Return a descriptor with a lock on what is at this path, also where that was just replaced.

    Raises ``HarnessError`` where there is nothing.
    """
    while True:
        try:
            descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise _gone(directory) from error
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), directory.stat()):
                return descriptor
        os.close(descriptor)


def forget(kept: Kept) -> None:
    """Have a guest not be found again, as one that did not go on; who begins with it may end so."""
    (kept.directory / FACTS).unlink(missing_ok=True)


def _gone(directory: Path) -> HarnessError:
    return HarnessError(
        "a guest that was kept is gone",
        value=str(directory),
        causes=("somebody removed it from the cache at this moment",),
        next_command="podresize cluster up --provider vm",
    )


def store(key: str, made: Kept, cache: CacheLayout) -> Kept:
    """Take a guest out of the directory in which it was made; return it as it is kept.

    It takes the place of one of the same key once no machine is beginning with that: one that had
    the disk of one and the memory of the other would break. Raises ``HostError`` where the disk is
    full; nothing of it is kept then.
    """
    root = _root(cache)
    with cache.work("guest") as work:
        draft = work / key
        draft.mkdir()
        for name, file in ((MEMORY, made.memory), (SCRATCH, made.scratch)):
            shutil.copyfile(file, draft / name)
            _sync(draft / name)
        sizes = {name: (draft / name).stat().st_size for name in (MEMORY, SCRATCH)}
        (draft / FACTS).write_text(json.dumps(made.to_json() | {"sizes": sizes}, indent=1))
        _sync(draft / FACTS)
        root.mkdir(exist_ok=True)
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(FileNotFoundError):
                stack.enter_context(locked(root / key))
            remove_tree(root / key)
            draft.rename(root / key)
    _sync(root)
    _remove_oldest(root)
    kept = find(key, cache)
    if kept is None:
        raise _gone(root / key)
    return kept


def _root(cache: CacheLayout) -> Path:
    return cache.guests


def _remove_oldest(root: Path) -> None:
    """Remove the guests that were not used for longest; one that runs has its files open."""
    used = {each: _last_used(each) for each in root.iterdir() if each.is_dir()}
    for directory in sorted(used, key=lambda each: used[each])[:-_KEPT_AT_MOST]:
        remove_if_free(directory)


def _last_used(directory: Path) -> float:
    try:
        return (directory / FACTS).stat().st_mtime
    except OSError:
        return 0.0  # one that was forgotten, or is of no use


def _processor(cpuinfo: Path) -> str:
    lines = cpuinfo.read_text().splitlines()
    of_x86, of_arm = ("model name", "microcode", "flags"), ("CPU ", "Features")
    wanted = (*of_x86, *of_arm)
    found = [line for line in lines if line.startswith(wanted)]
    return "\n".join(dict.fromkeys(found))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
