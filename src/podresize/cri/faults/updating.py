"""Faults of an update: dropped, late, refused, done twice or to another, with what it asks for
changed."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import grpc
from cri_api.v1 import api_pb2

from podresize.cri.faults.fault import STOP, Asked, OnUpdate, RefusedError

_CPU = ("cpu_period", "cpu_quota", "cpu_shares")
_MEMORY = ("memory_limit_in_bytes", "memory_swap_limit_in_bytes")
_PAGE = 4096
_DONE = b""  # an UpdateContainerResourcesResponse has no fields


@dataclasses.dataclass
class Dropped:
    """The update is answered, and not done."""

    container: str = ""

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        if asked.update_of(self.container) is not None:
            return _DONE
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
        if self.code not in grpc.StatusCode.__members__:
            raise ValueError(f"codes: {', '.join(grpc.StatusCode.__members__)}")

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


def half(keep: str = "cpu", container: str = "") -> OnUpdate:
    """Only the fields of cpu, or only those of memory, are done."""
    dropped = {"cpu": _MEMORY, "memory": _CPU}.get(keep)
    if dropped is None:
        raise ValueError("keep: cpu or memory")

    def change(update: Any) -> None:
        for field in dropped:
            update.linux.ClearField(field)

    return OnUpdate(change, container)


def misdirected(to: str, container: str = "") -> OnUpdate:
    """The update is done to the container with the id ``to``."""

    def change(update: Any) -> None:
        update.container_id = to

    return OnUpdate(change, container)


def scaled(cpu: float = 1.0, memory: float = 1.0, container: str = "") -> OnUpdate:
    """What is done is so many times what was asked for: a mistake in units."""

    def change(update: Any) -> None:
        for fields, factor in ((("cpu_quota", "cpu_shares"), cpu), (_MEMORY, memory)):
            for field in fields:
                if (value := getattr(update.linux, field)) > 0:
                    setattr(update.linux, field, int(value * factor))

    return OnUpdate(change, container)


def off_by_a_page(container: str = "") -> OnUpdate:
    """The limit of memory is a page larger than what was asked for."""

    def change(update: Any) -> None:
        for field in _MEMORY:
            if (value := getattr(update.linux, field)) > 0:
                setattr(update.linux, field, value + _PAGE)

    return OnUpdate(change, container)


def quota_rounded(container: str = "") -> OnUpdate:
    """The quota is rounded down to whole hundredths of a processor."""

    def change(update: Any) -> None:
        step = (update.linux.cpu_period or 100_000) // 100
        if update.linux.cpu_quota > step:
            update.linux.cpu_quota -= update.linux.cpu_quota % step

    return OnUpdate(change, container)
