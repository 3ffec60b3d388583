"""The process as a witness: a container that was not restarted keeps its first process.

A pid alone can be used again; a pid together with its start time cannot. Both come from the kernel
and owe nothing to what the runtime or the kubelet say.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from podresize.evidence.kernel_observers import Processes
from podresize.evidence.recorder import Recorder
from podresize.evidence.timeline import Witness

RATE = 5.0
START_TIME_FIELD = 22  # proc(5), counted from 1


def start_ticks(stat: str) -> int:
    """Return the start time, in clock ticks since boot, from the text of ``/proc/<pid>/stat``.

    The second field is the command in parentheses and may hold spaces and parentheses itself, so
    the fields are counted from the last one.
    """
    after_command = stat.rpartition(")")[2].split()
    return int(after_command[START_TIME_FIELD - 3])


def first_process(cgroup: Path, *, proc: Path) -> dict[str, int | None]:
    """Return ``{"pid", "start_ticks"}`` of the oldest process in ``cgroup``.

    ``cgroup`` is a container's directory in any hierarchy; processes that moved to cgroups below it
    count. Both are None when it holds none. Equal start times are told apart by the lower pid.
    """
    found: list[tuple[int, int]] = []
    for pid in pids_below(cgroup):
        try:
            found.append((start_ticks((proc / str(pid) / "stat").read_text()), pid))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended between the two reads
    if not found:
        return {"pid": None, "start_ticks": None}
    ticks, oldest = min(found)
    return {"pid": oldest, "start_ticks": ticks}


def pids_below(cgroup: Path) -> list[int]:
    """Return the pids in a cgroup and in those below it, none of one that is gone."""
    pids: list[int] = []
    try:
        below = list(cgroup.glob("**/*/cgroup.procs"))
    except OSError:
        below = []  # the cgroup went away while it was searched
    for file in [cgroup / "cgroup.procs", *below]:
        try:
            pids += [int(line) for line in file.read_text().split()]
        except OSError:
            continue  # the cgroup is gone, or (v2, EOPNOTSUPP) a threaded one
    # 0 stands for a process that this pid namespace cannot see.
    return [pid for pid in pids if pid > 0]


class ProcessIdentity(Processes):
    """Records each container's first process when it is another one than before.

    ``cgroups`` maps a subject (``container/<name>``) to its cgroup directory, in one hierarchy;
    ``proc`` is a procfs mount in which the pids of ``cgroup.procs`` mean the same processes.
    """

    def __init__(
        self,
        cgroups: Mapping[str, Path],
        *,
        proc: Path,
        recorder: Recorder,
        rate: float = RATE,
    ) -> None:
        super().__init__(name="the containers' processes", recorder=recorder)
        self._cgroups = dict(cgroups)
        self._proc = proc
        self._interval = 1 / rate

    def follow(self, subject: str, cgroup: Path) -> None:
        """Look elsewhere for a subject from the next look on: its container was started anew."""
        # One assignment: the looking thread sees the old mapping or the new one.
        self._cgroups = {**self._cgroups, subject: cgroup}

    def _run(self) -> None:
        last: dict[str, dict[str, Any]] = {}
        stopped = False
        while True:
            for subject, cgroup in self._cgroups.items():
                identity = first_process(cgroup, proc=self._proc)
                if identity != last.get(subject):
                    last[subject] = identity
                    self.recorder.observe(Witness.PROCESS, subject, identity)
            self._looked()
            if stopped:
                return
            # One look after the stop was asked for: what changed until then was seen.
            stopped = self._stopping.wait(self._interval)
