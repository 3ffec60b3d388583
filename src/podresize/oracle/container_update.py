"""What a container must have after one UpdateContainerResources, from what was asked for.

Fields are those of CRI's LinuxContainerResources by their names; one that is 0 or empty was not
asked for (cri-api, api.proto). Sizes are bytes, periods and quotas microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podresize.oracle import conversions
from podresize.oracle.cgroups import (
    V1_UNLIMITED_MEMORY,
    Allowed,
    CgroupFiles,
    container_weights,
    quotas_held,
)
from podresize.requirements.runtime_target import RuntimeFingerprint

MEMORY = "memory_limit_in_bytes"
SWAP = "memory_swap_limit_in_bytes"
QUOTA = "cpu_quota"
PERIOD = "cpu_period"
SHARES = "cpu_shares"
CPUS = "cpuset_cpus"
MEMS = "cpuset_mems"
HUGE = "hugepage_limits"
UNIFIED = "unified"
OOM = "oom_score_adj"
# On cgroup v2 the kernel keeps these beside cpu.weight and changes them with it.
_DERIVED = {"cpu.weight": ("cpu.weight.nice", "cpu.idle")}


def said(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that were asked for: those that are neither 0 nor empty."""
    return {name: value for name, value in asked.items() if value}


def fields_after(asked: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that a runtime has to report after an update that it granted.

    ``before`` is what it reported until then. What was not asked for stays, limits of huge pages
    and unified settings by their keys.
    """
    after = dict(before)
    for name, value in said(asked).items():
        after[name] = {**before.get(name, {}), **value} if isinstance(value, Mapping) else value
    return after


def may_follow(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a runtime may set beside what was asked for, by field.

    The swap limit, which is that of memory and swap together, may follow the memory limit: cgroup
    v1 takes none that is smaller, and a runtime may keep its containers from swapping
    (containerd's and CRI-O's default).
    """
    limit = said(asked).get(MEMORY)
    return {} if limit is None or SWAP in said(asked) else {SWAP: limit}


def files_after(
    asked: Mapping[str, Any], before: Mapping[str, str], fingerprint: RuntimeFingerprint
) -> dict[str, CgroupFiles]:
    """Return what the container's cgroup files must hold, by the field that asks for it.

    ``before`` are the contents of the files: on cgroup v2 quota and period share one.
    """
    fields = said(asked)
    if fingerprint.cgroup_version == 1:
        found = {name: _v1(name, value) for name, value in fields.items() if name != OOM}
        if QUOTA in fields:
            period = fields.get(
                PERIOD, int(before.get("cpu.cfs_period_us", conversions.QUOTA_PERIOD))
            )
            quotas = quotas_held(fields[QUOTA], fingerprint.cgroup_driver, period)
            found[QUOTA] = {"cpu.cfs_quota_us": quotas}
        return found
    return {
        name: _v2(name, fields, before, fingerprint) for name in fields if name not in (OOM, PERIOD)
    } | ({PERIOD: _cpu_max(fields, before, fingerprint)} if PERIOD in fields else {})


def files_that_may_follow(
    asked: Mapping[str, Any], before: Mapping[str, str], fingerprint: RuntimeFingerprint
) -> CgroupFiles:
    """Return what else may have changed: each file with all that it may hold."""
    found: CgroupFiles = {}
    for name, limit in may_follow(asked).items():
        if fingerprint.cgroup_version == 1:
            found |= _v1(name, limit)
        else:
            found["memory.swap.max"] = (Allowed(value="0", reason="a container without swap"),)
            if limit < 0:
                found["memory.swap.max"] += (Allowed(value="max", reason="no limit of memory"),)
    for file, beside in _DERIVED.items():
        if any(file in files for files in files_after(asked, before, fingerprint).values()):
            found |= dict.fromkeys(beside, ())
    return {
        file: (*values, Allowed(value=before[file], reason="as it was"))
        for file, values in found.items()
        if file in before
    }


def size(limit: int) -> str:
    """Return a memory limit as cgroup v1 shows it: whole pages; the largest for -1, none."""
    return str(V1_UNLIMITED_MEMORY if limit < 0 else conversions.page_floor(limit))


def listed(numbers: str) -> str:
    """Return a list of processors or nodes as the kernel prints it: ``0-2,5``."""
    members: set[int] = set()
    for part in numbers.split(","):
        first, _, last = part.partition("-")
        members.update(range(int(first), int(last or first) + 1))
    runs: list[list[int]] = []
    for number in sorted(members):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def _one(file: str, value: str, reason: str) -> CgroupFiles:
    return {file: (Allowed(value=value, reason=reason),)}


def _v1(name: str, value: Any) -> CgroupFiles:
    match name:
        case "cpu_shares":
            return _one("cpu.shares", str(value), "the shares that were asked for")
        case "cpu_period":
            return _one("cpu.cfs_period_us", str(value), "the period that was asked for")
        case "cpuset_cpus":
            return _one("cpuset.cpus", listed(value), "the processors that were asked for")
        case "cpuset_mems":
            return _one("cpuset.mems", listed(value), "the memory nodes that were asked for")
        case "memory_limit_in_bytes":
            return _one("memory.limit_in_bytes", size(value), "the limit in whole pages")
        case "memory_swap_limit_in_bytes":
            return _one("memory.memsw.limit_in_bytes", size(value), "the limit in whole pages")
        case "hugepage_limits":
            return {
                f"hugetlb.{page}.limit_in_bytes": (
                    Allowed(value=str(limit), reason="the limit that was asked for"),
                )
                for page, limit in value.items()
            }
    return {}


def _v2(
    name: str,
    fields: Mapping[str, Any],
    before: Mapping[str, str],
    fingerprint: RuntimeFingerprint,
) -> CgroupFiles:
    value = fields[name]
    match name:
        case "cpu_shares":
            return {"cpu.weight": container_weights(value, fingerprint)}
        case "cpu_quota":
            return _cpu_max(fields, before, fingerprint)
        case "cpuset_cpus":
            return _one("cpuset.cpus", listed(value), "the processors that were asked for")
        case "cpuset_mems":
            return _one("cpuset.mems", listed(value), "the memory nodes that were asked for")
        case "memory_limit_in_bytes":
            return _one("memory.max", _v2_size(value), "the limit in whole pages")
        case "memory_swap_limit_in_bytes":
            limit = fields.get(MEMORY) or _bytes(before.get("memory.max", "max"))
            swap = value - limit if value > 0 and limit > 0 else -1
            return _one("memory.swap.max", _v2_size(swap), "what is left beside memory")
        case "hugepage_limits":
            return {
                f"hugetlb.{page}.max": (
                    Allowed(value=str(limit), reason="the limit that was asked for"),
                )
                for page, limit in value.items()
            }
        case "unified":
            return {
                file: (Allowed(value=_unified(file, text), reason="what was asked for"),)
                for file, text in value.items()
            }
    return {}


def _cpu_max(
    fields: Mapping[str, Any], before: Mapping[str, str], fingerprint: RuntimeFingerprint
) -> CgroupFiles:
    old_quota, _, old_period = before.get("cpu.max", "max 100000").partition(" ")
    quota = fields.get(QUOTA, -1 if old_quota == "max" else int(old_quota))
    period = fields.get(PERIOD, int(old_period))
    return {
        "cpu.max": tuple(
            Allowed(value=f"{'max' if quota < 0 else each.value} {period}", reason=each.reason)
            for each in quotas_held(quota, fingerprint.cgroup_driver, period)
        )
    }


def _v2_size(limit: int) -> str:
    return "max" if limit < 0 else str(conversions.page_floor(limit))


def _bytes(text: str) -> int:
    return -1 if text == "max" else int(text)


def _unified(file: str, text: str) -> str:
    return _v2_size(int(text)) if file.startswith("memory.") and text.isdigit() else text
