"""The kubelet's settings that every provider makes, and what a user's file may change of them.

What depends on the host is passed in as ``Host``; what depends on the release is decided here, with
the source.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from packaging.version import InvalidVersion, Version

from podresize.errors import UsageError
from podresize.oracle.quantity import parse_quantity, whole_bytes
from podresize.providers.host import Host
from podresize.requirements.target import Target, kubelet_settings

FEATURE = "InPlacePodVerticalScaling"
# The settings by which the provider reaches and isolates the kubelet, and the one that is the
# runtime's too (--cgroup-driver): a user's file may not move them, everything else it may.
_OWNED_KUBELET_KEYS = (
    "cgroupDriver",
    "address",
    "cgroupRoot",
    "containerRuntimeEndpoint",
    "authentication",
    "authorization",
    "tlsCertFile",
    "tlsPrivateKeyFile",
    "port",
)


def told(target: Target, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return a target as it is handed to whoever makes it: plain data.

    Whose files they were does not matter later, what they said does.
    """
    return dataclasses.asdict(target) | {
        "kubelet_config": None,
        "kubelet": kubelet_settings(overrides),
        "manifests": (),
    }


def gate_is_locked(kubernetes: str) -> bool:
    """Return whether the gate can no longer be turned off (GA and locked since 1.35).

    False for what is no version: the artifacts refuse it, and say which exist.
    """
    try:
        return Version(kubernetes) >= Version("1.35")
    except InvalidVersion:
        return False


def feature_gates(target: Target, component: str | None = None) -> dict[str, bool]:
    """Return the gates that a component of ``GATED`` is given; of None, that each of them is."""
    if gate_is_locked(target.kubernetes):
        return {}
    return {FEATURE: target.gate and component not in target.gate_off_in}


def node_settings(target: Target, host: Host) -> dict[str, Any]:
    """Return the KubeletConfiguration that this target wants on this host, wherever it runs."""
    gates = feature_gates(target, "kubelet")
    config: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        # The host's disk is not under test: a nearly full one must not evict the pods that are.
        "evictionHard": {
            "memory.available": "50Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
            "nodefs.inodesFree": "1%",
        },
        "failSwapOn": False,
        "featureGates": gates,
        # Images were loaded by hand and cannot be pulled again.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        # cadvisor cannot name the device below a bind mount in a namespace; without this the
        # kubelet waits for ephemeral-storage capacity and never becomes Ready.
        "localStorageCapacityIsolation": False,
    }
    if not host.sys_resource:
        gates["KubeletInUserNamespace"] = True
    if host.cgroup_version == 1 and Version(target.kubernetes) >= Version("1.35"):
        config["failCgroupV1"] = False
    if target.cpu_manager_policy != "none":
        config["cpuManagerPolicy"] = target.cpu_manager_policy
        config["reservedSystemCPUs"] = "0"
    if target.memory_manager_policy != "None":
        config["memoryManagerPolicy"] = target.memory_manager_policy
    return config


def with_overrides(config: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration with a user's settings, which win key by key."""
    config = merge(config, overrides)
    if config.get("memoryManagerPolicy") == "Static":
        config.setdefault("reservedMemory", _reserved_memory(config))
    return config


def _reserved_memory(config: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the memory manager is told to leave alone, all of it on the first NUMA node.

    The kubelet refuses any sum but that of kubeReserved, systemReserved and the hard eviction
    threshold (pkg/kubelet/cm/memorymanager, validateReservedMemory). A threshold in percent is the
    user's, who has to give ``reservedMemory`` with it: the kubelet says so in its own words.
    """
    reserved = [config.get(key, {}).get("memory") for key in ("kubeReserved", "systemReserved")]
    reserved.append(config.get("evictionHard", {}).get("memory.available"))
    known = [str(each) for each in reserved if each and not str(each).endswith("%")]
    total = sum((parse_quantity(each) for each in known), Decimal(0))
    return [{"numaNode": 0, "limits": {"memory": str(whole_bytes(total))}}]


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return both; where both have a mapping, that of both."""
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def read_overrides(path: Path) -> dict[str, Any]:
    """Read a user's KubeletConfiguration. Raises ``UsageError`` for anything else."""
    origin = "--kubelet-config"
    again = f"head {path}"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the kubelet configuration cannot be read: {error}",
            value=str(path),
            origin=origin,
            causes=("a typing error in the path",),
            next_command=f"ls -l {path}",
        ) from None
    try:
        loaded = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(
            "the kubelet configuration is not YAML",
            value=f"{path}: {' '.join(str(error).split())}",
            origin=origin,
            causes=("indentation mixes tabs and spaces", "a quote or bracket is not closed"),
            next_command=again,
        ) from None
    if not isinstance(loaded, dict):
        raise UsageError(
            "the kubelet configuration is not a mapping of settings",
            value=f"{path}: {type(loaded).__name__}",
            origin=origin,
            causes=("the file is empty", "it holds a list or a single word"),
            next_command=again,
        )
    try:
        json.dumps(loaded, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(
            "the kubelet configuration holds a value that no setting can have",
            value=f"{path}: {error}",
            origin=origin,
            causes=("a date without quotes", "an anchor that contains itself"),
            next_command=again,
        ) from None
    kind = loaded.get("kind", "KubeletConfiguration")
    version = loaded.get("apiVersion", "kubelet.config.k8s.io/v1beta1")
    if kind != "KubeletConfiguration" or version != "kubelet.config.k8s.io/v1beta1":
        raise UsageError(
            "the file is not a kubelet configuration",
            value=f"{path}: apiVersion {version}, kind {kind}",
            origin=origin,
            causes=("another manifest was given", "the configuration is of another version"),
            next_command=again,
        )
    refuse_owned(loaded, place=str(path), origin=origin)
    return loaded


def refuse_owned(settings: Mapping[str, Any], *, place: str, origin: str) -> None:
    """Raise ``UsageError`` for settings that the provider itself must make."""
    owned = [key for key in _OWNED_KUBELET_KEYS if key in settings]
    if owned:
        driver = ("the runtime has the same cgroup driver: --cgroup-driver is for both",)
        raise UsageError(
            "the kubelet configuration sets what the provider itself must set",
            value=f"{place}: {', '.join(owned)}",
            origin=origin,
            causes=(
                "the file was taken whole from a running node",
                *(driver if "cgroupDriver" in owned else ()),
            ),
            next_command=f"remove {', '.join(owned)} from {place}",
        )


def overrides_of(target: Target) -> dict[str, Any]:
    """Return the user's settings of the kubelet: the file's, and over them the target's own.

    Raises ``UsageError`` for a file that is no such configuration.
    """
    found = read_overrides(target.kubelet_config) if target.kubelet_config else {}
    refuse_owned(target.kubelet_overrides, place="Target.kubelet", origin="the target")
    return merge(found, target.kubelet_overrides)
