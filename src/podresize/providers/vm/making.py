"""What a supervisor makes of a guest: one that is booted to be kept, or a cluster with a node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from podresize.providers import host as hosts
from podresize.providers.commands import Commanded
from podresize.providers.local import issuing
from podresize.providers.local.certificates import Authority
from podresize.providers.local.components import Component, plan_control_plane, plan_tap
from podresize.providers.local.layout import Layout
from podresize.providers.vm import configuration, network, snapshot
from podresize.providers.vm.components import GuestComponents
from podresize.providers.vm.guest_agent import connected
from podresize.providers.vm.layout import (
    ADDRESS,
    GUEST_CONTAINERD,
    GUEST_TAP,
    GuestLayout,
)
from podresize.providers.vm.machine import Machine, boot_command, resume_command
from podresize.providers.vm.machine_making import MachineMaking
from podresize.requirements.target import LIMITED_SWAP, Target

NODE = f"{__name__}:NodeMaking"
GUEST = f"{__name__}:GuestMaking"
SWAP_MIB = 512
"""What a guest has where its kubelet lets containers swap; others have none."""
# An emulated guest was up to 17 times slower, but not all of a boot is work; KVM may be nested.
_EMULATED, _WITH_KVM = 10.0, 3.0


def patience_with(machine: Machine) -> float:
    """Return how many times as long as natively a guest may take that nobody has measured yet."""
    return _EMULATED if machine.is_emulated else _WITH_KVM


class GuestMaking(MachineMaking):
    """See ``Making``: a guest is booted, and put away when it has all that is not a cluster's."""

    def __init__(self, order: dict[str, Any]) -> None:
        super().__init__(order)
        self.patience = patience_with(self.machine)

    def prepare(self, layout: Layout, host: hosts.Host) -> None:  # noqa: ARG002 (the protocol's)
        """Make its disk."""
        self.make_directories(layout)
        self.make_scratch(layout, self.parts.scratch)
        program = str(self.programs["kubelet"])
        self.write_orders(layout, host_program=program, patience=self.patience)

    def components(self, layout: Layout) -> list[Component]:
        """Return QEMU, the relay and the process that puts the guest away."""
        guest = GuestLayout(layout)
        boot = boot_command(self.machine, self.parts, guest, scratch=guest.scratch)
        return [
            self.qemu(boot),
            self.relay(layout),
            self.job(layout, "guest", "keeping", after=("relay",)),
        ]


class NodeMaking(MachineMaking):
    """See ``Making``: a control plane of local processes, and a node in a guest."""

    def __init__(self, order: dict[str, Any]) -> None:
        super().__init__(order)
        # The kubelet's settings come apart, those of a file with them.
        self._target = Target(**order["target"] | {"kubelet": ()})
        self._kept = snapshot.Kept.from_json(order["guest"]["kept"])
        self.patience = self._kept.slowness

    def prepare(self, layout: Layout, host: hosts.Host) -> None:
        """Write certificates, kubeconfigs and configurations, and make the guest's disk."""
        self.make_directories(layout)
        authority = Authority(layout.pki)
        issuing.issue_for_control_plane(authority, layout)
        issuing.issue_for_node(authority, layout, address=ADDRESS)
        issuing.write_kubeconfigs(
            layout,
            users=("kubelet", *issuing.CONTROL_PLANE_USERS),
            address=layout.node_address,
        )
        # A resolver that is not there: pods never ask the host's.
        (layout.etc / "resolv.conf").write_text("nameserver 10.96.0.10\n")
        guest = configuration.guest_host(host, cgroup_version=self.machine.cgroup_version)
        kubelet = configuration.kubelet(self._target, guest, self.order["kubelet_overrides"])
        (layout.etc / "kubelet.yaml").write_text(yaml.safe_dump(kubelet))
        (layout.etc / "kubelet.env").write_text(configuration.kubelet_environment(layout))
        self.make_scratch(layout, self._kept.scratch)
        settings = kubelet.get("memorySwap") or {}
        may_swap = settings.get("swapBehavior") == LIMITED_SWAP
        self.write_orders(
            layout,
            driver=self._target.driver,
            slowness=self._kept.slowness,
            swap=SWAP_MIB if may_swap else 0,
        )

    def join(self, layout: Layout, side: int | None) -> None:  # noqa: ARG002 (the protocol's)
        """Take the guest's address into the cluster's network: see ``network``."""
        network.enter(layout.node_address)

    def in_memory(self, layout: Layout) -> list[Path]:
        """Return etcd's directory."""
        return [layout.directory / "etcd"]

    def components(self, layout: Layout) -> list[Component]:
        """Return the control plane, QEMU, the relay and the process that resumes the guest."""
        target, guest = self._target, GuestLayout(layout)
        forwards = ["--forward", f"{layout.containerd_socket}={GUEST_CONTAINERD}"]
        tap = []
        if target.tap:
            forwards += ["--backward", f"{GUEST_TAP}={layout.tap_socket}"]
            tap = [plan_tap(layout, target.faults, after=("relay",))]
        after = ("relay", *(("tap",) if target.tap else ()))
        return [
            *plan_control_plane(layout, target, self.programs, self.order["etcd_version"]),
            self.qemu(resume_command(self.machine, self.parts, guest, memory=self._kept.memory)),
            self.relay(layout, *forwards),
            *tap,
            self.job(layout, "guest", "resuming", after=after),
        ]

    def commanded(self, layout: Layout, init: Commanded) -> Commanded:
        """Return who knows the guest's units beside the init's components."""
        guest = connected(GuestLayout(layout).agent, patience=self._kept.slowness)
        return GuestComponents(init, guest)
