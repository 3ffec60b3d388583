"""An OCI runtime alone: namespaces for it, and files for its containers; nothing that runs."""

from __future__ import annotations

import tarfile
from pathlib import Path

from podresize.artifacts.image_archive import saved_image
from podresize.providers import host as hosts
from podresize.providers.local.components import Component
from podresize.providers.local.layout import Layout
from podresize.providers.local.making import Ordered

WORKLOAD_ARCHIVE = "workload.tar"
"""The name of the workload's image among the artifacts."""


class OciMaking(Ordered):
    """See ``Making``."""

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
