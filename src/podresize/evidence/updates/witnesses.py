"""What each witness said of an update, in one short phrase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podresize.evidence.updates.update import Update
from podresize.oracle.container_update import said
from podresize.requirements.runtime_target import RuntimeFingerprint

_SHOWN = {
    "cpu_shares": ("cpu.shares", "cpu.weight"),
    "cpu_quota": ("cpu.cfs_quota_us", "cpu.max"),
    "cpu_period": ("cpu.cfs_period_us", "cpu.max"),
    "cpuset_cpus": ("cpuset.cpus",),
    "cpuset_mems": ("cpuset.mems",),
    "memory_limit_in_bytes": ("memory.limit_in_bytes", "memory.max"),
    "memory_swap_limit_in_bytes": ("memory.memsw.limit_in_bytes", "memory.swap.max"),
}


def phrases(update: Update, fingerprint: RuntimeFingerprint) -> dict[str, str]:
    """Return by witness what it said after the update of the fields that were asked for.

    Of an OCI runtime alone nothing is said by CRI.
    """
    fields = list(said(update.asked))
    after = update.after
    kernel = [
        f"{file} {after.kernel[file]}"
        for field in fields
        for file in _SHOWN.get(field, ())
        if file in after.kernel
    ]
    found = {
        "client": f"asked for {update.asked}, answered {update.answer}"[:300],
        "cri": "" if fingerprint.is_alone else _of(after.status, fields),
        "spec": "" if fingerprint.is_alone else _of(after.spec, fields),
        "oci": _of(after.oci, fields),
        "kernel": ", ".join(kernel) or "no cgroup",
    }
    return {witness: phrase for witness, phrase in found.items() if phrase}


def _of(resources: Mapping[str, Any] | None, fields: list[str]) -> str:
    if resources is None:
        return "no resources"
    return ", ".join(f"{field} {resources.get(field, 'absent')}" for field in fields)
