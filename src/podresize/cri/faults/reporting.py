"""Faults of a status: empty, stale, ahead of what was done, in the wrong units or places."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from cri_api.v1 import api_pb2

from podresize.cri.faults.fault import STATUS, Ask, Asked, OnStatus, status_of


def empty(container: str = "") -> OnStatus:
    """The status has no resources: what containerd before 1.6.9 does (C-01)."""
    return OnStatus(lambda status: status.ClearField("resources"), container)


def swapped(container: str = "") -> OnStatus:
    """The quota is told as the limit of memory, and that as the quota."""

    def change(status: Any) -> None:
        linux = status.resources.linux
        linux.cpu_quota, linux.memory_limit_in_bytes = linux.memory_limit_in_bytes, linux.cpu_quota

    return OnStatus(change, container)


def scaled(cpu: float = 1.0, memory: float = 1.0, container: str = "") -> OnStatus:
    """What is told is so many times what is so: a mistake in units."""

    def change(status: Any) -> None:
        linux = status.resources.linux
        for field, factor in (
            ("cpu_quota", cpu),
            ("cpu_shares", cpu),
            ("memory_limit_in_bytes", memory),
        ):
            if (value := getattr(linux, field)) > 0:
                setattr(linux, field, int(value * factor))

    return OnStatus(change, container)


@dataclasses.dataclass
class Stale:
    """After an update the status tells of before: for so many seconds, or for ever (0)."""

    seconds: float = 0.0
    container: str = ""
    before: dict[str, bytes] = dataclasses.field(default_factory=dict, init=False)
    updated: dict[str, float] = dataclasses.field(default_factory=dict, init=False)

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        if (update := asked.update_of(self.container)) is not None:
            await self._remember(update.container_id, asked.ask)
        answer = await asked.go_on()
        if asked.method != STATUS:
            return answer
        said = api_pb2.ContainerStatusResponse.FromString(answer)
        since = self.updated.get(said.status.id)
        if since is None or (self.seconds and time.monotonic() - since > self.seconds):
            return answer
        said.status.resources.ParseFromString(self.before[said.status.id])
        return bytes(said.SerializeToString())

    async def _remember(self, container: str, ask: Ask) -> None:
        """Note what the status is before the first of some updates."""
        if container not in self.updated:
            status = (await status_of(container, ask)).status
            self.before[container] = status.resources.SerializeToString()
        self.updated[container] = time.monotonic()


@dataclasses.dataclass
class Restarted:
    """After an update the status tells of a later start: the time of the update."""

    container: str = ""
    updated: dict[str, int] = dataclasses.field(default_factory=dict, init=False)

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        if (update := asked.update_of(self.container)) is not None:
            self.updated[update.container_id] = time.time_ns()
        answer = await asked.go_on()
        if asked.method != STATUS:
            return answer
        said = api_pb2.ContainerStatusResponse.FromString(answer)
        if (since := self.updated.get(said.status.id)) is None:
            return answer
        said.status.started_at = since
        return bytes(said.SerializeToString())


@dataclasses.dataclass
class Ahead:
    """An update is answered and not done, and the status tells what was asked for."""

    container: str = ""
    asked: dict[str, bytes] = dataclasses.field(default_factory=dict, init=False)

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        if (update := asked.update_of(self.container)) is not None:
            self.asked[update.container_id] = update.linux.SerializeToString()
            return b""
        answer = await asked.go_on()
        if asked.method != STATUS:
            return answer
        said = api_pb2.ContainerStatusResponse.FromString(answer)
        if said.status.id in self.asked:
            # Merged: a zero in an update means unchanged.
            said.status.resources.linux.MergeFromString(self.asked[said.status.id])
        return bytes(said.SerializeToString())
