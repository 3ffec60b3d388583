"""What a cluster's authority issues: to its control plane, to its node, and their kubeconfigs."""

from __future__ import annotations

import os
from collections.abc import Iterable

from podresize.providers.local import configuration
from podresize.providers.local.certificates import Authority
from podresize.providers.local.layout import SERVICE_ADDRESS, Layout

CONTROL_PLANE_USERS = ("admin", "controller-manager", "scheduler")
"""Who asks the apiserver, beside the node's kubelet."""


def issue_for_control_plane(authority: Authority, layout: Layout) -> None:
    """Issue what apiserver, controller manager, scheduler and administrator need."""
    authority.server(
        "apiserver",
        hosts=(
            *("localhost", layout.node_name),
            *("kubernetes", "kubernetes.default", "kubernetes.default.svc"),
        ),
        addresses=("127.0.0.1", layout.node_address, SERVICE_ADDRESS),
    )
    authority.client("admin", user="podresize-admin", groups=("system:masters",))
    authority.client("apiserver-kubelet", user="kube-apiserver", groups=("system:masters",))
    authority.client("controller-manager", user="system:kube-controller-manager")
    authority.client("scheduler", user="system:kube-scheduler")
    authority.signing_key("service-account")


def issue_for_node(authority: Authority, layout: Layout, *, address: str) -> None:
    """Issue what the kubelet needs; ``address`` is where the apiserver finds it."""
    authority.server("kubelet-server", hosts=("localhost", layout.node_name), addresses=(address,))
    authority.client("kubelet", user=f"system:node:{layout.node_name}", groups=("system:nodes",))


def write_kubeconfigs(layout: Layout, *, users: Iterable[str], address: str) -> None:
    """Write one for each of these users; ``address`` is the apiserver's. Private at all times."""
    for user in users:
        path = layout.etc / f"{user}.kubeconfig"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            text = configuration.kubeconfig(layout, user=user, server=f"https://{address}:6443")
            file.write(text)
