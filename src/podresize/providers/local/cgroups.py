"""The one cgroup a cluster owns in each hierarchy, and its removal.

The kubelet insists that its root exists before it starts; on cgroup v1 an empty ``cpuset`` would
keep every process out, so the parent's values are copied.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path

from podresize.errors import HostError

_V2_CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids", "hugetlb")


def create(name: str, *, version: int, mounts: dict[str, Path]) -> dict[str, Path]:
    """Make ``name`` in every hierarchy and return controller -> directory.

    Raises ``HostError`` when the host does not let controllers be delegated.
    """
    made: dict[str, Path] = {}
    for controller, mount_point in mounts.items():
        directory = mount_point / name
        directory.mkdir(exist_ok=True)
        if controller == "cpuset":
            for file in ("cpuset.cpus", "cpuset.mems"):
                (directory / file).write_text((mount_point / file).read_text())
        made[controller] = directory
    if version == 2:
        _delegate(mounts["unified"], made["unified"])
    return made


def _delegate(root: Path, directory: Path) -> None:
    available = set((root / "cgroup.controllers").read_text().split())
    wanted = [name for name in _V2_CONTROLLERS if name in available]
    try:
        for place in (root, directory):
            (place / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in wanted))
    except OSError as error:
        raise HostError(
            "the cgroup controllers cannot be handed to a child cgroup",
            value=str(root / "cgroup.subtree_control"),
            origin="the host",
            causes=(
                "this is a container whose processes sit in its cgroup root (EBUSY)",
                f"cgroup v2 is read-only here ({error.strerror})",
            ),
            next_command="docker run --privileged --cgroupns=host ...",
        ) from error


def pids(name: str) -> list[int]:
    """Return the processes in ``name`` and all below it, in any hierarchy."""
    found: set[int] = set()
    for place in places(name):
        for directory, _, _ in os.walk(place):
            with contextlib.suppress(OSError):  # it went away, or has threads alone
                words = (Path(directory) / "cgroup.procs").read_text().split()
                found.update(map(int, words))
    return sorted(found)


def places(name: str) -> list[Path]:
    """Return every directory called ``name`` directly below a mounted cgroup hierarchy."""
    found = set()
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, tail = line.partition(" - ")
        if tail.startswith(("cgroup ", "cgroup2 ")):
            directory = Path(fields.split()[4]) / name
            if directory.is_dir():
                found.add(directory)
    return sorted(found)


def remove(name: str, *, deadline: float) -> list[Path]:
    """Remove ``name`` and all below it in every hierarchy; return what is still there.

    ``deadline`` is a ``time.monotonic`` value: the kernel answers EBUSY until the last process
    that died in a cgroup is reaped, which nothing announces.
    """
    while True:
        for place in places(name):
            for directory, _, _ in os.walk(place, topdown=False):
                try:
                    Path(directory).rmdir()
                except OSError as error:
                    if error.errno not in (errno.EBUSY, errno.ENOENT, errno.ENOTEMPTY):
                        raise
        left = places(name)
        if not left or time.monotonic() > deadline:
            return left
        with contextlib.suppress(InterruptedError):
            time.sleep(0.02)
