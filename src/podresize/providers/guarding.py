"""The guardian: a second process that cleans when the one that answers for a cluster is killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from podresize.providers.telling import teller


def fork_guardian(
    clean: Callable[[dict[str, Any]], None],
) -> tuple[int, Callable[[dict[str, Any]], None]]:
    """Start the guardian of this process; return its pid and the way to tell it facts.

    When this process ends in whatever way, the guardian calls ``clean`` with all it was told. What
    else there is to remove ``clean`` has to find by itself: this process may be killed at once
    after it made something, before it could say so.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(reader)
        return pid, teller(writer)
    try:
        os.close(writer)
        os.setsid()
        detach_output()
        told = b""
        # The pipe's end is its writer's death: the kernel closes it, whatever killed it.
        while chunk := os.read(reader, 4096):
            told += chunk
        known: dict[str, Any] = {}
        for line in told.splitlines():
            known |= json.loads(line)
        clean(known)
    finally:
        os._exit(0)


def end_guardian(guardian: int) -> None:
    """End the guardian, whose work is done: who waits for its ward finds neither."""
    os.kill(guardian, signal.SIGKILL)
    os.waitpid(guardian, 0)


def detach_output() -> None:
    """Part from the standard descriptors: whoever reads them must not wait for this process."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)


def close_all_but(*kept: int | None) -> None:
    """Close what was inherited: a pipe held here would hide the death of its other holders."""
    for entry in list(Path("/proc/self/fd").iterdir()):
        if int(entry.name) > 2 and int(entry.name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(entry.name))
