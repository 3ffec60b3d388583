"""What an OCI runtime alone says of a container: its ``state``, and how much it keeps of it."""

from __future__ import annotations

import json
from pathlib import Path

from podresize.cri.oci_command import OciCommand
from podresize.cri.oci_state import places
from podresize.cri.service import Said
from podresize.errors import HarnessError
from podresize.evidence.kernel_view import KernelView

# runtime.md, "State", by the names that CRI has for what a container runtime makes of them. A
# paused one runs for CRI.
_STATES = {
    "creating": "CONTAINER_CREATED",
    "created": "CONTAINER_CREATED",
    "running": "CONTAINER_RUNNING",
    "paused": "CONTAINER_RUNNING",
    "stopped": "CONTAINER_EXITED",
}


class OciWitness:
    """Asks an OCI runtime's program; see ``Witness``. ``kernel`` is that of its machine."""

    def __init__(self, command: OciCommand, kernel: KernelView) -> None:
        self._command = command
        self._kernel = kernel

    def said(self, container: str) -> Said:
        """Return the state of a container, or that there is none.

        Resources are in no answer of a program. Raises ``HarnessError`` for a program that fails
        though it keeps something of the container.
        """
        done = self._command.run("state", container)
        if done.code:
            if not any(places(self._command.handle, container, self._kernel)):
                return Said()
            raise HarnessError(
                f"{self._command.handle.kind} state failed: {done.stderr.strip()}", value=container
            )
        return Said(state=_STATES.get(json.loads(done.stdout)["status"]))

    def footprint(self, container: str) -> dict[str, int]:
        """Return ``status``, the length of the state that is answered, and ``specification``, the
        bytes that are kept of the container. No process stays, so ``memory`` and ``files`` are 0.
        """
        done = self._command.must("state", container)
        directories, files = places(self._command.handle, container, self._kernel)
        sizes = [*map(self._size, files), *map(self._size_below, directories)]
        return {
            "status": len(done.stdout),
            "specification": sum(sizes),
            "memory": 0,
            "files": 0,
        }

    def hugepage_entries(self, container: str) -> dict[str, int]:  # noqa: ARG002 (the protocol's)
        """Return nothing: resources are in no answer of a program."""
        return {}

    def _size_below(self, place: Path) -> int:
        inner = (self._size_below(place / name) for name in self._kernel.directories(place))
        return sum(inner) + sum(self._size(place / name) for name in self._kernel.files(place))

    def _size(self, file: Path) -> int:
        return len(self._kernel.read(file).encode())
