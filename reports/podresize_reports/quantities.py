"""Numbers of the runtime and the kernel, in the words of a pod's resources.

``60000`` in ``cpu.cfs_quota_us`` and ``600m`` in the API are one value. A drawing that sets the
witnesses above each other has to show them alike, and still show what was really read.
"""

from __future__ import annotations

import re
from typing import Any

_BYTES = {"memory.max", "memory.limit_in_bytes", "memory.high", "memory.min", "memory.low"}
_UNITS = (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10))
_PERIOD = 100_000  # microseconds; what every kubelet uses unless told otherwise
_UNLIMITED = 2**60  # cgroup v1 says "no limit" as a page-aligned number just under 2**63


def kernel_value(name: str, content: object) -> str | None:
    """Return a cgroup file's content as a short text, with its meaning where that is known."""
    text = str(content).strip() if content is not None else ""
    if not text:
        return None
    first, *more = text.splitlines()
    if more:
        return f"{first} …"
    if name in _BYTES and (amount := _whole(text)) is not None:
        return in_bytes(amount)
    if name == "cpu.cfs_quota_us" and (quota := _whole(text)) is not None:
        return text if quota < 0 else f"{text} ({in_millicores(quota, _PERIOD)})"
    if name == "cpu.max" and (match := re.fullmatch(r"([0-9]{1,15}) ([0-9]{1,15})", text)):
        quota, period = int(match[1]), int(match[2])
        return f"{text} ({in_millicores(quota, period)})" if period else text
    return text


def cri_values(resources: Any) -> dict[str, str]:
    """Return what a ContainerStatus reports for cpu and memory; empty when it reports nothing."""
    if not isinstance(resources, dict):
        return {}
    linux = resources.get("linux", resources)
    if not isinstance(linux, dict):
        return {}
    # Protobuf's JSON form spells names in camel case and 64-bit numbers as strings.
    values = {_snake(str(key)): _whole(str(value)) for key, value in linux.items()}
    found = {}
    shares, quota = values.get("cpu_shares"), values.get("cpu_quota")
    period = values.get("cpu_period") or _PERIOD
    cpu = []
    if quota is not None and quota > 0:
        cpu.append(f"limit {in_millicores(quota, period)}")
    if shares:
        cpu.append(f"shares {shares}")
    if cpu:
        found["cpu"] = ", ".join(cpu)
    if memory := values.get("memory_limit_in_bytes"):
        found["memory"] = in_bytes(memory)
    return found


def in_millicores(quota: int, period: int) -> str:
    """Return a CFS quota as Kubernetes writes cpu: ``600m``, ``2`` for whole cores."""
    millicores = quota * 1000 / period
    if millicores % 1000 == 0:
        return f"{millicores / 1000:.0f}"
    return f"{millicores:g}m"


def in_bytes(amount: int) -> str:
    """Return bytes as Kubernetes writes memory, exactly: a rest that fits no unit stays bytes."""
    if amount >= _UNLIMITED:
        return "no limit"
    for unit, size in _UNITS:
        if amount and amount % size == 0:
            return f"{amount // size}{unit}"
    return str(amount)


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?[0-9]{1,20}", text) else None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
