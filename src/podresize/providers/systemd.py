"""A node's systemd: asked to read its units anew, and for what it has of them.

It answers for every cgroup that it made. What was written into one past it lasts until it applies
its own settings again, which a ``daemon-reload`` brings about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

# Its file comes after those of whoever made the unit (50-MemoryMax.conf): the last one counts.
_WRITE = ("sh", "-c", 'mkdir -p "$1" && printf %s "$2" > "$1/99-podresize.conf"', "sh")
Units = dict[str, dict[str, str]]
"""Unit -> property -> text, as ``systemctl show`` says it."""


class NoSystemdError(Exception):
    """A node that no systemd runs; the text says why."""


class Systemd(Protocol):
    """What is asked of a node's systemd. A call that fails raises what the way to the node does."""

    def daemon_reload(self) -> None:
        """Have it read its units anew, and apply what it has of each to its cgroup."""
        ...

    def override(self, units: str, setting: str) -> None:
        """Have it take a setting for all units of a name once it reads them anew, not before.

        ``units`` is the name of one, or what their names begin with and a suffix
        (``cri-containerd-.scope``); ``setting`` is one of systemd.resource-control(5)
        (``MemoryMax=4G``). It is there as long as the node is.
        """
        ...

    def units(self, units: Sequence[str], properties: Sequence[str]) -> Units:
        """Return properties of units; of a unit that there is not, those of an empty one."""
        ...


class NodeSystemd:
    """The systemd of a node on which programs can be run."""

    def __init__(self, run: Callable[..., str]) -> None:
        """``run`` runs a program on the node, by its words, and returns what it prints."""
        self._run = run

    def daemon_reload(self) -> None:
        """Have it read its units anew: see ``Systemd``."""
        self._run("systemctl", "daemon-reload")

    def override(self, units: str, setting: str) -> None:
        """Put a drop-in beside units: see ``Systemd``."""
        section = units.rpartition(".")[2].capitalize()
        self._run(*_WRITE, f"/run/systemd/system/{units}.d", f"[{section}]\n{setting}\n")

    def units(self, units: Sequence[str], properties: Sequence[str]) -> Units:
        """Return properties of units: see ``Systemd``."""
        wanted = f"--property={','.join(properties)}"
        # One at a time: systemctl tells of several without their names.
        return {
            unit: read_properties(self._run("systemctl", "show", "--no-pager", wanted, "--", unit))
            for unit in units
        }


def read_properties(text: str) -> dict[str, str]:
    """Return property -> text of what ``systemctl show`` prints of one unit."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: value for name, equals, value in pairs if equals}
