"""The removal of what a cluster leaves outside its namespaces, by whoever is left to do it.

The supervisor does it at the cluster's end, the guardian when the supervisor was killed, and the
next command when all of them were.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time

from podresize.providers import linux
from podresize.providers.local import cgroups, network, state
from podresize.providers.local.layout import Layout
from podresize.providers.state_root import locked

# Everything is gone within 10 s of the end (the project's promise); the kernel needs well below 1.
_CLEANING_SECONDS = 8.0


def clean(layout: Layout, supervisor: tuple[int, int], init: tuple[int, int] | None) -> None:
    """Remove what a cluster left outside its namespaces. May run twice, and in two processes.

    Nothing is touched once the name belongs to another supervisor: what carries the name is then
    that cluster's. While a process of it is there, which the kernel may not let go of, so is what
    it is found by: whoever cleans next tries again.
    """
    mine = state.find(layout.name)
    if mine is None or mine.supervisor != supervisor:
        state.forget(layout, supervisor)
        return
    init = init or mine.init
    if init is not None and linux.is_alive(*init):
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(init[0])
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            select.select([descriptor], [], [], _CLEANING_SECONDS)
            os.close(descriptor)
    deadline = time.monotonic() + _CLEANING_SECONDS
    left = bool(cgroups.remove(layout.cgroup, deadline=deadline))
    # A guest is in no cgroup of the host's.
    left = left or (init is not None and linux.is_alive(*init))
    with locked():
        # The links are named after the index, which another cluster can have once this one is gone.
        mine = state.find(layout.name)
        if mine is not None and mine.supervisor == supervisor:
            network.remove_links(layout, joins=mine.joins)
    while not left and not state.forget(layout, supervisor) and time.monotonic() < deadline:
        time.sleep(0.02)  # a process that is being killed still wrote a file
