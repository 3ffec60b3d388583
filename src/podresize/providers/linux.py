"""The few system calls that Python 3.11 has no function for.

Python grew ``os.unshare`` and ``os.setns`` in 3.12; ``mount`` and ``prctl`` it has not got.
Everything else the provider needs of the kernel goes through files or through ``ip``.
"""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_SHARED = 1 << 20

_MNT_DETACH = 2
_PR_SET_PDEATHSIG = 1
_CAPABILITY_BITS = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21, "CAP_SYS_RESOURCE": 24}

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, call: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{call}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    """Leave the namespaces named by ``flags`` (unshare(2)). Raises ``OSError``."""
    _check(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """Enter the namespace of that kind behind an open ``/proc/<pid>/ns`` file (setns(2))."""
    _check(_libc.setns(descriptor, kind), "setns")


def mount(source: str, target: Path, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mount ``source`` on ``target`` (mount(2)). Raises ``OSError`` naming both."""
    result = _libc.mount(
        source.encode(),
        os.fsencode(target),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        data.encode() or None,
    )
    _check(result, f"mount {source} on {target}")


def unmount(target: Path) -> None:
    """Take what is mounted on ``target`` away, busy or not (umount2(2)). Raises ``OSError``."""
    _check(_libc.umount2(os.fsencode(target), _MNT_DETACH), f"unmount {target}")


def die_with_parent() -> None:
    """Have the kernel send SIGKILL to this process when its parent thread ends (prctl(2))."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)")


def has_capability(name: str) -> bool:
    """Return whether this process holds a capability in its effective set (capabilities(7))."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAPABILITY_BITS[name] & 1)
    return False


def start_ticks(pid: int, *, proc: Path = Path("/proc")) -> int | None:
    """Return a process's start time in clock ticks since boot, or None when it is gone.

    A pid and its start time together name a process for ever; a pid alone is used again.
    """
    fields = _stat(proc / str(pid))
    return None if not fields or fields[0] in ("Z", "X") else int(fields[19])


def below(pid: int, *, proc: Path = Path("/proc")) -> list[int]:
    """Return the processes that descend from one, but for those that wait to be reaped."""
    parents = _parents(proc)
    found = {pid}
    while more := {each for each, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {pid})


def children(pid: int, *, proc: Path = Path("/proc")) -> list[int]:
    """Return the processes that one started, but for those that wait to be reaped."""
    return sorted(each for each, parent in _parents(proc).items() if parent == pid)


def _parents(proc: Path) -> dict[int, int]:
    found: dict[int, int] = {}
    for entry in proc.glob("[0-9]*"):
        if (fields := _stat(entry)) and fields[0] not in ("Z", "X"):
            found[int(entry.name)] = int(fields[1])
    return found


def _stat(process: Path) -> list[str]:
    """Return the fields of a process's ``stat`` from its state on; none where it is gone."""
    try:
        stat = (process / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    # The command may hold spaces and parentheses: fields are counted after the last one (proc(5)).
    return stat.rpartition(")")[2].split()


def is_alive(pid: int, ticks: int) -> bool:
    """Return whether the process that had this pid at this start time still runs."""
    return start_ticks(pid) == ticks
