"""How many inotify instances are left: a limit per user that few clusters exhaust.

A kubelet that gets none ends with "too many open files" in words that point elsewhere
(inotify(7), ``/proc/sys/fs/inotify/max_user_instances``; often 128).
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

# Measured with Kubernetes 1.27 and 1.37: 14 and 16.
INSTANCES_PER_CLUSTER = 16
# Measured with containerd 1.6.36 and 2.4.2, without a kubelet: 1 and 2.
INSTANCES_PER_RUNTIME = 2
_LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")


def free(proc: Path = Path("/proc"), limit: Path = _LIMIT) -> int:
    """Return how many more instances this user can have; 0 when the limit is reached.

    Counts the instances of this user's processes as ``proc`` shows them; one that several of them
    share counts for each.
    """
    used = 0
    for process in proc.iterdir():
        # Processes end meanwhile, and others' cannot be looked into.
        with contextlib.suppress(OSError):
            if process.name.isdigit() and process.stat().st_uid == os.geteuid():
                used += sum(_is_instance(entry) for entry in (process / "fd").iterdir())
    return max(0, int(limit.read_text()) - used)


def _is_instance(entry: Path) -> bool:
    with contextlib.suppress(OSError):
        return str(entry.readlink()) == "anon_inode:inotify"
    return False
