"""What a supervisor makes of a runtime alone in a guest: the machine, and perhaps a tap."""

from __future__ import annotations

from typing import Any

from podresize.providers import host as hosts
from podresize.providers.commands import Commanded
from podresize.providers.local.components import Component, plan_tap
from podresize.providers.local.layout import Layout
from podresize.providers.vm import snapshot
from podresize.providers.vm.components import GuestComponents
from podresize.providers.vm.guest_agent import connected
from podresize.providers.vm.layout import GUEST_CONTAINERD, GuestLayout
from podresize.providers.vm.machine import resume_command
from podresize.providers.vm.machine_making import MachineMaking
from podresize.requirements.runtime_target import RuntimeTarget

RUNTIME = f"{__name__}:GuestRuntimeMaking"
_UNITS = ("containerd",)


class GuestRuntimeMaking(MachineMaking):
    """See ``Making``: a kept guest goes on, and no Kubernetes comes to it.

    A tap stands between this host's clients and the guest's runtime; nobody in the guest asks it.
    """

    def __init__(self, order: dict[str, Any]) -> None:
        super().__init__(order)
        target = order["target"]
        self._target = RuntimeTarget(**target | {"faults": tuple(target["faults"])})
        self._kept = snapshot.Kept.from_json(order["guest"]["kept"])
        self.patience = self._kept.slowness

    def prepare(self, layout: Layout, host: hosts.Host) -> None:  # noqa: ARG002 (the protocol's)
        """Make the guest's disk."""
        self.make_directories(layout)
        self.make_scratch(layout, self._kept.scratch)
        self.write_orders(
            layout,
            driver=self._target.driver,
            alone=self._target.alone,
            slowness=self._kept.slowness,
        )

    def components(self, layout: Layout) -> list[Component]:
        """Return QEMU, the relay, the tap and the process that resumes the guest."""
        guest, memory = GuestLayout(layout), self._kept.memory
        command = resume_command(self.machine, self.parts, guest, memory=memory, forwards=False)
        forwards = () if self._target.alone else (f"{layout.containerd_socket}={GUEST_CONTAINERD}",)
        tap = [plan_tap(layout, self._target.faults, after=("relay",))] if self._target.tap else []
        return [
            self.qemu(command),
            self.relay(layout, *(word for each in forwards for word in ("--forward", each))),
            *tap,
            self.job(layout, "guest", "resuming_runtime", after=("relay",)),
        ]

    def commanded(self, layout: Layout, init: Commanded) -> Commanded:
        """Return who knows the guest's unit beside the init's components."""
        guest = connected(GuestLayout(layout).agent, patience=self._kept.slowness)
        return GuestComponents(init, guest, units=() if self._target.alone else _UNITS)
