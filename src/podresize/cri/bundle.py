"""The bundle of a container for an OCI runtime alone: what a CRI runtime would have written.

The configuration is the one that ``runc spec`` writes (runtime-spec, config.md), with the workload
as its process and resources by the names of CRI.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from podresize.cri.oci_state import SPEC_KEYS

# crun takes none above 1.1 before 1.14.3 (containers/crun#1620); nothing here needs more.
_VERSION = "1.0.2"
# What containerd and Docker give a container that asks for nothing (oci.defaultUnixCaps).
_CAPABILITIES = [
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW"),
    *("CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE"),
    *("CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"),
]
_CLOSED = ["nosuid", "noexec", "nodev"]
OOM = "oom_score_adj"
# What systemd's name of a container's scope begins with (runc's docs/systemd.md, crun(1)).
_SCOPE = "podresize"
ENTRYPOINT = ("/probe",)
ARGUMENTS = ("serve",)


def configuration(
    *,
    rootfs: Path,
    cgroups_path: str,
    resources: Mapping[str, Any],
    arguments: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the content of ``config.json``.

    ``rootfs`` is the directory that becomes ``/``, read-only, since containers share it;
    ``cgroups_path`` is as the function of that name has it. ``resources`` are by the names of CRI's
    LinuxContainerResources, ``arguments`` the probe's (``("serve",)``).
    """
    process: dict[str, Any] = {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "args": [*ENTRYPOINT, *(arguments or ARGUMENTS)],
        "env": ["PATH=/"],
        "cwd": "/",
        "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), _CAPABILITIES),
        "noNewPrivileges": True,
    }
    if resources.get(OOM):
        process["oomScoreAdj"] = resources[OOM]
    return {
        "ociVersion": _VERSION,
        "process": process,
        "root": {"path": str(rootfs), "readonly": True},
        "hostname": "podresize",
        "mounts": _mounts(),
        "linux": {
            "cgroupsPath": cgroups_path,
            "namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")],
            "resources": {
                "devices": [{"allow": False, "access": "rwm"}],
                **linux_resources(resources),
            },
        },
    }


def cgroups_path(parent: str, container: str) -> str:
    """Return the ``cgroupsPath`` of a container in a sandbox's ``cgroup_parent``.

    A path relative to each hierarchy; below a slice, for systemd, ``slice:prefix:name``.
    """
    separator = f":{_SCOPE}:" if parent.endswith(".slice") else "/"
    return f"{parent}{separator}{container}"


def linux_resources(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``linux.resources`` (config-linux.md, "Control groups") with the fields that are set.

    A field that is 0 or empty is left out, which is how the specification says "unspecified".
    ``oom_score_adj`` has no place there.
    """
    found: dict[str, Any] = {}
    for name, (group, key) in SPEC_KEYS.items():
        if fields.get(name):
            found.setdefault(group, {})[key] = fields[name]
    if fields.get("hugepage_limits"):
        found["hugepageLimits"] = [
            {"pageSize": page, "limit": limit} for page, limit in fields["hugepage_limits"].items()
        ]
    if fields.get("unified"):
        found["unified"] = dict(fields["unified"])
    return found


def _mounts() -> list[dict[str, Any]]:
    def mount(kind: str, place: str, *options: str, source: str | None = None) -> dict[str, Any]:
        return {
            "destination": place,
            "type": kind,
            "source": source or kind,
            "options": list(options),
        }

    return [
        mount("proc", "/proc"),
        mount("tmpfs", "/dev", "nosuid", "strictatime", "mode=755", "size=65536k"),
        mount("devpts", "/dev/pts", "nosuid", "noexec", "newinstance", "ptmxmode=0666"),
        mount("tmpfs", "/dev/shm", *_CLOSED, "mode=1777", "size=65536k", source="shm"),
        mount("tmpfs", "/tmp", *_CLOSED, "mode=1777", "size=65536k"),
        mount("sysfs", "/sys", *_CLOSED, "ro"),
        mount("cgroup", "/sys/fs/cgroup", *_CLOSED, "relatime", "ro"),
    ]
