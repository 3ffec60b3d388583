"""What the life of a cluster hangs on: processes that must not end, and being asked to stop."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Mapping, Sequence

from podresize.providers import linux

Process = tuple[int, int]
"""A pid and its start ticks (``linux.start_ticks``)."""


def process(listed: Sequence[int] | None) -> Process | None:
    """Return a process as it comes out of JSON."""
    return None if listed is None else (listed[0], listed[1])


class TieCutError(Exception):
    """The cluster has to end; the text says why, for the one who waits for it."""


class Ties:
    """A supervisor's watch over its owner, its starter and whatever else it names.

    ``ends`` maps descriptors to what it means when they become readable (a pidfd: the process has
    ended). ``owner`` is a process with which the cluster ends, ``starter`` one with which it ends
    until ``was_handed_over`` says that this one got what it had asked for; either may be None.
    """

    def __init__(
        self,
        ends: Mapping[int, str],
        *,
        owner: Process | None,
        starter: Process | None,
        was_handed_over: Callable[[], bool],
    ) -> None:
        self._ends = dict(ends)
        self._was_handed_over = was_handed_over
        self._starter: int | None = None
        for role, process in (("owner", owner), ("starter", starter)):
            if process is None:
                continue
            try:
                descriptor = os.pidfd_open(process[0])
            except ProcessLookupError:
                raise TieCutError(f"{role} ended") from None
            if not linux.is_alive(*process):
                raise TieCutError(f"{role} ended")
            self._ends[descriptor] = f"{role} ended"
            if role == "starter":
                self._starter = descriptor

    def wait(self, *others: int) -> int:
        """Return one of ``others`` as soon as it can be read. Raises ``TieCutError``."""
        watched = select.poll()
        for descriptor in (*self._ends, *others):
            watched.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in watched.poll():
                if descriptor in others:
                    return descriptor
                if descriptor == self._starter and self._was_handed_over():
                    watched.unregister(descriptor)
                    del self._ends[descriptor]
                    self._starter = None
                else:
                    raise TieCutError(self._ends[descriptor])
