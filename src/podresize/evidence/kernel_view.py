"""The kernel of a node as a check reaches it, on whichever machine that kernel runs.

A node's processes and cgroups may be this host's own, or those of a guest that only its agent
reaches. Paths are the node's: what is below one of them is asked of the view, never of this host's
file system.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from podresize.evidence.cgroup_paths import (
    ContainerCgroups,
    PodCgroups,
    find_container_cgroups,
    find_pod_cgroups,
    names_here,
    resource_files,
)
from podresize.evidence.cgroup_sampler import FAST_RATE, CgroupSampler
from podresize.evidence.cgroup_settings import CONTROLLERS, settings
from podresize.evidence.kernel_observers import Processes, Sampler
from podresize.evidence.process_identity import ProcessIdentity, first_process, pids_below
from podresize.evidence.recorder import Recorder


class KernelView(Protocol):
    """The kernel of one node. What is not there raises ``FileNotFoundError`` unless it says else;
    a node that does not answer raises ``HarnessError``."""

    @property
    def clock_ahead(self) -> float:
        """Seconds by which this host's monotonic clock is ahead of the node's."""
        ...

    def time_of_day(self) -> float:
        """Return the node's realtime clock, in seconds since the epoch."""
        ...

    def pod_cgroups(
        self, *, pod_uid: str, qos_class: str, container_ids: tuple[str, ...] = ()
    ) -> PodCgroups:
        """Find the cgroups of a pod and of its containers, as ``find_pod_cgroups`` does."""
        ...

    def container_cgroups(
        self, hierarchies: Mapping[str, Path], *, parent: str, container_id: str
    ) -> ContainerCgroups:
        """Find the cgroups of a container without Kubernetes: see ``find_container_cgroups``."""
        ...

    def resource_files(self, directories: Mapping[str, Path]) -> dict[str, Path]:
        """Return file name -> path of what a resize can write in one cgroup, if it is there."""
        ...

    def settings(
        self, directories: Mapping[str, Path], prefixes: tuple[str, ...] = CONTROLLERS
    ) -> dict[str, str]:
        """Return everything that can be set in one cgroup, as ``cgroup_settings`` says."""
        ...

    def settings_of_each(
        self, places: Sequence[Mapping[str, Path]], prefixes: tuple[str, ...] = CONTROLLERS
    ) -> list[dict[str, str]]:
        """Return ``settings`` of each cgroup, read in this order."""
        ...

    def sampler(self, files: Mapping[str, Mapping[str, Path]], *, recorder: Recorder) -> Sampler:
        """Return an observer that samples cgroup files at full rate to its end."""
        ...

    def processes(self, cgroups: Mapping[str, Path], *, recorder: Recorder) -> Processes:
        """Return an observer of the first process of each container's cgroup."""
        ...

    def first_process(self, cgroup: Path) -> dict[str, int | None]:
        """Return ``{"pid", "start_ticks"}`` of the oldest process in a cgroup, or two None."""
        ...

    def pids(self, cgroup: Path) -> list[int]:
        """Return the pids in a cgroup and in those below it, none of one that is gone."""
        ...

    def read(self, path: Path) -> str:
        """Return the text of a file."""
        ...

    def write(self, path: Path, text: str) -> None:
        """Write into a file that is there, in place: a cgroup's takes it as one write."""
        ...

    def exists(self, path: Path) -> bool:
        """Return whether there is a file or directory."""
        ...

    def files(self, directory: Path) -> list[str]:
        """Return the names of the files, not the directories, in a directory, sorted."""
        ...

    def directories(self, directory: Path) -> list[str]:
        """Return the names of the directories in a directory, sorted; none of one that is gone."""
        ...

    def process_file(self, pid: int, name: str) -> str:
        """Return the text of ``/proc/<pid>/<name>``."""
        ...

    def open_files(self, pid: int) -> int:
        """Return how many files a process has open."""
        ...

    def signal(self, pid: int, number: int) -> None:
        """Send a signal. Raises ``ProcessLookupError`` when there is no such process."""
        ...


class HostKernel:
    """The kernel of this host, on which the node's processes run."""

    clock_ahead = 0.0

    def __init__(self, mounts: Mapping[str, Path], *, proc: Path) -> None:
        """``mounts`` and ``proc`` are a node's ``cgroup_mounts`` and ``proc``."""
        self._mounts = mounts
        self._proc = proc

    def time_of_day(self) -> float:
        """Return this host's realtime clock."""
        return time.time()

    def pod_cgroups(
        self, *, pod_uid: str, qos_class: str, container_ids: tuple[str, ...] = ()
    ) -> PodCgroups:
        """Find the cgroups of a pod and of its containers."""
        return find_pod_cgroups(
            self._mounts, pod_uid=pod_uid, qos_class=qos_class, container_ids=container_ids
        )

    def container_cgroups(
        self, hierarchies: Mapping[str, Path], *, parent: str, container_id: str
    ) -> ContainerCgroups:
        """Find the cgroups of a container without Kubernetes."""
        return find_container_cgroups(hierarchies, parent=parent, container_id=container_id)

    def resource_files(self, directories: Mapping[str, Path]) -> dict[str, Path]:
        """Return the files of one cgroup that a resize can write."""
        return resource_files(directories)

    def settings(
        self, directories: Mapping[str, Path], prefixes: tuple[str, ...] = CONTROLLERS
    ) -> dict[str, str]:
        """Return everything that can be set in one cgroup."""
        return settings(directories, prefixes)

    def settings_of_each(
        self, places: Sequence[Mapping[str, Path]], prefixes: tuple[str, ...] = CONTROLLERS
    ) -> list[dict[str, str]]:
        """Return everything that can be set in each cgroup."""
        return [settings(directories, prefixes) for directories in places]

    def sampler(self, files: Mapping[str, Mapping[str, Path]], *, recorder: Recorder) -> Sampler:
        """Return an observer of cgroup files."""
        return CgroupSampler(files, recorder=recorder, slow_rate=FAST_RATE)

    def processes(self, cgroups: Mapping[str, Path], *, recorder: Recorder) -> Processes:
        """Return an observer of first processes."""
        return ProcessIdentity(cgroups, proc=self._proc, recorder=recorder)

    def first_process(self, cgroup: Path) -> dict[str, int | None]:
        """Return the oldest process in a cgroup."""
        return first_process(cgroup, proc=self._proc)

    def pids(self, cgroup: Path) -> list[int]:
        """Return the pids in a cgroup and below."""
        return pids_below(cgroup)

    def read(self, path: Path) -> str:
        """Return the text of a file."""
        return path.read_text(errors="replace")

    def write(self, path: Path, text: str) -> None:
        """Write into a file that is there."""
        # Without O_CREAT: a file that a kernel lacks is not made.
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)

    def exists(self, path: Path) -> bool:
        """Return whether there is a file or directory."""
        return path.exists()

    def files(self, directory: Path) -> list[str]:
        """Return the names of the files in a directory."""
        return sorted(path.name for path in directory.iterdir() if path.is_file())

    def directories(self, directory: Path) -> list[str]:
        """Return the names of the directories in a directory."""
        return sorted(names_here(directory))

    def process_file(self, pid: int, name: str) -> str:
        """Return the text of a process's file."""
        return self.read(self._proc / str(pid) / name)

    def open_files(self, pid: int) -> int:
        """Return how many files a process has open."""
        return sum(1 for _ in (self._proc / str(pid) / "fd").iterdir())

    def signal(self, pid: int, number: int) -> None:
        """Send a signal."""
        os.kill(pid, number)
