"""Faults that a kubelet does not bring out: what it never asks for, looks at or asks again.

The checks of a runtime without Kubernetes do.
"""

from __future__ import annotations

import abc
import collections
import contextlib
import dataclasses
import json
from typing import Any

import grpc
from cri_api.v1 import api_pb2

from podresize.cri.faults.fault import (
    REMOVE,
    STATUS,
    UPDATE,
    Asked,
    OnStatus,
    OnUpdate,
    RefusedError,
)
from podresize.cri.faults.updating import DONE, check_code

_FIELDS = {field.name for field in api_pb2.LinuxContainerResources.DESCRIPTOR.fields}


def field_dropped(field: str, container: str = "") -> OnUpdate:
    """The update is done but for one field of LinuxContainerResources."""
    if field not in _FIELDS:
        raise ValueError(f"fields: {', '.join(sorted(_FIELDS))}")
    return OnUpdate(lambda update: update.linux.ClearField(field), container)


@dataclasses.dataclass
class Growing:
    """Each update of a container gives it so many shares more than asked for as came before it."""

    container: str = ""
    updates: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter, init=False
    )

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        if (update := asked.update_of(self.container)) is None:
            return await asked.go_on()
        if update.linux.cpu_shares:
            update.linux.cpu_shares += self.updates[update.container_id]
        self.updates[update.container_id] += 1
        return await asked.go_on(update.SerializeToString())


@dataclasses.dataclass
class ErrorsHidden:
    """An update that the runtime refuses is answered OK."""

    container: str = ""

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        try:
            return await asked.go_on()
        except grpc.RpcError:
            if asked.update_of(self.container) is None:
                raise
            return DONE


@dataclasses.dataclass
class ErrorsRecoded:
    """An update that the runtime refuses is answered with another gRPC code."""

    code: str = "UNKNOWN"
    container: str = ""

    def __post_init__(self) -> None:
        check_code(self.code)

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        try:
            return await asked.go_on()
        except grpc.RpcError:
            if asked.update_of(self.container) is None:
                raise
            raise RefusedError(self.code, "refused (the code is podresize's)") from None


@dataclasses.dataclass
class Leftover:
    """An update that the runtime refuses gives the container other shares all the same."""

    shares: int = 777
    container: str = ""

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        try:
            return await asked.go_on()
        except grpc.RpcError:
            if (update := asked.update_of(self.container)) is not None:
                left = api_pb2.UpdateContainerResourcesRequest(
                    container_id=update.container_id,
                    linux=api_pb2.LinuxContainerResources(cpu_shares=self.shares),
                )
                with contextlib.suppress(grpc.RpcError):  # of a container that there is not
                    await asked.ask(UPDATE, left.SerializeToString())
            raise


@dataclasses.dataclass
class RemoveDropped:
    """The removal of a container is answered, and not done."""

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        return DONE if asked.method == REMOVE else await asked.go_on()


def running(container: str = "") -> OnStatus:
    """A container is told to be running, whatever became of it."""

    def change(status: Any) -> None:
        status.state = api_pb2.CONTAINER_RUNNING

    return OnStatus(change, container)


@dataclasses.dataclass
class _OfUpdated(abc.ABC):
    """Changes what is told of a container that was updated; ``updates`` counts how often."""

    container: str = ""
    updates: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter, init=False
    )

    @abc.abstractmethod
    def change(self, said: Any, updates: int) -> None:
        """Change a ContainerStatusResponse in place."""

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        answer = await asked.go_on()
        if (update := asked.update_of(self.container)) is not None:
            self.updates[update.container_id] += 1
        if asked.method != STATUS:
            return answer
        said = api_pb2.ContainerStatusResponse.FromString(answer)
        if (updates := self.updates[said.status.id]) > 0:
            self.change(said, updates)
        return bytes(said.SerializeToString())


@dataclasses.dataclass
class StatusGrowing(_OfUpdated):
    """With each update the status gets one more limit of huge pages (what C-04 does to a spec)."""

    def change(self, said: Any, updates: int) -> None:
        """See ``_OfUpdated``."""
        for number in range(updates):
            said.status.resources.linux.hugepage_limits.add(page_size=f"{number}MB", limit=number)


@dataclasses.dataclass
class Relabelled(_OfUpdated):
    """After an update the status has a label that nobody gave the container."""

    def change(self, said: Any, updates: int) -> None:
        """See ``_OfUpdated``."""
        said.status.labels["podresize/updates"] = str(updates)


@dataclasses.dataclass
class SpecSilent(_OfUpdated):
    """After an update the specification in the verbose status has shares of 2 and no limits."""

    def change(self, said: Any, _updates: int) -> None:
        """See ``_OfUpdated``."""
        if "info" not in said.info:
            return
        info = json.loads(said.info["info"])
        info["runtimeSpec"]["linux"]["resources"] = {"cpu": {"shares": 2}}
        said.info["info"] = json.dumps(info)
