"""The files the components read: kubelet, containerd, CNI and the kubeconfigs.

Functions return text or plain data; ``write_all`` is the one that writes. What depends on the
host is passed in as ``Host``; what depends on the release is decided here, with the source.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from packaging.version import InvalidVersion, Version

from podresize.errors import UsageError
from podresize.oracle.quantity import parse_quantity, whole_bytes
from podresize.providers.interface import OWN_NODE
from podresize.providers.local.host import Host
from podresize.providers.local.layout import Layout
from podresize.requirements.target import Target

PAUSE_IMAGE = "podresize.local/pause:1"
FEATURE = "InPlacePodVerticalScaling"
# The settings by which the provider reaches and isolates the kubelet: a user's file may not move
# them, everything else it may.
_OWNED_KUBELET_KEYS = (
    "address",
    "cgroupRoot",
    "containerRuntimeEndpoint",
    "authentication",
    "authorization",
    "tlsCertFile",
    "tlsPrivateKeyFile",
    "port",
)


def gate_is_locked(kubernetes: str) -> bool:
    """Return whether the gate can no longer be turned off (GA and locked since 1.35).

    False for what is no version: the artifacts refuse it, and say which exist.
    """
    try:
        return Version(kubernetes) >= Version("1.35")
    except InvalidVersion:
        return False


def feature_gates(target: Target) -> dict[str, bool]:
    """Return the gates that apiserver, scheduler, controller manager and kubelet are given."""
    return {} if gate_is_locked(target.kubernetes) else {FEATURE: target.gate}


def kubelet(
    layout: Layout, target: Target, host: Host, overrides: dict[str, Any], *, joins: bool = False
) -> dict[str, Any]:
    """Return the KubeletConfiguration; ``overrides`` are the user's and win, key by key.

    A node that ``joins`` a cluster keeps pods away that do not tolerate ``OWN_NODE``.
    """
    gates = feature_gates(target)
    config: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": layout.node_address,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(layout.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{layout.cgroup}",
        "clusterDNS": ["10.96.0.10"],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
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
        "resolvConf": str(layout.etc / "resolv.conf"),
        "tlsCertFile": str(layout.pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(layout.pki / "kubelet-server.key"),
        "volumePluginDir": str(layout.directory / "volume-plugins"),
    }
    if joins:
        # Pods of others come to it by no accident.
        config["registerWithTaints"] = [{"key": OWN_NODE, "effect": "NoSchedule"}]
    if not host.sys_resource:
        gates["KubeletInUserNamespace"] = True
    if host.cgroup_version == 1 and Version(target.kubernetes) >= Version("1.35"):
        config["failCgroupV1"] = False
    if target.cpu_manager_policy != "none":
        config["cpuManagerPolicy"] = target.cpu_manager_policy
        config["reservedSystemCPUs"] = "0"
    if target.memory_manager_policy != "None":
        config["memoryManagerPolicy"] = target.memory_manager_policy
    config = _merge(config, overrides)
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


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def read_kubelet_overrides(path: Path) -> dict[str, Any]:
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
        raise UsageError(
            "the kubelet configuration sets what the provider itself must set",
            value=f"{place}: {', '.join(owned)}",
            origin=origin,
            causes=("the file was taken whole from a running node",),
            next_command=f"remove {', '.join(owned)} from {place}",
        )


def kubelet_overrides(target: Target) -> dict[str, Any]:
    """Return the user's settings of the kubelet: the file's, and over them the target's own.

    Raises ``UsageError`` for a file that is no such configuration.
    """
    found = read_kubelet_overrides(target.kubelet_config) if target.kubelet_config else {}
    refuse_owned(target.kubelet_overrides, place="Target.kubelet", origin="the target")
    return _merge(found, target.kubelet_overrides)


def containerd(layout: Layout, host: Host, runtimes: dict[str, Path], default: str) -> str:
    """Return containerd's configuration (version 2 is read by 1.6, 1.7 and, converted, 2.x)."""
    plugin = 'plugins."io.containerd.grpc.v1.cri"'
    lines = [
        "version = 2",
        f'root = "{layout.directory / "containerd"}"',
        f'state = "{layout.run / "containerd"}"',
        'disabled_plugins = ["io.containerd.snapshotter.v1.zfs", '
        '"io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", '
        '"io.containerd.snapshotter.v1.aufs"]',
        "[grpc]",
        f'  address = "{layout.containerd_socket}"',
        "[ttrpc]",
        f'  address = "{layout.containerd_socket}.ttrpc"',
        '[plugins."io.containerd.internal.v1.opt"]',
        f'  path = "{layout.directory / "opt"}"',
        f"[{plugin}]",
        f'  sandbox_image = "{PAUSE_IMAGE}"',
        f"  disable_apparmor = {str(not host.apparmor).lower()}",
        f"  restrict_oom_score_adj = {str(not host.sys_resource).lower()}",
        f"[{plugin}.cni]",
        f'  bin_dir = "{layout.directory / "cni"}"',
        f'  conf_dir = "{layout.etc / "cni"}"',
        f"[{plugin}.containerd]",
        '  snapshotter = "overlayfs"',
        f'  default_runtime_name = "{default}"',
    ]
    for name, program in runtimes.items():
        lines += [
            f"[{plugin}.containerd.runtimes.{name}]",
            '  runtime_type = "io.containerd.runc.v2"',
            f"[{plugin}.containerd.runtimes.{name}.options]",
            f'  BinaryName = "{program}"',
            "  SystemdCgroup = false",
        ]
    return "\n".join(lines) + "\n"


def cni(layout: Layout) -> str:
    """Return the pod network: a point-to-point link for each pod, no way out of the namespace."""
    return json.dumps(
        {
            "cniVersion": "0.4.0",
            "name": "podresize",
            "plugins": [
                {
                    "type": "ptp",
                    "ipMasq": False,
                    "ipam": {
                        "type": "host-local",
                        "subnet": layout.pod_subnet,
                        "dataDir": str(layout.run / "cni"),
                        "routes": [{"dst": "0.0.0.0/0"}],
                    },
                }
            ],
        },
        indent=2,
    )


def kubeconfig(layout: Layout, *, user: str, server: str) -> str:
    """Return a kubeconfig with everything inside it, so that it can be copied elsewhere."""

    def encoded(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": layout.name,
                    "cluster": {
                        "server": server,
                        "certificate-authority-data": encoded(layout.pki / "ca.crt"),
                    },
                }
            ],
            "users": [
                {
                    "name": user,
                    "user": {
                        "client-certificate-data": encoded(layout.pki / f"{user}.crt"),
                        "client-key-data": encoded(layout.pki / f"{user}.key"),
                    },
                }
            ],
            "contexts": [{"name": layout.name, "context": {"cluster": layout.name, "user": user}}],
            "current-context": layout.name,
        },
        sort_keys=False,
    )
