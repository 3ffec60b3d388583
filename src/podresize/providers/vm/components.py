"""Stopping and starting what runs in the guest: units of its systemd, by its agent."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence

from podresize.errors import HarnessError
from podresize.providers.commands import Commanded
from podresize.providers.systemd import NodeSystemd, Systemd, Units
from podresize.providers.vm.guest_agent import Guest

UNITS = ("containerd", "kubelet")
"""Those of a node."""
_ACTIVE = ("active", "activating", "reloading")
_OURS = ("qemu", "relay")
"""Components that are no part of a cluster: nobody is to stop the machine."""
# Native: with the agent's own patience it is less than who commands waits (``providers.control``).
_SECONDS = 15.0
# The process by its number: between its end and the stop, which has to come before the unit's
# RestartSec is over, there is one start of a program and no way to this host.
_KILL = """
pid=$(systemctl show --property=MainPID --value "$1") || exit
[ "$pid" = 0 ] || kill -KILL "$pid"
exec systemctl stop "$1"
"""


class GuestComponents:
    """What ``commands`` carries out: the control plane is the init's, the node's are units."""

    def __init__(self, init: Commanded, guest: Guest, *, units: Sequence[str] = UNITS) -> None:
        self._init = init
        self._guest = guest
        self._units = units

    def running(self) -> dict[str, bool]:
        """Return of each component whether it runs."""
        found = {name: there for name, there in self._init.running().items() if name not in _OURS}
        if self._units:
            said = self._guest.units(self._units, ["ActiveState"])
            found |= {name: said[name]["ActiveState"] in _ACTIVE for name in self._units}
        return found

    def ended(self, name: str) -> bool:
        """Return whether systemd had to start a unit again since it was last started by command."""
        self._known(name)
        if name not in self._units:
            return self._init.ended(name)
        return self._guest.units([name], ["NRestarts"])[name]["NRestarts"] != "0"

    def stop(self, name: str, *, kill: bool) -> None:
        """End a component; ``LookupError`` for an unknown one, ``TimeoutError`` when it stays."""
        self._known(name)
        if name not in self._units:
            self._init.stop(name, kill=kill)
            return
        # Also after a kill it is stopped: systemd would start it again.
        stop = ("/bin/sh", "-c", _KILL, "sh", name) if kill else ("systemctl", "stop", name)
        with _timely(name):
            self._guest.run(*stop, seconds=_SECONDS)

    def start(self, name: str) -> None:
        """Start a component; raises as ``stop`` does."""
        self._known(name)
        if name not in self._units:
            self._init.start(name)
            return
        with _timely(name):
            self._guest.run("systemctl", "start", name, seconds=_SECONDS)

    def systemd(self) -> Systemd:
        """Return the guest's systemd."""
        return GuestSystemd(self._guest)

    def _known(self, name: str) -> None:
        if name in _OURS:
            raise LookupError(f"{name} is the machine's, which runs as long as its cluster")
        there = [each for each in self._init.running() if each not in _OURS] + list(self._units)
        if name not in there:
            raise LookupError(f"no component {name!r}; there are {', '.join(sorted(there))}")


class GuestSystemd(NodeSystemd):
    """The guest's systemd, of whose units its agent tells."""

    def __init__(self, guest: Guest) -> None:
        super().__init__(functools.partial(guest.run, seconds=_SECONDS))
        self._guest = guest

    def units(self, units: Sequence[str], properties: Sequence[str]) -> Units:
        """Return properties of units: see ``Systemd``."""
        return self._guest.units(units, properties)


@contextlib.contextmanager
def _timely(name: str) -> Iterator[None]:
    """Turn a guest's failure into what the one who commands is told of."""
    try:
        yield
    except HarnessError as error:
        raise TimeoutError(f"{name}: {error}") from error
