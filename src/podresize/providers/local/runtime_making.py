"""A container runtime alone, or an OCI runtime: what a supervisor writes and starts for it."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

from podresize.artifacts.image_archive import saved_image
from podresize.providers import host as hosts
from podresize.providers.local import configuration, gvisor
from podresize.providers.local.components import Component, plan_runtime
from podresize.providers.local.layout import Layout
from podresize.providers.local.making import Making, Ordered

WORKLOAD_ARCHIVE = "workload.tar"
"""The name of the workload's image among the artifacts."""


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
                *(layout, host, {handler: program}, handler), oci_root=layout.oci_root
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


class OciMaking(Ordered):
    """An OCI runtime alone: namespaces, and files for its containers; see ``Making``."""

    joins: tuple[int, int] | None = None

    def prepare(self, layout: Layout, host: hosts.Host) -> None:  # noqa: ARG002 (the protocol's)
        """Unpack the workload's image: all containers have it as their root file system."""
        self.make_directories(layout)
        layout.bundles.mkdir()
        (archive,) = (each for each in self.images if each.name == WORKLOAD_ARCHIVE)
        for layer in saved_image(archive).unpack(layout.run):
            with tarfile.open(layer) as opened:
                opened.extractall(layout.rootfs)
            layer.unlink()

    def in_memory(self, layout: Layout) -> list[Path]:  # noqa: ARG002 (the protocol's)
        """Return nothing: states and bundles are looked at from the host."""
        return []

    def join(self, layout: Layout, side: int | None) -> None:
        """Do nothing: a runtime stands alone."""

    def components(self, layout: Layout) -> list[Component]:  # noqa: ARG002 (the protocol's)
        """Return nothing: an OCI runtime is a program that is called."""
        return []


def making_runtime(order: dict[str, Any]) -> Making:
    """Return the making of an order for a runtime: with containerd, or the program alone."""
    return OciMaking(order) if order["target"]["alone"] else RuntimeMaking(order)
