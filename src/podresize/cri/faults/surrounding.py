"""Faults around a call: a connection that is cut, a process that is killed, a cgroup that somebody
else writes or that systemd is told another limit of. Each happens at an update, which is when a
resize is under way."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import socket
import struct
from pathlib import Path
from typing import Any

from podresize.cri.faults.afterwards import Afterwards
from podresize.cri.faults.fault import Asked, status_of

_PROC = Path("/proc")
_PEER = struct.Struct("3i")  # struct ucred (unix(7)): pid, uid, gid
# Who carries it out has a limit of its own, which is a slow guest's where the node is in one.
_CONTROL_SECONDS = 900.0
_PLACES = ("container", "pod", "qos")


@dataclasses.dataclass
class ConnectionCut:
    """The update is done, and every client's connection closed before its answer: so often.

    Of all clients: which connection a call came by is not told to who answers it.
    """

    times: int = 1
    container: str = ""
    done: int = dataclasses.field(default=0, init=False)

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        answer = await asked.go_on()
        if asked.update_of(self.container) is not None and self.done < self.times:
            self.done += 1
            await asked.around.cut()
        return answer


@dataclasses.dataclass
class Killed:
    """At the first update a process is killed: the runtime's, or the tap's own.

    Nobody starts it again, so that the cluster goes with it.
    """

    whose: str
    container: str = ""

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        if asked.update_of(self.container) is not None:
            own = self.whose == "tap"
            os.kill(os.getpid() if own else listener(asked.around.runtime), signal.SIGKILL)
        return await asked.go_on()


def runtime_killed(container: str = "") -> Killed:
    """The runtime is killed at the first update."""
    return Killed("runtime", container)


def tap_killed(container: str = "") -> Killed:
    """The tap is killed at the first update, which is when it is between kubelet and runtime."""
    return Killed("tap", container)


@dataclasses.dataclass
class Restarted:
    """A component of the node is killed at the first update, or once it is done, and started again.

    ``component`` is kubelet or containerd.
    """

    component: str
    moment: str = "before"
    container: str = ""
    is_done: bool = dataclasses.field(default=False, init=False)
    under_way: Afterwards = dataclasses.field(default_factory=Afterwards, init=False)

    def __post_init__(self) -> None:
        if self.moment not in ("before", "after"):
            raise ValueError("moment: before or after")

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        if asked.update_of(self.container) is None or self.is_done:
            return await asked.go_on()
        self.is_done = True
        control = asked.around.control
        if control is None:
            raise RuntimeError("nobody can start a component of this node again")
        if self.moment == "before":
            await asyncio.to_thread(self._restart, control)
            return await asked.go_on()
        answer = await asked.go_on()
        self.under_way.do(0, lambda: asyncio.to_thread(self._restart, control))
        return answer

    def _restart(self, control: str) -> None:
        must(control, {"do": "stop", "component": self.component, "kill": True})
        must(control, {"do": "start", "component": self.component})


def runtime_restarted(moment: str = "before", container: str = "") -> Restarted:
    """The runtime is killed and started again."""
    return Restarted("containerd", moment, container)


def kubelet_restarted(moment: str = "before", container: str = "") -> Restarted:
    """The kubelet is killed and started again."""
    return Restarted("kubelet", moment, container)


@dataclasses.dataclass
class CgroupWritten:
    """Some time after an update somebody writes a file of the container's cgroup.

    ``of`` is container, pod or qos: the cgroup itself, or one of those above it.
    """

    file: str
    value: str
    of: str = "container"
    seconds: float = 0.5
    container: str = ""
    under_way: Afterwards = dataclasses.field(default_factory=Afterwards, init=False)

    def __post_init__(self) -> None:
        if self.of not in _PLACES:
            raise ValueError(f"of: {' or '.join(_PLACES)}")

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        answer = await asked.go_on()
        if (update := asked.update_of(self.container)) is None:
            return answer
        pid = first_process(await status_of(update.container_id, asked.ask, verbose=True))
        self.under_way.do(self.seconds, lambda: asyncio.to_thread(self._write, pid))
        return answer

    def _write(self, pid: int) -> None:
        try:
            place = cgroup_of(pid, self.file)
            for _ in range(_PLACES.index(self.of)):
                place = place.parent
            (place / self.file).write_text(self.value)
        except (OSError, LookupError):
            return  # the container has ended, or the kernel does not take the value


@dataclasses.dataclass
class UnitOverridden:
    """Once the first update is done systemd is told another setting of all units of a name.

    It takes it with its next daemon-reload, not before; the node has to have a systemd.
    """

    setting: str
    value: str
    units: str = "cri-containerd-.scope"
    container: str = ""
    is_done: bool = dataclasses.field(default=False, init=False)

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        answer = await asked.go_on()
        if asked.update_of(self.container) is None or self.is_done:
            return answer
        self.is_done = True
        control = asked.around.control
        if control is None:
            raise RuntimeError("nobody can tell a systemd of this node anything")
        order = {"do": "override", "units": self.units, "setting": f"{self.setting}={self.value}"}
        await asyncio.to_thread(must, control, order)
        return answer


def listener(endpoint: str) -> int:
    """Return the process that listens on ``unix:///path`` (SO_PEERCRED, unix(7))."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(endpoint.removeprefix("unix://"))
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    return int(_PEER.unpack(peer)[0])


def command(control: str, order: dict[str, Any]) -> dict[str, Any]:
    """Have a command carried out, and return the answer (providers/commands.py has these lines)."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_CONTROL_SECONDS)
        connection.connect(control)
        with connection.makefile("rwb") as stream:
            stream.write(json.dumps(order).encode() + b"\n")
            stream.flush()
            return dict(json.loads(stream.readline() or "{}"))


def must(control: str, order: dict[str, Any]) -> None:
    """Have a command carried out; ``RuntimeError`` where it was not.

    A fault that does nothing would be caught by nobody, and one that is half done is another.
    """
    told = command(control, order)
    if "error" in told:
        raise RuntimeError(f"{order['do']}: {told['what']}")


def first_process(response: Any) -> int:
    """Return the pid in a verbose ContainerStatusResponse, as containerd and CRI-O tell it."""
    return int(json.loads(response.info["info"])["pid"])


def cgroup_of(pid: int, file: str, *, proc: Path = _PROC) -> Path:
    """Return the directory of a process's cgroup that has this file, as this process sees it.

    Raises ``LookupError`` where no hierarchy of its controller is mounted.
    """
    controller = file.partition(".")[0]
    for line in (proc / str(pid) / "cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" or controller in controllers.split(","):
            for mount, root in _mounts(controller if controllers else "", proc):
                place = mount / path.removeprefix(root).lstrip("/")
                if (place / file).exists():
                    return place
    raise LookupError(file)


def _mounts(controller: str, proc: Path) -> list[tuple[Path, str]]:
    """Return where a hierarchy is mounted, and what of it; the empty name is cgroup v2's."""
    found = []
    for line in (proc / "self" / "mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        root, place = before.split()[3:5]
        kind, _, options = after.split(" ", 2)
        is_it = (
            kind == "cgroup" and controller in options.split(",")
            if controller
            else (kind == "cgroup2")
        )
        if is_it:
            found.append((Path(place), "" if root == "/" else root))
    return found
