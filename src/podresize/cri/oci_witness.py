"""What an OCI runtime alone says of a container: its ``state``, and how much it keeps of it."""

from __future__ import annotations

import json
from pathlib import Path

from podresize.cri.oci_command import OciCommand
from podresize.cri.service import Said
from podresize.errors import HarnessError

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
    """Asks an OCI runtime's program; see ``Witness``."""

    def __init__(self, command: OciCommand) -> None:
        self._command = command

    def said(self, container: str) -> Said:
        """Return the state of a container, or that there is none.

        Resources are in no answer of a program. Raises ``HarnessError`` for a program that fails
        though it keeps something of the container.
        """
        done = self._command.run("state", container)
        if done.code:
            if not self._command.knows(container):
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
        return {
            "status": len(done.stdout),
            "specification": sum(map(_size, self._command.handle.root.glob(f"*{container}*"))),
            "memory": 0,
            "files": 0,
        }


def _size(place: Path) -> int:
    if place.is_dir():
        return sum(_size(each) for each in place.iterdir())
    return place.stat().st_size if place.is_file() else 0
