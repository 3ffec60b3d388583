"""The files by which a guest becomes one cluster's node: kubelet, containerd, names."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from podresize.providers.host import Host
from podresize.providers.kubelet import node_settings, with_overrides
from podresize.providers.local.layout import Layout
from podresize.providers.vm.layout import (
    ADDRESS,
    GUEST_CONTAINERD,
    GUEST_ETC,
    GUEST_TAP,
    KUBELET_PORT,
)
from podresize.requirements.target import Target

_DRIVER = re.compile(r"^([ \t]*SystemdCgroup[ \t]*=[ \t]*)(true|false)[ \t]*$", re.MULTILINE)


def guest_host(host: Host, *, cgroup_version: int) -> Host:
    """Return what the guest has of what a provider's settings depend on: nothing is withheld."""
    return dataclasses.replace(
        host,
        sys_admin=True,
        net_admin=True,
        sys_resource=True,
        cgroup_version=cgroup_version,
        cgroup_mounts={},
        swap=0,
        apparmor=False,
        systemd=True,
    )


def kubelet(target: Target, guest: Host, overrides: dict[str, Any]) -> dict[str, Any]:
    """Return the KubeletConfiguration; ``overrides`` are the user's and win, key by key."""
    pki = GUEST_ETC / "pki"
    config = node_settings(target, guest) | {
        "address": ADDRESS,
        "port": KUBELET_PORT,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": target.driver,
        "clusterDNS": ["10.96.0.10"],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{GUEST_TAP if target.tap else GUEST_CONTAINERD}",
        "resolvConf": str(GUEST_ETC / "resolv.conf"),
        "tlsCertFile": str(pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet-server.key"),
    }
    return with_overrides(config, overrides)


def kubelet_environment(layout: Layout) -> str:
    """Return the file that the kubelet's unit reads: its command line."""
    arguments = (
        f"--config={GUEST_ETC / 'kubelet.yaml'}",
        f"--kubeconfig={GUEST_ETC / 'kubelet.kubeconfig'}",
        f"--hostname-override={layout.node_name}",
        f"--node-ip={ADDRESS}",
        "--v=2",
    )
    return f'KUBELET_ARGS="{" ".join(arguments)}"\n'


def with_driver(containerd: str, driver: str) -> str:
    """Return containerd's configuration with this cgroup driver, in every handler that has one."""
    value = "true" if driver == "systemd" else "false"
    return _DRIVER.sub(lambda found: f"{found[1]}{value}", containerd)
