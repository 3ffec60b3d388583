"""What systemd would write into a unit's cgroup files, by the properties that it has of it.

It does so whenever it applies a unit's settings again, as after a ``daemon-reload``. Where it has
no value of its own it writes its default. Source: systemd.resource-control(5) and systemd's
src/core/cgroup.c, as of 252.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from podresize.oracle import conversions
from podresize.oracle.cgroups import V1_UNLIMITED_MEMORY

LOADED = "loaded"
LOAD_STATE = "LoadState"
PROPERTIES = (
    *(LOAD_STATE, "CPUQuotaPerSecUSec", "CPUQuotaPeriodUSec", "CPUWeight", "CPUShares"),
    *("MemoryMax", "MemoryLimit"),
)
"""What has to be known of a unit; one that a release of systemd does not know is left out there."""
_UNSET = ("", "infinity", "[not set]", "18446744073709551615")
_SECOND = 1_000_000
# In microseconds, as systemd prints times (systemd.time(7)).
_UNITS = {
    "us": 1,
    "ms": 1000,
    "s": _SECOND,
    "min": 60 * _SECOND,
    "h": 3600 * _SECOND,
    "d": 86400 * _SECOND,
    "w": 604800 * _SECOND,
}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(us|ms|s|min|h|d|w)")
_DEFAULT_WEIGHT = 100
_DEFAULT_SHARES = 1024
_LEAST_SHARES, _MOST_SHARES = 2, 262144
_MOST_WEIGHT = 10_000
_PAGES = (4096, 65536)


def would_write(properties: Mapping[str, str], *, cgroup_version: int) -> dict[str, str]:
    """Return file name -> content that systemd would write for these properties.

    Memory is in bytes as systemd has it: the kernel rounds it down to pages (``agrees``). Raises
    ``ValueError`` for what is no value of a property.
    """
    memory = _number(properties, "MemoryMax")
    if memory is None:
        memory = _number(properties, "MemoryLimit")
    period = _time(properties.get("CPUQuotaPeriodUSec", "")) or conversions.QUOTA_PERIOD
    per_second = _time(properties.get("CPUQuotaPerSecUSec", ""))
    quota = None if per_second is None else per_second * period // _SECOND
    if cgroup_version == 1:
        return {
            "cpu.shares": str(_shares(properties)),
            "cpu.cfs_quota_us": "-1" if quota is None else str(quota),
            "cpu.cfs_period_us": str(period),
            "memory.limit_in_bytes": str(V1_UNLIMITED_MEMORY if memory is None else memory),
        }
    return {
        "cpu.weight": str(_weight(properties)),
        "cpu.max": f"{'max' if quota is None else quota} {period}",
        "memory.max": "max" if memory is None else str(memory),
    }


def agrees(file: str, written: str, held: str) -> bool:
    """Return whether the kernel may hold ``held`` where systemd wrote, or would write, ``written``.

    It keeps memory in whole pages; and the quota in the file may be the exact one of which systemd
    has what it is rounded up to (PR-62).
    """
    if written == held:
        return True
    if file in ("memory.max", "memory.limit_in_bytes") and written.isdecimal():
        return held in {str(conversions.page_floor(int(written), page)) for page in _PAGES}
    return rounded(file, held) == written


def rounded(file: str, held: str) -> str | None:
    """Return a quota as systemd would round it up; None where the file holds none."""
    quota, _, period = held.partition(" ")
    if not quota.isdecimal() or file not in ("cpu.max", "cpu.cfs_quota_us"):
        return None
    if file == "cpu.cfs_quota_us":
        return str(conversions.systemd_quota(int(quota)))
    return f"{conversions.systemd_quota(int(quota), int(period))} {period}"


def _number(properties: Mapping[str, str], name: str) -> int | None:
    text = properties.get(name, "")
    return None if text in _UNSET else int(text)


def _weight(properties: Mapping[str, str]) -> int:
    if properties.get("CPUWeight") == "idle":
        return 0
    weight, shares = _number(properties, "CPUWeight"), _number(properties, "CPUShares")
    if weight is None and shares is not None:
        weight = min(_MOST_WEIGHT, max(1, shares * _DEFAULT_WEIGHT // _DEFAULT_SHARES))
    return _DEFAULT_WEIGHT if weight is None else weight


def _shares(properties: Mapping[str, str]) -> int:
    weight, shares = _number(properties, "CPUWeight"), _number(properties, "CPUShares")
    if weight is not None:
        shares = weight * _DEFAULT_SHARES // _DEFAULT_WEIGHT
        return min(_MOST_SHARES, max(_LEAST_SHARES, shares))
    return _DEFAULT_SHARES if shares is None else shares


def _time(text: str) -> int | None:
    """Return the microseconds of a time as systemd prints it (``420ms``, ``1.500000s``)."""
    if text in _UNSET:
        return None
    if re.fullmatch(rf"(?:{_PART.pattern}\s*)+", text) is None:
        raise ValueError(f"no time of systemd's: {text}")
    return int(sum(Decimal(number) * _UNITS[unit] for number, unit in _PART.findall(text)))
