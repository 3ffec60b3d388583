"""The kernel of a guest, through its agent: the other ``KernelView``."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from podresize.evidence.cgroup_paths import (
    DEEPEST,
    ContainerCgroups,
    PodCgroups,
    controllers,
    find_container_cgroups,
    find_pod_cgroups,
    possible_files,
    sandbox_place,
)
from podresize.evidence.cgroup_settings import CONTROLLERS, MOVING
from podresize.evidence.kernel_observers import Processes, Sampler
from podresize.evidence.recorder import Recorder
from podresize.guest.client import Agent
from podresize.guest.clock import GuestClock
from podresize.guest.observers import GuestProcesses, GuestSampler

# A container's cgroup is below its pod's, which may be at the deepest level that is searched; what
# is in it counts as well.
_DEPTH = DEEPEST + 3


class GuestKernel:
    """The kernel of a guest; all paths are the guest's. See ``KernelView``."""

    def __init__(
        self, agent: Agent, mounts: Mapping[str, Path], *, proc: Path = Path("/proc")
    ) -> None:
        """``mounts`` and ``proc`` are a node's ``cgroup_mounts`` and ``proc``, in the guest."""
        self.agent = agent
        self.clock = GuestClock(agent)
        self._mounts = mounts
        self._proc = proc

    @property
    def clock_ahead(self) -> float:
        """Seconds by which this host's monotonic clock is ahead of the guest's."""
        return self.clock.offset().seconds

    def time_of_day(self) -> float:
        """Return the guest's realtime clock, as it was when it answered."""
        return self.agent.ping().realtime

    def pod_cgroups(
        self, *, pod_uid: str, qos_class: str, container_ids: tuple[str, ...] = ()
    ) -> PodCgroups:
        """Find the cgroups of a pod and of its containers, in one look at the tree."""
        tree = self.agent.find(controllers(self._mounts).values(), depth=_DEPTH)
        return find_pod_cgroups(
            self._mounts,
            pod_uid=pod_uid,
            qos_class=qos_class,
            container_ids=container_ids,
            names=lambda directory: tree.get(str(directory), []),
        )

    def container_cgroups(
        self, hierarchies: Mapping[str, Path], *, parent: str, container_id: str
    ) -> ContainerCgroups:
        """Find the cgroups of a container, in one look at its sandbox's where it is in that."""
        roots = hierarchies.values()
        tree = _Tree(self.agent, [root / sandbox_place(parent) for root in roots], roots)
        return find_container_cgroups(
            hierarchies, parent=parent, container_id=container_id, names=tree.names
        )

    def resource_files(self, directories: Mapping[str, Path]) -> dict[str, Path]:
        """Return the files of one cgroup that a resize can write."""
        paths = possible_files(directories)
        return {path.name: path for path in itertools.compress(paths, self.agent.there(paths))}

    def settings(
        self, directories: Mapping[str, Path], prefixes: tuple[str, ...] = CONTROLLERS
    ) -> dict[str, str]:
        """Return everything that can be set in one cgroup."""
        return self.agent.settings(directories.values(), prefixes=prefixes, without=MOVING)

    def settings_of_each(
        self, places: Sequence[Mapping[str, Path]], prefixes: tuple[str, ...] = CONTROLLERS
    ) -> list[dict[str, str]]:
        """Return everything that can be set in each cgroup, asked for at once."""
        return self.agent.settings_of_each(
            [directories.values() for directories in places], prefixes=prefixes, without=MOVING
        )

    def sampler(self, files: Mapping[str, Mapping[str, Path]], *, recorder: Recorder) -> Sampler:
        """Return an observer of cgroup files."""
        return GuestSampler(files, agent=self.agent, clock=self.clock, recorder=recorder)

    def processes(self, cgroups: Mapping[str, Path], *, recorder: Recorder) -> Processes:
        """Return an observer of first processes."""
        return GuestProcesses(cgroups, agent=self.agent, clock=self.clock, recorder=recorder)

    def first_process(self, cgroup: Path) -> dict[str, int | None]:
        """Return the oldest process in a cgroup."""
        return self.agent.identity(cgroup)

    def pids(self, cgroup: Path) -> list[int]:
        """Return the pids in a cgroup and below."""
        return self.agent.pids(cgroup)

    def read(self, path: Path) -> str:
        """Return the text of a file."""
        return self.agent.read(path).decode(errors="replace")

    def write(self, path: Path, text: str) -> None:
        """Write into a file that is there."""
        self.agent.write_in_place(path, text.encode())

    def exists(self, path: Path) -> bool:
        """Return whether there is a file or directory."""
        return self.agent.there([path]) == [True]

    def files(self, directory: Path) -> list[str]:
        """Return the names of the files in a directory."""
        return sorted(each.name for each in self.agent.entries(directory) if each.kind == "file")

    def directories(self, directory: Path) -> list[str]:
        """Return the names of the directories in a directory."""
        return sorted(self.agent.find([directory], depth=0)[str(directory)])

    def process_file(self, pid: int, name: str) -> str:
        """Return the text of a process's file."""
        return self.read(self._proc / str(pid) / name)

    def open_files(self, pid: int) -> int:
        """Return how many files a process has open."""
        return len(self.agent.entries(self._proc / str(pid) / "fd"))

    def signal(self, pid: int, number: int) -> None:
        """Send a signal."""
        self.agent.signal(pid, number)


class _Tree:
    """Directories of the guest: some are asked for at once, the rest if one of them is wanted."""

    def __init__(self, agent: Agent, first: Iterable[Path], rest: Iterable[Path]) -> None:
        self._agent = agent
        self._found = agent.find(first, depth=_DEPTH)
        self._rest: list[Path] = list(rest)

    def names(self, directory: Path) -> list[str]:
        """Return the names of the directories in a directory: see ``Names``."""
        if str(directory) not in self._found and self._rest:
            rest, self._rest = self._rest, []
            self._found = self._agent.find(rest, depth=_DEPTH) | self._found
        return self._found.get(str(directory), [])
