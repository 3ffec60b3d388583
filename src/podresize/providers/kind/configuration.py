"""kind's configuration of a target: the files of ``manifests/kind`` and what the target adds."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from podresize.errors import HarnessError
from podresize.manifests import manifests
from podresize.providers.host import Host
from podresize.providers.kubelet import feature_gates, node_settings, with_overrides
from podresize.requirements.target import Target

CGROUP_ROOT = "/kubelet"
"""Where kind has the kubelet put all pods, below the node container's own cgroup root."""
TAP_SOCKET = Path("/run/podresize-tap.sock")
"""Where a tap listens, as the node sees it."""
# kind applies a patch only to a configuration of the patch's own version.
_CONTAINERD_VERSIONS = (2, 3)
_SUBJECT = "kind"
# One replica of each: an election costs seconds. The controllers start one after the other, each
# behind the client's rate limit: at the default of 20 requests a second that alone takes four.
_SCHEDULER = {"leader-elect": "false"}
_MANAGER = {"leader-elect": "false", "kube-api-qps": "500", "kube-api-burst": "1000"}


def cluster(
    target: Target, host: Host, overrides: dict[str, Any], *, address: str | None = None
) -> str:
    """Return kind's configuration as YAML; ``overrides`` are a user's settings of the kubelet.

    ``address`` is where the engine publishes ports; None for kind's own choice, the loopback.
    """
    config: dict[str, Any] = yaml.safe_load(_read("cluster.yaml"))
    config["featureGates"] = feature_gates(target)
    config["kubeadmConfigPatches"].append(
        yaml.safe_dump(kubelet(target, host, overrides), sort_keys=False)
    )
    config["kubeadmConfigPatches"] += [
        yaml.safe_dump(patch, sort_keys=False) for patch in control_plane(target)
    ]
    config["containerdConfigPatches"] = [
        _read(f"containerd-{version}-{what}.toml")
        for version in _CONTAINERD_VERSIONS
        for what in containerd_changes(target, host)
    ]
    if address is not None:
        # kind would look for a free port on an address that this host does not have; -1 leaves the
        # choice to the engine.
        config["networking"] |= {"apiServerAddress": address, "apiServerPort": -1}
    # The kubelet's settings are no node's own: one that joins gets the configuration of the first
    # node, whatever its own patches say (kubernetes-sigs/kind#3849).
    roles = ["control-plane", *["worker"] * target.worker_nodes]
    nodes: list[dict[str, Any]] = [{"role": role} for role in roles]
    if target.tap:
        # The checks' node alone.
        nodes[1 if target.worker_nodes else 0] |= {"kubeadmConfigPatches": tapped()}
    config["nodes"] = nodes
    return yaml.safe_dump(config, sort_keys=False)


def tapped() -> list[str]:
    """Return the patches by which kubeadm has a node's kubelet ask the tap, on any kind of node.

    The socket need not be there yet: without its preflight kubeadm itself asks no runtime.
    """
    registration = {"nodeRegistration": {"criSocket": f"unix://{TAP_SOCKET}"}}
    return [
        yaml.safe_dump({"kind": kind} | registration, sort_keys=False)
        for kind in ("InitConfiguration", "JoinConfiguration")
    ]


def control_plane(target: Target) -> list[dict[str, Any]]:
    """Return what kubeadm's ClusterConfiguration is patched with, for each version of it.

    In v1beta4 the arguments are a list, which a patch replaces: it has to repeat kind's own.
    """
    gates = ",".join(
        f"{name}={'true' if on else 'false'}" for name, on in feature_gates(target).items()
    )
    own = {"feature-gates": gates} if gates else {}
    wanted = {
        "controllerManager": own | {"enable-hostpath-provisioner": "true"} | _MANAGER,
        "scheduler": own | _SCHEDULER,
    }
    as_map = {name: {"extraArgs": arguments} for name, arguments in wanted.items()}
    as_list = {
        name: {"extraArgs": [{"name": key, "value": value} for key, value in arguments.items()]}
        for name, arguments in wanted.items()
    }
    return [
        {"apiVersion": f"kubeadm.k8s.io/{version}", "kind": "ClusterConfiguration"} | arguments
        for version, arguments in (("v1beta3", as_map), ("v1beta4", as_list))
    ]


def kubelet(target: Target, host: Host, overrides: dict[str, Any]) -> dict[str, Any]:
    """Return what kind's own KubeletConfiguration is patched with."""
    config = node_settings(target, host) | {"cgroupDriver": target.driver}
    return with_overrides(config, overrides)


def containerd_changes(target: Target, host: Host) -> list[str]:
    """Return which changes of containerd's configuration this target needs on this host."""
    changes = {
        "no-sys-resource": not host.sys_resource,
        "no-apparmor": not host.apparmor,
        "crun": target.oci_runtime == "crun",
        "cgroupfs": target.driver == "cgroupfs",
        # Registries that a node is told of while it runs (providers/containers/registry.py).
        "registries": True,
    }
    return [name for name, wanted in changes.items() if wanted]


def check_taken(written: str, target: Target, host: Host) -> None:
    """Raise ``HarnessError`` unless containerd's configuration has every change.

    ``written`` is the file as the node has it. kind leaves a patch out without a word when its
    version is not the file's.
    """
    have = tomllib.loads(written)
    version = have.get("version")
    for what in containerd_changes(target, host):
        if version not in _CONTAINERD_VERSIONS:
            missing: str | None = f"version = {version}"
        else:
            wanted = tomllib.loads(_read(f"containerd-{version}-{what}.toml"))
            missing = first_missing(wanted, have)
        if missing is not None:
            raise HarnessError(
                "kind did not change containerd's configuration as it was told",
                value=f"{what}: {missing}",
                origin="/etc/containerd/config.toml on the node",
                causes=("its configuration is of a version that podresize has no patch for",),
                next_command="podresize artifacts get node-image",
            )


def first_missing(wanted: Mapping[str, Any], have: Mapping[str, Any], at: str = "") -> str | None:
    """Return the path of the first value that ``have`` lacks or has otherwise, or None."""
    for key, value in wanted.items():
        path = f"{at}.{key}" if at else key
        if isinstance(value, Mapping):
            inner = have.get(key)
            found = first_missing(value, inner if isinstance(inner, Mapping) else {}, path)
            if found is not None:
                return found
        elif have.get(key) != value:
            return f"{path} is {have.get(key)!r}, not {value!r}"
    return None


def runtime_classes() -> list[dict[str, Any]]:
    """Return a RuntimeClass for each OCI runtime of the node image."""
    return list(yaml.safe_load_all(_read("runtime-classes.yaml")))


def _read(name: str) -> str:
    return (manifests(_SUBJECT) / name).read_text("utf-8")
