"""Faults of a pod sandbox: not ready once its containers were updated, its own update lost."""

from __future__ import annotations

import dataclasses

from cri_api.v1 import api_pb2

from podresize.cri.faults.fault import (
    SANDBOX_STATUS,
    SANDBOX_UPDATE,
    Asked,
    RefusedError,
    sandbox_of,
)
from podresize.cri.faults.updating import DONE, check_code


@dataclasses.dataclass
class NotReady:
    """Once a container was updated, its pod's sandbox is told to be not ready."""

    container: str = ""
    touched: set[str] = dataclasses.field(default_factory=set, init=False)

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        answer = await asked.go_on()
        if (update := asked.update_of(self.container)) is not None:
            self.touched.add(await sandbox_of(update.container_id, asked.ask))
        if asked.method != SANDBOX_STATUS:
            return answer
        said = api_pb2.PodSandboxStatusResponse.FromString(answer)
        if said.status.id not in self.touched:
            return answer
        said.status.state = api_pb2.SANDBOX_NOTREADY
        return bytes(said.SerializeToString())


@dataclasses.dataclass
class Dropped:
    """The update of a sandbox is answered, and not done."""

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        return DONE if asked.method == SANDBOX_UPDATE else await asked.go_on()


@dataclasses.dataclass
class Refused:
    """The update of a sandbox is answered with an error: so often, or for ever (0)."""

    code: str = "UNKNOWN"
    times: int = 0
    refused: int = dataclasses.field(default=0, init=False)

    def __post_init__(self) -> None:
        check_code(self.code)

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        if asked.method != SANDBOX_UPDATE or (self.times and self.refused >= self.times):
            return await asked.go_on()
        self.refused += 1
        raise RefusedError(self.code, "the sandbox's update is refused (a fault of podresize)")
