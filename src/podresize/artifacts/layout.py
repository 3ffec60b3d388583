"""Where things lie in the cache, and how a file gets there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from podresize.artifacts.progress import human_size
from podresize.errors import HostError

_CHUNK = 1 << 20


class Layout:
    """The directories of one cache.

    ``objects/<2 hex>/<sha256>`` holds the bytes, ``entries/<component>/<version>/<arch>/<source>``
    the same files under their programs' names (hard links, so that they can go on a ``PATH``),
    ``index/`` one JSON file per entry, ``tmp/`` work that is not finished, ``partial/`` downloads
    that can be resumed, ``logs/`` builds, ``bytecode/`` compiled Python modules, ``guests/``
    virtual machines that were booted once, ``locks/`` and ``toolchains/`` what they say.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or default_root()
        self.objects = self.root / "objects"
        self.entries = self.root / "entries"
        self.index = self.root / "index"
        self.tmp = self.root / "tmp"
        self.partial = self.root / "partial"
        self.logs = self.root / "logs"
        self.locks = self.root / "locks"
        self.toolchains = self.root / "toolchains"
        self.bytecode = self.root / "bytecode"
        self.guests = self.root / "guests"

    def make(self) -> None:
        """Create the directories. Raises ``HostError`` where the cache cannot be written."""
        try:
            for directory in (
                *(self.objects, self.entries, self.index, self.tmp),
                *(self.partial, self.logs, self.locks, self.toolchains),
            ):
                directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise host_error(error, self.root) from error

    @contextlib.contextmanager
    def work(self, name: str) -> Iterator[Path]:
        """Yield an empty directory in the cache's file system; it is gone afterwards.

        A lock held on it says that its owner lives: what a killed process leaves behind is
        recognised by that lock being free (``sweep``). Raises ``HostError`` on a full disk.
        """
        self.make()
        try:
            with contextlib.ExitStack() as stack:
                # Between the directory's creation and its lock no sweep may look at it.
                with locked(self._tmp_lock()):
                    path = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.tmp))
                    stack.callback(remove_tree, path)
                    stack.enter_context(locked(path))
                yield path
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                raise host_error(error, self.root) from error
            raise

    def sweep(self) -> list[Path]:
        """Remove what dead processes left in ``tmp/`` and return it; the living keep theirs."""
        if not self.tmp.is_dir():
            return []
        self.make()
        with locked(self._tmp_lock()):
            return [path for path in sorted(self.tmp.iterdir()) if remove_if_free(path)]

    def _tmp_lock(self) -> Path:
        path = self.locks / "tmp.lock"
        path.touch()
        return path


def default_root() -> Path:
    """Return ``$XDG_CACHE_HOME/podresize``, by default ``~/.cache/podresize``.

    A relative ``XDG_CACHE_HOME`` is ignored, as the XDG base directory specification demands.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "podresize"


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock on an existing file or directory while the block runs; the kernel frees it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def remove_if_free(path: Path) -> bool:
    """Remove a file or directory on which no living process holds a lock; say whether."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        remove_tree(path)
        return not path.exists()
    finally:
        os.close(descriptor)


def remove_tree(path: Path) -> None:
    """Remove a file or directory; module caches are read-only, so directories are opened first.

    One in which something is mounted stays: what a killed process has mounted there may be the
    host's own, and would be deleted with it.
    """
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    whole = path.resolve()
    if any(place.is_relative_to(whole) for place in mounted()):
        return
    for directory, _, _ in os.walk(path):
        with contextlib.suppress(OSError):
            Path(directory).chmod(0o700)
    shutil.rmtree(path, ignore_errors=True)


def mounted() -> list[Path]:
    """Return where something is mounted, as far as this process sees it."""
    try:
        lines = Path("/proc/self/mountinfo").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    # proc(5): the fifth field, in which blanks and the like are octal.
    places = (line.split(" ")[4] for line in lines)
    return [
        Path(re.sub(r"\\(\d{3})", lambda found: chr(int(found[1], 8)), place)) for place in places
    ]


def sha256_of(path: Path) -> str:
    """Return the hex digest of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sync(path: Path) -> None:
    """Make a file or directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, text: str) -> None:
    """Put a text at a path whole or not at all: another file, made durable, renamed."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync(path.parent)


def host_error(error: OSError, root: Path) -> HostError:
    """Return what a person should read of a file system that refuses."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = shutil.disk_usage(root if root.exists() else root.parent).free
        return HostError(
            f"The disk that holds the cache is full ({human_size(free)} free).",
            value=str(root),
            origin="XDG_CACHE_HOME" if os.environ.get("XDG_CACHE_HOME") else "the cache",
            causes=(
                "a Kubernetes release takes about 400 MiB, its build about 3 GiB beside it",
                "versions that are no longer used lie in the cache",
            ),
            next_command="podresize artifacts prune --older-than 30",
        )
    return HostError(
        f"The cache cannot be written: {error.strerror}.",
        value=str(root),
        origin="XDG_CACHE_HOME" if os.environ.get("XDG_CACHE_HOME") else "the home directory",
        next_command="XDG_CACHE_HOME=/var/tmp/cache podresize artifacts list",
    )
