"""What names a process in whatever it makes in an engine or a runtime that is not its own.

One that is killed takes nothing away: the next one does, of those whose process has ended. A name
of this kind fits a label, an image's tag and a cgroup.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from podresize.providers import linux

_SHAPE = re.compile(r"(\d+)-(\d+)-(\d+)")


def mark(pid: int | None = None) -> str:
    """Return what names a process for ever: its pid, its start, and its PID namespace.

    Without ``pid`` it is this process.
    """
    pid = pid or os.getpid()
    return f"{pid}-{linux.start_ticks(pid)}-{_namespace()}"


def has_ended(marked: str) -> bool:
    """Return whether the process of a mark is gone.

    What is no mark, and what another PID namespace's is, cannot be said to have ended.
    """
    found = _SHAPE.fullmatch(marked)
    if found is None or int(found[3]) != _namespace():
        return False
    return not linux.is_alive(int(found[1]), int(found[2]))


def _namespace() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino
