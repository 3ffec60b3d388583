"""A cluster, or a node that joins one: what a supervisor writes and starts for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from podresize.providers import host as hosts
from podresize.providers.local import configuration, issuing, network
from podresize.providers.local.certificates import Authority
from podresize.providers.local.components import Component, plan
from podresize.providers.local.layout import Layout
from podresize.providers.local.making import Ordered
from podresize.requirements.target import Target


class ClusterMaking(Ordered):
    """See ``Making``."""

    def __init__(self, order: dict[str, Any]) -> None:
        super().__init__(order)
        # The kubelet's settings come apart, those of a file with them.
        self._target = Target(**order["target"] | {"kubelet": ()})
        joins = order["joins"]
        self._host = None if joins is None else Layout(name=joins["name"], index=joins["index"])
        self.joins: tuple[int, int] | None = None
        if joins is not None:
            self.joins = (joins["supervisor"][0], joins["supervisor"][1])

    def prepare(self, layout: Layout, host: hosts.Host) -> None:
        """Write certificates, kubeconfigs and configurations."""
        self.make_directories(layout)
        self._issue(layout)
        # A resolver that is not there: pods never ask the host's.
        (layout.etc / "resolv.conf").write_text("nameserver 10.96.0.10\n")
        kubelet = configuration.kubelet(
            *(layout, self._target, host, self.order["kubelet_overrides"]),
            joins=self._host is not None,
        )
        (layout.etc / "kubelet.yaml").write_text(yaml.safe_dump(kubelet))
        configuration.write_runtime(
            layout, configuration.containerd(layout, host, self.runtimes, self._target.oci_name)
        )

    def in_memory(self, layout: Layout) -> list[Path]:
        """Return etcd's directory, of a cluster that has one."""
        return [] if self._host is not None else [layout.directory / "etcd"]

    def join(self, layout: Layout, side: int | None) -> None:
        """Link a node to the cluster that it joins, if it does."""
        if self._host is not None and side is not None:
            network.join(layout, self._host, side)
            os.close(side)

    def components(self, layout: Layout) -> list[Component]:
        """Return control plane and node, or the node alone."""
        return plan(
            *(layout, self._target, self.programs, self.images, self.order["etcd_version"]),
            joins=self._host is not None,
        )

    def _issue(self, layout: Layout) -> None:
        host = self._host
        authority = Authority(layout.pki, of=None if host is None else host.pki)
        if host is None:
            issuing.issue_for_control_plane(authority, layout)
        issuing.issue_for_node(authority, layout, address=layout.node_address)
        issuing.write_kubeconfigs(
            layout,
            users=("kubelet", *(() if host is not None else issuing.CONTROL_PLANE_USERS)),
            address=(host or layout).node_address,
        )
