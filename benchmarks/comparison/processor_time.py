"""Whose processor time a run was: the harness's, or that of the clusters it started.

Sampled from /proc while the run goes on, because a finished process's time goes to whoever waited
for it: a cluster's would be added to the harness's. What a process used after its last sample is
not seen; at a sample a second that is little of a run of minutes.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from podresize.providers.local import state

_EVERY_SECONDS = 1.0
_TICKS = os.sysconf("SC_CLK_TCK")
# Fields of /proc/<pid>/stat after the program's name (proc(5)).
_PARENT, _USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM, _STARTED = 1, 11, 12, 13, 14, 19

Identity = tuple[int, int]
"""A process id and its start time in ticks."""


class ProcessorTime:
    """Follows the processes below one; use as a context manager while it runs."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._harness: dict[Identity, int] = {}
        self._clusters: dict[Identity, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> ProcessorTime:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def harness(self) -> float:
        """Seconds of pytest and its workers."""
        return sum(self._harness.values()) / _TICKS

    @property
    def clusters(self) -> float:
        """Seconds of control planes, nodes and pods, and of what holds them together."""
        return sum(self._clusters.values()) / _TICKS

    @property
    def number_of_clusters(self) -> int:
        """How many clusters the run started."""
        return len(self._clusters)

    def _follow(self) -> None:
        while not self._stop.wait(_EVERY_SECONDS):
            self._sample()

    def _sample(self) -> None:
        stats = dict(_stats())
        children: dict[int, list[int]] = {}
        for pid, fields in stats.items():
            children.setdefault(fields[_PARENT], []).append(pid)
        supervisors = {cluster.supervisor[0] for cluster in state.clusters()}
        waiting = [self._root]
        while waiting:
            pid = waiting.pop()
            if pid not in stats:
                continue
            identity = (pid, stats[pid][_STARTED])
            if pid in supervisors:
                # A cluster's processes wait for their own, so their sum with what they waited for
                # only grows; the last one seen before the end counts.
                used = _sum_of_tree(pid, stats, children)
                self._clusters[identity] = max(used, self._clusters.get(identity, 0))
            else:
                self._harness[identity] = stats[pid][_USER] + stats[pid][_SYSTEM]
                waiting += children.get(pid, ())


def _sum_of_tree(root: int, stats: dict[int, list[int]], children: dict[int, list[int]]) -> int:
    used = 0
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        waiting += children.get(pid, ())
        fields = stats[pid]
        used += sum(fields[at] for at in (_USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM))
    return used


def _stats() -> list[tuple[int, list[int]]]:
    """Return each process's numbers; the state, a letter, reads as 0."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                fields = (place / "stat").read_text().rpartition(")")[2].split()
                found.append((int(place.name), [0, *map(int, fields[1:20])]))
    return found
