"""Where a cluster keeps its things: one directory, one cgroup, one link, all named after it.

Everything that a cluster makes outside its namespaces can be derived from its name and its index,
so that cleaning needs no memory of what was made.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from podresize.providers.state_root import state_root

# Clusters share the host's address space only in the link to the host; 198.18.0.0/15 is set aside
# for tests of network devices (RFC 2544) and is routed nowhere. One /30 for each cluster, and one
# for the link of a node that has joined another cluster.
MAX_CLUSTERS = 64
# sockaddr_un.sun_path holds 108 bytes with its final zero (unix(7)).
MAX_SOCKET_PATH = 107
SERVICE_SUBNET = "10.96.0.0/16"
SERVICE_ADDRESS = "10.96.0.1"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Names and paths of one cluster; ``index`` is unique among the clusters of this host."""

    name: str
    index: int

    @property
    def directory(self) -> Path:
        """The directory that holds everything the cluster writes to disk."""
        return state_root() / self.name

    @property
    def pki(self) -> Path:
        """Certificates and keys, 0700."""
        return self.directory / "pki"

    @property
    def etc(self) -> Path:
        """Configuration files that were written for this cluster."""
        return self.directory / "etc"

    @property
    def logs(self) -> Path:
        """One file per component."""
        return self.directory / "log"

    @property
    def run(self) -> Path:
        """Sockets and run-time state."""
        return self.directory / "run"

    @property
    def state_file(self) -> Path:
        """The JSON file by which other processes find the cluster."""
        return self.directory / "cluster.json"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.etc / "admin.kubeconfig"

    @property
    def containerd_socket(self) -> Path:
        """The runtime's CRI socket, reachable from the host and from inside."""
        return self.run / "containerd.sock"

    @property
    def tap_socket(self) -> Path:
        """Where the tap listens, if there is one."""
        return self.run / "tap.sock"

    def cri_socket(self, *, tap: bool) -> Path:
        """Where kubelet and witnesses reach the runtime."""
        return self.tap_socket if tap else self.containerd_socket

    @property
    def calls(self) -> Path:
        """Where the tap writes each call."""
        return self.logs / "cri-calls.jsonl"

    @property
    def oci_root(self) -> Path:
        """Where the OCI runtimes of a runtime alone keep the states of their containers."""
        return self.run / "oci"

    @property
    def rootfs(self) -> Path:
        """The root file system of the containers of an OCI runtime alone."""
        return self.directory / "rootfs"

    @property
    def bundles(self) -> Path:
        """Where the bundles of these containers are, a directory for each."""
        return self.run / "bundles"

    @property
    def control_socket(self) -> Path:
        """The socket on which the init takes commands (see ``commands``), 0600."""
        return self.run / "control.sock"

    @property
    def longest_socket(self) -> Path:
        """The socket with the longest path; the kubelet makes it below its root directory."""
        return self.directory / "kubelet" / "pod-resources" / "kubelet.sock"

    @property
    def cgroup(self) -> str:
        """The cgroup below which the kubelet makes ``kubepods``, relative to each hierarchy."""
        return f"podresize-{self.name}"

    @property
    def node_name(self) -> str:
        """The node's name in the cluster."""
        return f"{self.name}-node"

    @property
    def link(self) -> str:
        """The host's end of the link into the cluster's network (at most 15 bytes)."""
        return f"podresize{self.index}"

    @property
    def host_address(self) -> str:
        """The host's address on the link, a /30."""
        return f"198.18.{self.index}.1"

    @property
    def node_address(self) -> str:
        """The node's address on the link: apiserver and kubelet listen there."""
        return f"198.18.{self.index}.2"

    @property
    def side_link(self) -> str:
        """The end, in the cluster that this one's node has joined, of the link between the two."""
        return f"node{self.index}"

    @property
    def side_addresses(self) -> tuple[str, str]:
        """The addresses of that link: in the cluster that was joined, and here; a /30."""
        return f"198.19.{self.index}.1", f"198.19.{self.index}.2"

    @property
    def pod_subnet(self) -> str:
        """The pods' subnet, inside the cluster's own network namespace."""
        return f"10.244.{self.index}.0/24"
