"""The files the components read: kubelet, containerd, CNI and the kubeconfigs.

Functions return text or plain data; ``write_all`` is the one that writes. What depends on the
host is passed in as ``Host``; what depends on the release is decided here, with the source.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import yaml

from podresize.providers.host import Host
from podresize.providers.interface import OWN_NODE
from podresize.providers.kubelet import node_settings, with_overrides
from podresize.providers.local.layout import Layout
from podresize.requirements.target import Target

PAUSE_IMAGE = "podresize.local/pause:1"
RUNSC = "runsc"


def kubelet(
    layout: Layout, target: Target, host: Host, overrides: dict[str, Any], *, joins: bool = False
) -> dict[str, Any]:
    """Return the KubeletConfiguration; ``overrides`` are the user's and win, key by key.

    A node that ``joins`` a cluster keeps pods away that do not tolerate ``OWN_NODE``.
    """
    config = node_settings(target, host) | {
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
        "containerRuntimeEndpoint": f"unix://{layout.cri_socket(tap=target.tap)}",
        "resolvConf": str(layout.etc / "resolv.conf"),
        "tlsCertFile": str(layout.pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(layout.pki / "kubelet-server.key"),
        "volumePluginDir": str(layout.directory / "volume-plugins"),
    }
    if joins:
        # Pods of others come to it by no accident.
        config["registerWithTaints"] = [{"key": OWN_NODE, "effect": "NoSchedule"}]
    return with_overrides(config, overrides)


def containerd(
    layout: Layout,
    host: Host,
    runtimes: dict[str, Path],
    default: str,
    *,
    oci_root: Path | None = None,
    huge_pages: bool = False,
) -> str:
    """Return containerd's configuration (version 2 is read by 1.6, 1.7 and, converted, 2.x).

    ``runtimes`` maps a handler to its OCI runtime's program. ``oci_root`` is where these keep their
    states, a directory for each of containerd's namespaces; None leaves it to the shims, who take
    one below ``/run`` (``process.RuncRoot``). With ``huge_pages`` containerd passes limits of them
    on where the kernel has the controller, which it does not by default.
    """
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
        *(["  disable_hugetlb_controller = false"] if huge_pages else []),
        f"[{plugin}.cni]",
        f'  bin_dir = "{layout.directory / "cni"}"',
        f'  conf_dir = "{layout.etc / "cni"}"',
        f"[{plugin}.containerd]",
        '  snapshotter = "overlayfs"',
        f'  default_runtime_name = "{default}"',
    ]
    for name, program in runtimes.items():
        lines += _runtime(f"{plugin}.containerd.runtimes.{name}", layout, host, name, program)
        if oci_root is not None and "ConfigPath" not in lines[-1]:
            lines.append(f'  Root = "{oci_root}"')
    return "\n".join(lines) + "\n"


def _runtime(table: str, layout: Layout, host: Host, name: str, program: Path) -> list[str]:
    if name == RUNSC and host.sys_resource:
        # With its own shim, which reads a file of its own (``gvisor``).
        return [
            f"[{table}]",
            '  runtime_type = "io.containerd.runsc.v1"',
            f"[{table}.options]",
            '  TypeUrl = "io.containerd.runsc.v1.options"',
            f'  ConfigPath = "{layout.etc / "runsc.toml"}"',
        ]
    return [
        f"[{table}]",
        '  runtime_type = "io.containerd.runc.v2"',
        f"[{table}.options]",
        f'  BinaryName = "{program}"',
        "  SystemdCgroup = false",
    ]


def write_runtime(layout: Layout, containerd: str) -> None:
    """Write what containerd reads."""
    (layout.etc / "containerd.toml").write_text(containerd)
    (layout.etc / "cni" / "10-podresize.conflist").write_text(cni(layout))


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
