"""Is a cluster that is there the target that was asked for?"""

from __future__ import annotations

import dataclasses
import re
from pathlib import PurePath

from podresize.requirements.target import ACCELERATORS, Fingerprint, Target


def mismatches(
    target: Target,
    fingerprint: Fingerprint,
    *,
    worker_nodes: int = 0,
    tap: bool = False,
    wrongs: tuple[str, ...] = (),
    accelerator: str | None = None,
) -> list[str]:
    """Return what a running cluster is otherwise than the target, one phrase each.

    ``worker_nodes`` is how many it has, ``tap`` whether one is there, and ``wrongs`` what it is
    made to do wrong (``Target.wrongs``); ``accelerator`` runs the guest of its node. Settings of
    the kubelet that a fingerprint does not hold are not compared.
    """
    wanted = {
        "kubernetes": target.kubernetes,
        "runtime_version": target.containerd,
        "oci_runtime": target.oci_name,
        "gate": target.gate,
        "cpu_manager_policy": target.cpu_manager_policy,
        "memory_manager_policy": target.memory_manager_policy,
    }
    if target.oci_release is not None:
        # A distribution's own mark (1.1.5+ds1) is no part of a release.
        wanted["oci_runtime_version"] = target.oci_release
        fingerprint = dataclasses.replace(
            fingerprint, oci_runtime_version=fingerprint.oci_runtime_version.partition("+")[0]
        )
    if target.driver is not None:
        wanted["cgroup_driver"] = target.driver
    if target.cgroup_version is not None:
        wanted["cgroup_version"] = target.cgroup_version
    have = {name: getattr(fingerprint, name) for name in wanted}
    wanted["worker_nodes"], have["worker_nodes"] = target.worker_nodes, worker_nodes
    wanted["tap"], have["tap"] = target.tap, tap
    if target.accelerator != ACCELERATORS[0]:
        wanted["accelerator"], have["accelerator"] = target.accelerator, accelerator
    if target.kernel is not None and not _is_kernel(target.kernel, fingerprint.kernel):
        wanted["kernel"], have["kernel"] = target.kernel, fingerprint.kernel
    wanted["wrongs"], have["wrongs"] = target.wrongs, wrongs
    return [
        f"{name} is {have[name]}, not {value}"
        for name, value in wanted.items()
        if have[name] != value
    ]


def _is_kernel(word: str, release: str) -> bool:
    """Return whether a version, a package or a file of ``--kernel`` may be that of a release.

    A package that names no version (``linux-image-cloud-amd64``) depends on another that does: by
    its name it may be that of any.
    """
    if word[:1].isdigit():
        return re.match(rf"{re.escape(word)}(\D|$)", release) is not None
    name = PurePath(word).name.split("_")[0].removesuffix("-unsigned")
    version = name.removeprefix("linux-image-").removeprefix("unsigned-")
    return version == release or not version[:1].isdigit()
