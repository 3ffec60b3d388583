"""A container runtime alone: what a supervisor writes and starts for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from podresize.providers import host as hosts
from podresize.providers.local import configuration, gvisor
from podresize.providers.local.components import Component, plan_runtime
from podresize.providers.local.layout import Layout
from podresize.providers.local.making import Ordered


class RuntimeMaking(Ordered):
    """See ``Making``."""

    joins: tuple[int, int] | None = None

    def __init__(self, order: dict[str, Any]) -> None:
        super().__init__(order)
        self._target = order["target"]

    def prepare(self, layout: Layout, host: hosts.Host) -> None:
        """Write the runtime's configurations."""
        self.make_directories(layout)
        ((handler, program),) = self.runtimes.items()
        if handler == configuration.RUNSC:
            program = gvisor.prepare(layout, host, program)
        configuration.write_runtime(
            layout,
            configuration.containerd(
                *(layout, host, {handler: program}, handler),
                oci_root=layout.oci_root,
                huge_pages=True,  # or none of RT-06 could be shown
            ),
        )

    def in_memory(self, layout: Layout) -> list[Path]:  # noqa: ARG002 (the protocol's)
        """Return nothing: what containerd writes is looked at from the host."""
        return []

    def join(self, layout: Layout, side: int | None) -> None:
        """Do nothing: a runtime stands alone."""

    def components(self, layout: Layout) -> list[Component]:
        """Return containerd, the imports of images and the tap."""
        return plan_runtime(
            *(layout, self.programs, self.images),
            tap=self._target["tap"],
            faults=tuple(self._target["faults"]),
        )
