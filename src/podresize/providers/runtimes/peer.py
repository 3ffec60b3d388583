"""The process at the other end of a runtime's socket, and what of it is this host's."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

_KINDS = ("pid", "mnt", "net", "cgroup")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """``pid`` is 0 where the process is not to be seen from here.

    ``others`` are the kinds of namespaces (``pid``, ``mnt``, ``net``, ``cgroup``) that are not this
    process's, or of which that cannot be said.
    """

    pid: int
    others: frozenset[str]

    @property
    def proc(self) -> Path | None:
        """A procfs in which the pids that it tells are right; None where none is in reach."""
        if "pid" not in self.others:
            return Path("/proc")
        place = Path(f"/proc/{self.pid}/root/proc")
        return place if self.pid and os.access(place / "1", os.F_OK) else None

    @property
    def network(self) -> Path | None:
        """The file of its network namespace, where that is another than this process's."""
        return Path(f"/proc/{self.pid}/ns/net") if self.pid and "net" in self.others else None

    def path(self, path: Path) -> Path:
        """Return as this host sees it what the process calls ``path``."""
        if "mnt" not in self.others:
            return path
        return Path(f"/proc/{self.pid}/root") / path.relative_to("/")

    def find_program(self, program: Path) -> Path | None:
        """Return where it finds a program, as it names the place; None where nobody knows."""
        if program.is_absolute():
            return program if self.path(program).exists() else None
        try:
            environment = Path(f"/proc/{self.pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return None
        path = next((each[5:] for each in environment if each.startswith(b"PATH=")), b"")
        for directory in os.fsdecode(path).split(":"):
            place = Path(directory) / program
            if place.is_absolute() and self.path(place).exists():
                return place
        return None


def look_at(pid: int) -> Peer:
    """Return what can be seen of the process."""
    others = set()
    for kind in _KINDS:
        try:
            same = (
                Path(f"/proc/{pid}/ns/{kind}").readlink()
                == Path(f"/proc/self/ns/{kind}").readlink()
            )
        except OSError:
            same = False
        if not same:
            others.add(kind)
    return Peer(pid=pid, others=frozenset(others))
