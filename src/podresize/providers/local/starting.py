"""The start of a supervisor by whoever wants what it makes, and its end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from podresize.errors import HarnessError, HostError, UsageError
from podresize.providers import linux
from podresize.providers.beginning import Beginning
from podresize.providers.child import (
    STOP_DEADLINE_SECONDS,
    Supervisor,
    reap,
    reap_ended,
    why_ended,
)
from podresize.providers.host import Host
from podresize.providers.local import cgroups, state
from podresize.providers.local.cleaning import clean
from podresize.providers.local.layout import MAX_SOCKET_PATH, Layout
from podresize.providers.local.making import READY_SECONDS
from podresize.providers.names import name_in_use

# More than the making's own time: the supervisor makes namespaces and files before.
_BEFORE_SECONDS = 30.0


class Handed(Protocol):
    """A handle: plain data that goes into a state file."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        ...


Handle = TypeVar("Handle", bound=Handed)


def start(
    beginning: Beginning,
    order: dict[str, Any],
    *,
    owner: int | None,
    wait_ready: Callable[[Supervisor, Layout, int], Handle],
    patience: float = 1.0,
    ready_seconds: float = READY_SECONDS,
) -> Handle:
    """Have a supervisor make what is ordered; return what ``wait_ready`` makes of it.

    That gets the supervisor, the layout and the pid of the init, once every component has started;
    its handle is then found by others. ``owner`` is the process with which it ends, None to keep
    it; ``patience`` and ``ready_seconds`` are the ``Making``'s. Raises what kept it from coming up;
    then nothing is left behind.
    """
    name = beginning.name
    supervisor = Supervisor(
        name,
        order
        | {
            "name": name,
            "owner": None if owner is None else [owner, linux.start_ticks(owner)],
            # Until it is handed over, it goes with the process that asked for it.
            "starter": [os.getpid(), linux.start_ticks(os.getpid())],
        },
        module="podresize.providers.local.supervisor",
        deadline=(ready_seconds + _BEFORE_SECONDS) * patience,
    )
    with supervisor.telling_why():
        said = supervisor.wait_started(beginning.tell_at)
        handle = wait_ready(supervisor, Layout(name=name, index=said["index"]), said["init"])
        state.hand_over(name, handle.to_json())
    return handle


def end(there: state.ClusterState) -> None:
    """End what a supervisor made, dead or alive, and return when it is gone.

    Raises ``HarnessError`` with its pids for a process that does not end though it was killed.
    """
    if there.is_alive:
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(there.supervisor[0])
            try:
                signal.pidfd_send_signal(descriptor, signal.SIGTERM)
                select.select([descriptor], [], [], STOP_DEADLINE_SECONDS)
            finally:
                os.close(descriptor)
    reap(there.supervisor[0])
    left = state.find(there.layout.name)
    if left is not None and left.supervisor == there.supervisor:
        clean(there.layout, there.supervisor, None)
        if pids := _left_of(there):
            raise HarnessError(
                f"what {there.layout.name} was made of does not end, though it was killed",
                value=f"pid {', '.join(map(str, pids))}",
                origin=there.layout.cgroup,
                causes=("the kernel holds it: a machine that hangs in KVM, or a disk that does",),
                next_command=f"cat /proc/{pids[0]}/wchan",
            )


def _left_of(there: state.ClusterState) -> list[int]:
    """Return the processes of a cluster that are still there: its pods', or below its init."""
    left = cgroups.pids(there.layout.cgroup)
    if there.init is not None and linux.is_alive(*there.init):
        left += linux.below(there.init[0]) or [there.init[0]]
    return sorted(set(left))


def sweep() -> list[str]:
    """Remove what dead supervisors left (all of their processes were killed at once); name it."""
    dead = [found for found in state.clusters() if not found.is_alive]
    for found in dead:
        clean(found.layout, found.supervisor, None)
    return [found.layout.name for found in dead]


def remove(name: str, what: str) -> None:
    """End the cluster or the runtime of that name.

    Raises ``UsageError`` when there is none, ``HostError`` for a user who cannot, and
    ``HarnessError`` with the last lines of its log when a component of one that this process
    started died and took it along.
    """
    if os.geteuid() != 0:
        raise HostError(
            f"a {what}'s processes are root's, and only root can end them",
            value=f"uid {os.geteuid()}",
            origin="the host",
            causes=("not root",),
            next_command=f"sudo scripts/podresize {what} list",
        )
    there = state.find(name, what)
    if there is not None:
        end(there)
        return
    died = why_ended(name)
    reap_ended()
    if died is not None:
        raise died
    other = state.find(name)
    names = ", ".join(each.layout.name for each in state.clusters(what)) or "none"
    raise UsageError(
        f"no {what} of that name",
        value=name,
        origin="the command line",
        causes=(f"{what}s here: {names}", "its run has ended and took it along")
        if other is None
        else (f"it is a {other.what}",),
        next_command=f"podresize {what} list"
        if other is None or other.what == state.GUEST
        else f"podresize {other.what} down {name}",
    )


def make_room(name: str, next_command: str, check_host: Callable[[], Host]) -> Host:
    """Return the facts of a host that has room for one of this name, without what dead ones left.

    Raises ``UsageError`` for a name in use or with which a socket's path would be too long, and
    what ``check_host`` raises.
    """
    check_path(name, next_command)
    host = check_host()
    sweep()
    if (there := state.find(name)) is not None:
        raise name_in_use(name, there.what)
    return host


def check_path(name: str, next_command: str) -> None:
    """Raise ``UsageError`` for a name with which a socket's path would be too long."""
    socket = Layout(name=name, index=0).longest_socket
    length = len(os.fsencode(socket))
    if length > MAX_SOCKET_PATH:
        raise UsageError(
            f"a socket's path would have {length} bytes; the kernel takes {MAX_SOCKET_PATH}",
            value=str(socket),
            origin="PODRESIZE_STATE_DIR and --name",
            causes=("the directory for clusters lies too deep", "the name is too long"),
            next_command=f"PODRESIZE_STATE_DIR=/var/lib/podresize {next_command}",
        )
