"""What differs between two snapshots, and what of it an update was meant to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podresize.evidence.updates.update import Update
from podresize.oracle import container_update as oracle
from podresize.oracle.cgroups import CgroupFiles
from podresize.requirements.runtime_target import RuntimeFingerprint

REPORTS = {
    "status": "the runtime's ContainerStatus",
    "spec": "the OCI specification",
    "oci": "the OCI runtime's state",
}
"""The witnesses that speak of resources, by their field of a snapshot, and their names."""


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, list[str | None]]:
    """Return old and new content of each file that changed, appeared or went."""
    return {
        file: [before.get(file), after.get(file)]
        for file in sorted(before.keys() | after.keys())
        if before.get(file) != after.get(file)
    }


def changed_unasked(
    update: Update, fingerprint: RuntimeFingerprint, asked: Mapping[str, Any]
) -> dict[str, list[str | None]]:
    """Return the files of the container's cgroup that changed and follow from nothing asked for."""
    kernel = update.before.kernel
    files = oracle.files_after(asked, kernel, fingerprint)
    meant = {file for each in files.values() for file in each}
    follows = oracle.files_that_may_follow(asked, kernel, fingerprint)
    return {
        file: values
        for file, values in difference(kernel, update.after.kernel).items()
        if file not in meant and not _may(file, values[1], follows)
    }


def enacted(update: Update, fingerprint: RuntimeFingerprint) -> dict[str, bool]:
    """Return of each field that was asked for whether the kernel has it."""
    wanted = oracle.files_after(update.asked, update.before.kernel, fingerprint)
    return {
        field: all(
            update.after.kernel.get(file) in [item.value for item in allowed]
            for file, allowed in files.items()
        )
        for field, files in wanted.items()
    }


def without(
    fields: Mapping[str, Any], asked: Mapping[str, Any], follows: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a report's fields but for those that were asked for and what may follow them."""
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        if name in follows or name == oracle.OOM:
            continue
        if name not in asked:
            kept[name] = value
        elif isinstance(value, Mapping):
            rest = {key: each for key, each in value.items() if key not in asked[name]}
            if rest:
                kept[name] = rest
    return kept


def as_kept(field: str, value: Any) -> Any:
    """Return a list of processors in one notation: two are equal that name the same."""
    return oracle.listed(value) if field in (oracle.CPUS, oracle.MEMS) and value else value


def _may(file: str, value: str | None, follows: CgroupFiles) -> bool:
    if file not in follows:
        return False
    allowed = [item.value for item in follows[file]]
    return len(allowed) == 1 or value in allowed  # one: only that it was, so anything goes
