"""Where a guest's files and sockets are, beside those of a local cluster, and its own addresses."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from podresize.providers.local.layout import Layout

# QEMU's user network as it is by default: one for each machine, so all guests have one address.
ADDRESS = "10.0.2.15"
"""The guest's address: that of the node. The cluster's network namespace has it too, where QEMU
listens at it and passes on what comes."""
ADDRESS_BITS = 24
GATEWAY = "10.0.2.2"
"""The cluster's network namespace, as the guest sees it."""
KUBELET_PORT = 10250
PORT_NAME = "org.podresize.agent"
"""The name of the agent's port in the guest."""
CONSOLE = "console.log"
"""The file, among a cluster's logs, with what the guest's kernel and its systemd say."""

GUEST_ETC = Path("/etc/podresize")
"""Where the guest has what makes it this cluster's node."""
GUEST_CONTAINERD = Path("/run/containerd/containerd.sock")
GUEST_TAP = Path("/run/podresize-tap.sock")
"""Where the kubelet finds the runtime when there is a tap, which is outside."""
GUEST_CONTAINERD_CONFIG = Path("/etc/containerd/config.toml")
GUEST_KUBELET = Path("/var/lib/kubelet")
GUEST_PROC = Path("/proc")
GUEST_CGROUP = Path("/sys/fs/cgroup")
GUEST_IMAGES = Path("/opt/podresize/images.tar")
GUEST_OCI_RUNTIMES = Path("/usr/local/sbin")
# Of an OCI runtime alone; the disk that is written to has it.
GUEST_ALONE = Path("/var/lib/podresize")
GUEST_ROOTFS = GUEST_ALONE / "rootfs"
GUEST_BUNDLES = GUEST_ALONE / "bundles"
GUEST_OCI_ROOT = Path("/run/podresize/oci")
RUNTIME_CGROUP = "podresize"
"""Below which the sandboxes of a runtime alone are, in a guest that is its own."""


@dataclasses.dataclass(frozen=True, slots=True)
class GuestLayout:
    """The files of one guest, in its cluster's directory."""

    cluster: Layout

    @property
    def qmp(self) -> Path:
        """Where QEMU takes commands."""
        return self.cluster.run / "qmp.sock"

    @property
    def port(self) -> Path:
        """The host's end of the agent's port: the relay's alone."""
        return self.cluster.run / "port.sock"

    @property
    def agent(self) -> Path:
        """Where the relay takes those who ask the agent."""
        return self.cluster.run / "agent.sock"

    @property
    def console(self) -> Path:
        """See ``CONSOLE``."""
        return self.cluster.logs / CONSOLE

    @property
    def scratch(self) -> Path:
        """The disk that this guest writes to: what differs from the kept one's."""
        return self.cluster.directory / "scratch.qcow2"

    @property
    def memory(self) -> Path:
        """A booted guest's memory, before it goes into the cache."""
        return self.cluster.directory / "memory"

    @property
    def steps(self) -> Path:
        """What was done to the guest and when, one JSON object for each line."""
        return self.cluster.run / "guest-steps.jsonl"

    @property
    def orders(self) -> Path:
        """What is to be done to the guest, for the process that does it."""
        return self.cluster.etc / "guest.json"
