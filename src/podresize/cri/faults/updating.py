"""Faults of an update: dropped, late, undone, refused, done twice or to another container."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import grpc
from cri_api.v1 import api_pb2

from podresize.cri.faults.afterwards import Afterwards
from podresize.cri.faults.changing import FIELDS
from podresize.cri.faults.fault import (
    STOP,
    UPDATE,
    Asked,
    RefusedError,
    neighbours_of,
    status_of,
)

DONE = b""  # the answer to an update has no fields


def check_code(code: str) -> None:
    """Raise ``ValueError`` for what is no gRPC status of an error."""
    known = [name for name in grpc.StatusCode.__members__ if name != "OK"]
    if code not in known:
        raise ValueError(f"codes: {', '.join(known)}")


@dataclasses.dataclass
class Dropped:
    """The update is answered, and not done."""

    container: str = ""

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        if asked.update_of(self.container) is not None:
            return DONE
        return await asked.go_on()


@dataclasses.dataclass
class Delayed:
    """The update is done late: ``seconds`` after it was asked for."""

    seconds: float
    container: str = ""

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        if asked.update_of(self.container) is not None:
            await asyncio.sleep(self.seconds)
        return await asked.go_on()


@dataclasses.dataclass
class Refused:
    """The update is not done, and answered with an error: so often, or for ever (0)."""

    code: str = "UNKNOWN"
    times: int = 0
    container: str = ""
    refused: int = dataclasses.field(default=0, init=False)

    def __post_init__(self) -> None:
        check_code(self.code)

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        if asked.update_of(self.container) is None:
            return await asked.go_on()
        if self.times and self.refused >= self.times:
            return await asked.go_on()
        self.refused += 1
        raise RefusedError(self.code, "the update is refused (a fault of podresize)")


@dataclasses.dataclass
class Cut:
    """The update is done, and its answer lost."""

    container: str = ""

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        answer = await asked.go_on()
        if asked.update_of(self.container) is not None:
            raise RefusedError("UNAVAILABLE", "the connection was cut (a fault of podresize)")
        return answer


@dataclasses.dataclass
class Twice:
    """The update is done two times."""

    container: str = ""

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        if asked.update_of(self.container) is not None:
            await asked.go_on()
        return await asked.go_on()


@dataclasses.dataclass
class Killing:
    """The update is done, and the container ended: at once, by the runtime itself."""

    container: str = ""

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        answer = await asked.go_on()
        if (update := asked.update_of(self.container)) is not None:
            stop = api_pb2.StopContainerRequest(container_id=update.container_id, timeout=0)
            await asked.ask(STOP, stop.SerializeToString())
        return answer


@dataclasses.dataclass
class Misdirected:
    """The update is done to the container with the id ``to``.

    Without one it is another running container of the pod; where that has none, nothing is done.
    """

    to: str = ""
    container: str = ""

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        if (update := asked.update_of(self.container)) is None:
            return await asked.go_on()
        others = [self.to] if self.to else await neighbours_of(update.container_id, asked.ask)
        if not others:
            return DONE
        update.container_id = others[0]
        return await asked.go_on(update.SerializeToString())


@dataclasses.dataclass
class Late:
    """The update is answered at once, and done ``seconds`` later.

    ``of`` is cpu or memory: only that part of the update is late. A kubelet puts both into each.
    """

    seconds: float
    of: str = ""
    container: str = ""
    under_way: Afterwards = dataclasses.field(default_factory=Afterwards, init=False)

    def __post_init__(self) -> None:
        if self.of not in ("", *FIELDS):
            raise ValueError(f"of: {' or '.join(FIELDS)}")

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        if (update := asked.update_of(self.container)) is None:
            return await asked.go_on()
        late: Any = api_pb2.UpdateContainerResourcesRequest()
        late.CopyFrom(update)
        for name, fields in FIELDS.items():
            for field in fields if self.of else ():
                (update if name == self.of else late).linux.ClearField(field)
        self.under_way.do(self.seconds, lambda: asked.ask(UPDATE, late.SerializeToString()))
        return await asked.go_on(update.SerializeToString()) if self.of else DONE


@dataclasses.dataclass
class Undone:
    """The update is done, and ``seconds`` later what was there before it is done again."""

    seconds: float = 0.5
    container: str = ""
    under_way: Afterwards = dataclasses.field(default_factory=Afterwards, init=False)

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        if (update := asked.update_of(self.container)) is None:
            return await asked.go_on()
        before = (await status_of(update.container_id, asked.ask)).status.resources.linux
        answer = await asked.go_on()
        back = api_pb2.UpdateContainerResourcesRequest(
            container_id=update.container_id, linux=before
        ).SerializeToString()
        self.under_way.do(self.seconds, lambda: asked.ask(UPDATE, back))
        return answer
