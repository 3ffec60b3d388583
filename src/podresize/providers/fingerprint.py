"""Detecting what a running target is: versions, gate, cgroup version and driver.

Every value is asked of the part that knows it: the apiserver's ``/version`` and metrics, the
node's status, the kubelet's ``configz``, the runtime's CRI answers, the kernel's mounts. What the
user asked for is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from podresize.cluster.api import Api
from podresize.cluster.get import get, server_version
from podresize.cluster.metrics import feature_enabled, node_config
from podresize.cri.client import RuntimeClient
from podresize.errors import HarnessError
from podresize.providers.oci_program import ask_program, handler_settings, program_version
from podresize.requirements.target import SYNC_SECONDS, Fingerprint

FEATURE = "InPlacePodVerticalScaling"
_DURATION_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def detect(
    api: Api,
    *,
    provider: str,
    node: str,
    cri: RuntimeClient,
    cgroup_version: int,
    host_limits: tuple[str, ...] = (),
    oci_version: Callable[[Path], str] | None = None,
    slowness: float = 1.0,
    accelerator: str | None = None,
) -> Fingerprint:
    """Return the fingerprint of a cluster's node.

    ``cgroup_version`` is what the provider read off the node's mounts. ``oci_version`` returns what
    an OCI runtime of the node, by its path there, prints for ``--version``; None where the node's
    programs are this host's; ``slowness`` is what was measured of its processor, ``accelerator``
    what runs its machine. Raises ``ApiError``, ``CriError`` or ``HarnessError`` when a part does
    not answer.
    """
    version = server_version(api)["gitVersion"].removeprefix("v")
    info: dict[str, str] = get(api, kind="nodes", name=node)["status"]["nodeInfo"]
    kubelet = node_config(api, node=node)
    runtime = cri.version()
    settings = handler_settings(cri.status_info(), "")
    oci_name, oci_release = program_version(settings, oci_version or ask_program)
    return Fingerprint(
        provider=provider,
        kubernetes=version,
        kubelet=info["kubeletVersion"].removeprefix("v"),
        runtime=runtime["runtime_name"],
        runtime_version=runtime["runtime_version"].removeprefix("v"),
        oci_runtime=oci_name,
        oci_runtime_version=oci_release,
        cgroup_version=cgroup_version,
        cgroup_driver=kubelet["cgroupDriver"],
        gate=feature_enabled(api, name=FEATURE) is True,
        cpu_manager_policy=kubelet["cpuManagerPolicy"],
        kernel=info["kernelVersion"],
        os_image=info["osImage"],
        arch=info["architecture"],
        host_limits=host_limits,
        memory_manager_policy=kubelet.get("memoryManagerPolicy", "None"),
        sync_seconds=_sync_seconds(kubelet),
        slowness=slowness,
        accelerator=accelerator,
    )


def _sync_seconds(kubelet: dict[str, Any]) -> float:
    text = kubelet.get("syncFrequency")
    return SYNC_SECONDS if text is None else go_duration(text)


def go_duration(text: str) -> float:
    """Return the seconds of a duration as Go prints it (``1m0s``, ``1.5s``, ``200ms``, ``0s``)."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise HarnessError("not a duration", value=text, origin="the kubelet's configz")
    return sum(float(number) * _DURATION_UNITS[unit] for number, unit in parts)
