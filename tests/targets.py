"""A target to vary: the oldest release that has the feature, on a runtime that reports."""

from __future__ import annotations

from podresize.requirements.target import Fingerprint

TARGET = Fingerprint(
    provider="local",
    kubernetes="1.27.4",
    kubelet="1.27.4",
    runtime="containerd",
    runtime_version="1.6.36",
    oci_runtime="runc",
    oci_runtime_version="1.1.5",
    cgroup_version=1,
    cgroup_driver="cgroupfs",
    gate=True,
    cpu_manager_policy="none",
    kernel="6.1.0",
    os_image="Debian GNU/Linux 12",
    arch="amd64",
)
