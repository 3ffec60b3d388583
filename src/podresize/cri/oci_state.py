"""What an OCI runtime keeps of a container's resources, by the names of CRI.

runc writes its whole configuration, the resources as they were last set among it, to
``<root>/<id>/state.json`` (libcontainer State); ``runc update`` writes it anew. crun keeps no
resources (libcrun's status file has none), and gVisor's runsc keeps its own in a format that is
nobody else's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from podresize.evidence.kernel_view import KernelView
from podresize.requirements.runtime_target import OciHandle

# OCI specification (config-linux.md, "Control groups") and libcontainer's configs.Resources.
SPEC_KEYS = {
    "cpu_shares": ("cpu", "shares"),
    "cpu_quota": ("cpu", "quota"),
    "cpu_period": ("cpu", "period"),
    "cpuset_cpus": ("cpu", "cpus"),
    "cpuset_mems": ("cpu", "mems"),
    "memory_limit_in_bytes": ("memory", "limit"),
    "memory_swap_limit_in_bytes": ("memory", "swap"),
}
_RUNC = {
    "cpu_shares": "cpu_shares",
    "cpu_quota": "cpu_quota",
    "cpu_period": "cpu_period",
    "cpuset_cpus": "cpuset_cpus",
    "cpuset_mems": "cpuset_mems",
    "memory_limit_in_bytes": "memory",
    "memory_swap_limit_in_bytes": "memory_swap",
}


KEEPING = ("runc",)
"""The OCI runtimes that keep a container's resources, and where this module finds them."""


def kept(handle: OciHandle, container: str, kernel: KernelView) -> dict[str, Any] | None:
    """Return the resources that the OCI runtime keeps; None where it keeps none, or is gone."""
    if handle.kind not in KEEPING:
        return None
    try:
        text = kernel.read(handle.root / container / "state.json")
    except OSError:
        return None
    cgroups = json.loads(text).get("config", {}).get("cgroups")
    return None if cgroups is None else from_runc(cgroups)


def places(handle: OciHandle, container: str, kernel: KernelView) -> tuple[list[Path], list[Path]]:
    """Return the directories and the files that are kept of a container.

    runc and crun name a directory after it, runsc files.
    """
    found = []
    for names in (kernel.directories, kernel.files):
        try:
            found.append([handle.root / name for name in names(handle.root) if container in name])
        except FileNotFoundError:
            found.append([])  # no container has been made yet
    return found[0], found[1]


def from_runc(cgroups: Mapping[str, Any]) -> dict[str, Any]:
    """Return the resources in runc's ``config.cgroups``, without those that are 0 or empty."""
    found = {name: cgroups.get(key) for name, key in _RUNC.items()}
    pages = cgroups.get("hugetlb_limit") or ()
    found["hugepage_limits"] = {each["page_size"]: each["limit"] for each in pages}
    found["unified"] = cgroups.get("unified") or {}
    return {name: value for name, value in found.items() if value}


def from_spec(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Return the resources in an OCI specification's ``linux.resources``, likewise."""
    found: dict[str, Any] = {
        name: (resources.get(group) or {}).get(key) for name, (group, key) in SPEC_KEYS.items()
    }
    pages = resources.get("hugepageLimits") or ()
    found["hugepage_limits"] = {each["pageSize"]: each["limit"] for each in pages}
    found["unified"] = resources.get("unified") or {}
    return {name: value for name, value in found.items() if value}
