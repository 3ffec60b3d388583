"""The directory in which every cluster of this host has one of its own, whoever made it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from podresize.errors import HostError


def state_root() -> Path:
    """Return the directory of all clusters: ``$PODRESIZE_STATE_DIR`` or ``/var/lib/podresize``.

    Not under the home directory: a Unix socket's path has room for 107 bytes (unix(7)). Without
    symbolic links, because mounts are laid over some of them (see ``local.mounts``).
    """
    return Path(os.environ.get("PODRESIZE_STATE_DIR") or "/var/lib/podresize").resolve()


@contextlib.contextmanager
def locked() -> Iterator[Path]:
    """Hold the lock on the state root, which exists while it is held."""
    root = state_root()
    while True:
        try:
            # Anyone may list the clusters; what is secret has modes of its own.
            root.mkdir(mode=0o755, parents=True, exist_ok=True)
            descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue  # removed between the two calls by the last cluster that left
        except OSError as error:
            raise not_writable(error, root) from error
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(descriptor).st_ino == root.stat().st_ino:
                break
        os.close(descriptor)
    try:
        yield root
    finally:
        os.close(descriptor)


def not_writable(error: OSError, root: Path) -> HostError:
    """Return the error for a state root that cannot be made or written."""
    likely = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk quota is used up",
        errno.EROFS: "the file system is mounted read-only",
        errno.EACCES: "not root",
        errno.EPERM: "not root",
    }
    return HostError(
        f"the directory for clusters cannot be written: {error.strerror}",
        value=str(root),
        origin="PODRESIZE_STATE_DIR" if "PODRESIZE_STATE_DIR" in os.environ else "the default",
        causes=(likely.get(error.errno or 0, "a part of the path is not a directory"),),
        next_command="PODRESIZE_STATE_DIR=/another/disk podresize doctor",
    )
