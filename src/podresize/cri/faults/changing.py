"""Faults of what an update, or a creation, asks for: half of it, scaled, rounded, more than it."""

from __future__ import annotations

import dataclasses
from typing import Any

from cri_api.v1 import api_pb2

from podresize.cri.faults.fault import CREATE, Asked, OnUpdate

CPU = ("cpu_period", "cpu_quota", "cpu_shares")
MEMORY = ("memory_limit_in_bytes", "memory_swap_limit_in_bytes")
FIELDS = {"cpu": CPU, "memory": MEMORY}
_PAGE = 4096


def half(keep: str = "cpu", container: str = "") -> OnUpdate:
    """Only the fields of cpu, or only those of memory, are done."""
    if keep not in FIELDS:
        raise ValueError("keep: cpu or memory")
    (dropped,) = (fields for name, fields in FIELDS.items() if name != keep)

    def change(update: Any) -> None:
        for field in dropped:
            update.linux.ClearField(field)

    return OnUpdate(change, container)


def scaled(cpu: float = 1.0, memory: float = 1.0, container: str = "") -> OnUpdate:
    """What is done is so many times what was asked for: a mistake in units."""
    return OnUpdate(lambda update: _scale(update.linux, cpu, memory), container)


@dataclasses.dataclass
class CreatedScaled:
    """A container is made with so many times the resources that were asked for."""

    cpu: float = 1.0
    memory: float = 1.0

    async def call(self, asked: Asked) -> bytes:
        """See ``Fault``."""
        if asked.method != CREATE:
            return await asked.go_on()
        wanted = api_pb2.CreateContainerRequest.FromString(asked.request)
        _scale(wanted.config.linux.resources, self.cpu, self.memory)
        return await asked.go_on(wanted.SerializeToString())


def _scale(linux: Any, cpu: float, memory: float) -> None:
    for fields, factor in ((("cpu_quota", "cpu_shares"), cpu), (MEMORY, memory)):
        for field in fields:
            if (value := getattr(linux, field)) > 0:
                setattr(linux, field, int(value * factor))


def other_period(us: int = 50_000, container: str = "") -> OnUpdate:
    """The quota is put into another period: the same share of a processor, in other slices."""

    def change(update: Any) -> None:
        if update.linux.cpu_quota > 0:
            update.linux.cpu_quota = (
                update.linux.cpu_quota * us // (update.linux.cpu_period or 100_000)
            )
            update.linux.cpu_period = us

    return OnUpdate(change, container)


def pinned(cpus: str = "0", container: str = "") -> OnUpdate:
    """An update also pins the container to some processors."""

    def change(update: Any) -> None:
        update.linux.cpuset_cpus = cpus

    return OnUpdate(change, container)


def off_by_a_page(container: str = "") -> OnUpdate:
    """The limit of memory is a page larger than what was asked for."""

    def change(update: Any) -> None:
        for field in MEMORY:
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
