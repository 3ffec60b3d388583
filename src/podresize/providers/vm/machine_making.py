"""What is the same of every guest that a supervisor makes: the machine, and who talks to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from podresize.errors import HarnessError
from podresize.providers.local.components import OWN_ENVIRONMENT, Component
from podresize.providers.local.conditions import Conditions, conditions_of, listens_at
from podresize.providers.local.layout import Layout
from podresize.providers.local.making import Ordered
from podresize.providers.vm import parts
from podresize.providers.vm.console import LAST_WORDS
from podresize.providers.vm.layout import GuestLayout
from podresize.providers.vm.machine import Machine

GUEST_READY_SECONDS = 240.0
"""More than ``keeping`` gives its steps together, and ``resuming`` any of its: it is they who say
which step failed, and whether the guest hangs."""


class MachineMaking(Ordered):
    """See ``Making``: QEMU, the relay, and the process that deals with the guest."""

    joins: tuple[int, int] | None = None
    ready_seconds = GUEST_READY_SECONDS

    def __init__(self, order: dict[str, Any]) -> None:
        super().__init__(order)
        self.parts = parts.from_json(order["guest"]["parts"])
        self.machine = Machine(**order["guest"]["machine"])

    def in_memory(self, layout: Layout) -> list[Path]:  # noqa: ARG002 (the protocol's)
        """Return nothing."""
        return []

    def join(self, layout: Layout, side: int | None) -> None:
        """Do nothing: nobody calls the guest over a network."""

    def conditions(self, layout: Layout) -> Conditions:
        """Return what the others are waited for, and when the guest can be dealt with."""
        found = conditions_of(layout, {each.name for each in self.components(layout)})
        guest = GuestLayout(layout)
        held = {"qemu": listens_at(guest.qmp), "relay": listens_at(guest.agent)}
        return Conditions(held=found.held | held, answers=found.answers)

    def qemu(self, command: tuple[str, ...]) -> Component:
        """Return the machine."""
        environment = tuple(self.parts.qemu.environment.items())
        # A kernel that gives up ends the machine, and says why on its console, before where it was.
        return Component(
            name="qemu",
            command=command,
            environment=environment,
            others=("console",),
            telling=LAST_WORDS,
        )

    def relay(self, layout: Layout, *forwards: str) -> Component:
        """Return the relay, with further arguments of its own."""
        guest = GuestLayout(layout)
        return Component(
            name="relay",
            command=(
                *(sys.executable, "-m", "podresize.guest.relay"),
                *("--port", str(guest.port), "--listen", str(guest.agent)),
                *forwards,
            ),
            after=("qemu",),
            environment=OWN_ENVIRONMENT,
        )

    def job(self, layout: Layout, name: str, module: str, *, after: tuple[str, ...]) -> Component:
        """Return a process of this room that is given the orders and ends."""
        return Component(
            name=name,
            command=(
                *(sys.executable, "-m", f"podresize.providers.vm.{module}"),
                str(GuestLayout(layout).orders),
            ),
            after=after,
            job=True,
            # What it fails of is often another's own: a memory not read, an apiserver that is late.
            others=("qemu", "kube-apiserver"),
            environment=(
                *OWN_ENVIRONMENT,
                # By it the process finds its cluster's directory.
                ("PODRESIZE_STATE_DIR", str(layout.directory.parent)),
            ),
        )

    def write_orders(self, layout: Layout, **more: Any) -> None:
        """Write what the process that deals with the guest is told."""
        orders = {"name": layout.name, "index": layout.index, **more}
        GuestLayout(layout).orders.write_text(json.dumps(orders))

    def make_scratch(self, layout: Layout, backing: Path) -> None:
        """Make the disk that the guest writes to: what it reads is ``backing``'s."""
        command = [
            *(str(self.parts.qemu.image), "create", "-q", "-f", "qcow2"),
            *("-F", "qcow2", "-b", str(backing), str(GuestLayout(layout).scratch)),
        ]
        done = subprocess.run(
            command,
            env=os.environ | self.parts.qemu.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise HarnessError(
                "the guest's disk was not made",
                value=str(backing),
                origin="qemu-img create",
                causes=(done.stderr.strip() or f"it ended with {done.returncode}", "a full disk"),
                next_command="podresize doctor",
            )
