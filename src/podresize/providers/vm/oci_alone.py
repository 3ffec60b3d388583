"""A guest for an OCI runtime alone: files for its containers, a cgroup to put them below, and
nothing that runs."""

from __future__ import annotations

import json
import shlex

from podresize.artifacts.images import WORKLOAD
from podresize.providers.vm.guest_agent import Guest
from podresize.providers.vm.layout import (
    GUEST_ALONE,
    GUEST_BUNDLES,
    GUEST_CGROUP,
    GUEST_IMAGES,
    GUEST_OCI_ROOT,
    GUEST_ROOTFS,
    RUNTIME_CGROUP,
)

_UNPACKED = GUEST_ALONE / "unpacked"
# The controllers with settings that a container can have (local/cgroups.py has the same).
_CONTROLLERS = "cpu cpuset io memory pids hugetlb"


def prepare(guest: Guest, *, driver: str) -> None:
    """Unpack the workload's image, end the CRI runtime, and make a cgroup where no systemd does.

    Raises ``HarnessError``.
    """
    guest.run("/bin/sh", "-c", first_script(driver))
    guest.run("/bin/sh", "-c", second_script(layers_of(guest.read(_UNPACKED / "manifest.json"))))


def first_script(driver: str) -> str:
    """Return what is done before it is known which layers the image has."""
    made = (GUEST_ROOTFS, GUEST_BUNDLES, GUEST_OCI_ROOT, _UNPACKED)
    return "\n".join(
        (
            "set -eu",
            # It was booted with one, and nothing is to speak CRI.
            "systemctl stop podresize-images.service containerd.service",
            f"mkdir -p {' '.join(map(str, made))}",
            f"tar -xf {GUEST_IMAGES} -C {_UNPACKED}",
            *(() if driver == "systemd" else _cgroup()),
        )
    )


def layers_of(listed: bytes) -> list[str]:
    """Return the layers of the workload, as a ``manifest.json`` of ``docker save`` lists them."""
    (layers,) = (each["Layers"] for each in json.loads(listed) if WORKLOAD in each["RepoTags"])
    return list(map(str, layers))


def second_script(layers: list[str]) -> str:
    """Return what makes a root file system of the layers, the lowest first."""
    places = (shlex.quote(str(_UNPACKED / layer)) for layer in layers)
    return "\n".join(
        (
            "set -eu",
            *(f"tar -xf {place} -C {GUEST_ROOTFS}" for place in places),
            f"rm -r {_UNPACKED}",
        )
    )


def _cgroup() -> tuple[str, ...]:
    """Return the lines that make the cgroup below which sandboxes are, as ``local/cgroups`` does:
    with its controllers handed down, and on v1 with processors to hand down."""
    return (
        f"cd {GUEST_CGROUP}",
        "if [ -e cgroup.controllers ]; then",
        f"    mkdir -p {RUNTIME_CGROUP}",
        f"    for name in {_CONTROLLERS}; do",
        f"        for place in . {RUNTIME_CGROUP}; do",
        '            if grep -qw "$name" "$place/cgroup.controllers"; then',
        '                echo "+$name" >"$place/cgroup.subtree_control"',
        "            fi",
        "        done",
        "    done",
        "else",
        "    for place in *; do",
        '        [ -d "$place" ] || continue',
        f'        mkdir -p "$place/{RUNTIME_CGROUP}"',
        "        for name in cpuset.cpus cpuset.mems; do",
        '            if [ -e "$place/$name" ]; then',
        f'                cat "$place/$name" >"$place/{RUNTIME_CGROUP}/$name"',
        "            fi",
        "        done",
        "    done",
        "fi",
    )
