"""What a fault is to the tap: something between a call and the runtime.

A fault is made anew for each injection, and may remember. It sees every call that is one message
for one (``Tap``), as bytes, and leaves those alone that are none of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from cri_api.v1 import api_pb2

Proceed = Callable[[bytes], Awaitable[bytes]]
"""Asks whatever is behind: the next fault, at last the runtime."""
Ask = Callable[[str, bytes], Awaitable[bytes]]
"""Asks the runtime by itself, past all faults: a method's full name and its request."""

SERVICE = "/runtime.v1.RuntimeService"
UPDATE = f"{SERVICE}/UpdateContainerResources"
STATUS = f"{SERVICE}/ContainerStatus"
STOP = f"{SERVICE}/StopContainer"
CREATE = f"{SERVICE}/CreateContainer"
LIST = f"{SERVICE}/ListContainers"
REMOVE = f"{SERVICE}/RemoveContainer"
SANDBOX_STATUS = f"{SERVICE}/PodSandboxStatus"
SANDBOX_UPDATE = f"{SERVICE}/UpdatePodSandboxResources"


class RefusedError(Exception):
    """A fault's answer instead of the runtime's: a gRPC status. ``code`` is its name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


async def _nothing_to_cut() -> None:
    """Where there is no tap there is no connection of its clients."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What is around a tap, for faults that are no answer to a call.

    ``runtime`` is the endpoint behind it (``unix:///path``), ``control`` the socket on which the
    node's components are commanded, None where nobody listens for that. ``cut`` closes the
    connections of all clients.
    """

    runtime: str = ""
    control: str | None = None
    cut: Callable[[], Awaitable[None]] = _nothing_to_cut


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call on its way to the runtime, as a fault has it in hand."""

    method: str
    request: bytes
    behind: Proceed
    ask: Ask
    around: Around = Around()

    async def go_on(self, request: bytes | None = None) -> bytes:
        """Return the answer from behind, to this request or to another."""
        return await self.behind(self.request if request is None else request)

    def update_of(self, container: str) -> Any:
        """Return the request where it updates the container with this id, None where it does not.

        An empty id stands for every container. What nobody here knows of a request stays in it.
        """
        if self.method != UPDATE:
            return None
        update = api_pb2.UpdateContainerResourcesRequest.FromString(self.request)
        return update if container in ("", update.container_id) else None


async def status_of(container: str, ask: Ask, *, verbose: bool = False) -> Any:
    """Return the runtime's ContainerStatusResponse for a container."""
    request = api_pb2.ContainerStatusRequest(container_id=container, verbose=verbose)
    answer = await ask(STATUS, request.SerializeToString())
    return api_pb2.ContainerStatusResponse.FromString(answer)


async def sandbox_of(container: str, ask: Ask) -> str:
    """Return the id of a container's pod sandbox; empty where the runtime does not know it."""
    wanted = api_pb2.ContainerFilter(id=container)
    for each in await _listed(wanted, ask):
        return str(each.pod_sandbox_id)
    return ""


async def neighbours_of(container: str, ask: Ask) -> list[str]:
    """Return the ids of the other running containers of a container's pod."""
    running = api_pb2.ContainerStateValue(state=api_pb2.CONTAINER_RUNNING)
    wanted = api_pb2.ContainerFilter(pod_sandbox_id=await sandbox_of(container, ask), state=running)
    found = await _listed(wanted, ask) if wanted.pod_sandbox_id else []
    return [each.id for each in found if each.id != container]


async def _listed(wanted: Any, ask: Ask) -> list[Any]:
    request = api_pb2.ListContainersRequest(filter=wanted)
    answer = await ask(LIST, request.SerializeToString())
    return list(api_pb2.ListContainersResponse.FromString(answer).containers)


class Fault(Protocol):
    """One thing that is wrong."""

    async def call(self, asked: Asked) -> bytes:
        """Answer a call. Raises ``RefusedError``, and what the runtime raises."""
        ...


@dataclasses.dataclass
class OnUpdate:
    """Changes what an update asks for. ``container`` is an id; empty for every container's."""

    change: Callable[[Any], None]
    container: str = ""

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        update = asked.update_of(self.container)
        if update is None:
            return await asked.go_on()
        self.change(update)
        return await asked.go_on(update.SerializeToString())


@dataclasses.dataclass
class OnStatus:
    """Changes what the runtime says of a container. ``change`` gets its ``ContainerStatus``."""

    change: Callable[[Any], None]
    container: str = ""

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        answer = await asked.go_on()
        if asked.method != STATUS:
            return answer
        said = api_pb2.ContainerStatusResponse.FromString(answer)
        if self.container in ("", said.status.id):
            self.change(said.status)
        return bytes(said.SerializeToString())


async def through(faults: Sequence[Fault], asked: Asked) -> bytes:
    """Return the answer to a call that goes through all faults, the first nearest the client."""
    if not faults:
        return await asked.go_on()
    first, *others = faults

    async def behind(request: bytes) -> bytes:
        return await through(others, dataclasses.replace(asked, request=request))

    return await first.call(dataclasses.replace(asked, behind=behind))
