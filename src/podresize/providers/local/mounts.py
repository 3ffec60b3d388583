"""The cluster's mount namespace: what its processes may write, and where it really goes.

Kubernetes components have paths that no flag moves (``/var/log/pods``,
``/var/lib/kubelet/device-plugins``, ``/run/containerd/s``, ``/var/lib/cni``). Empty file systems
are laid over their parents, in this namespace only, so that two clusters do not meet there and the
host keeps nothing of it. Directories the cluster needs from below a covered one are bound back.
"""

from __future__ import annotations

import os
from pathlib import Path

from podresize.providers import linux

_COVERED = (Path("/run"), Path("/var/run"), Path("/var/lib"), Path("/var/log"))


def enter(*, keep: list[Path], memory_backed: list[Path], hidden: list[Path]) -> None:
    """Move this process into a mount namespace of its own and prepare it.

    ``keep`` stay what they are on the host; ``memory_backed`` become empty file systems in memory;
    what is mounted on ``hidden`` is not mounted here.
    The caller is the first process of a new PID namespace: ``/proc`` is mounted anew for it.
    """
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount("none", Path("/"), flags=linux.MS_REC | linux.MS_PRIVATE)
    for place in _COVERED:
        if place.is_dir() and not place.is_symlink():
            _cover(place, keep)
    for place in hidden:
        linux.unmount(place)
    for place in memory_backed:
        place.mkdir(parents=True, exist_ok=True)
        linux.mount("tmpfs", place, "tmpfs", data="mode=0700")
    linux.mount("proc", Path("/proc"), "proc")
    # Pods that ask for mount propagation need shared mounts; the peer group ends at this namespace.
    linux.mount("none", Path("/"), flags=linux.MS_REC | linux.MS_SHARED)


def _cover(place: Path, keep: list[Path]) -> None:
    below = [path for path in keep if path.is_relative_to(place)]
    handles = [(path, os.open(path, os.O_PATH)) for path in below]
    linux.mount("tmpfs", place, "tmpfs", data="mode=0755")
    for path, handle in handles:
        path.mkdir(parents=True, exist_ok=True)
        linux.mount(f"/proc/self/fd/{handle}", path, flags=linux.MS_BIND | linux.MS_REC)
        os.close(handle)
