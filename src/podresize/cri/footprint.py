"""What of a runtime must not grow with the number of updates, and what they must not change."""

from __future__ import annotations

import json
import os
import socket
import struct
from pathlib import Path
from typing import Any

from podresize.cri.client import RuntimeClient

_PROC = Path("/proc")


def footprint(client: RuntimeClient, container: str) -> dict[str, int]:
    """Return ``status`` and ``specification``, the lengths of a container's as JSON; ``memory``,
    the bytes that the runtime's process has resident; and ``files``, those that it has open.

    The process is the one behind the socket: behind a tap it is the tap's. The last two are 0 where
    it is not to be seen from here.
    """
    said = client.container_status(container, verbose=True)
    specification = (said["info"].get("info") or {}).get("runtimeSpec") or {}
    process = _PROC / str(_peer(client.endpoint))
    return {
        "status": len(json.dumps({k: v for k, v in said.items() if k != "info"})),
        "specification": len(json.dumps(specification)),
        "memory": _resident(process),
        "files": _open_files(process),
    }


def told(client: RuntimeClient, container: str, sandbox: str) -> dict[str, Any]:
    """Return what the runtime tells of a container and its sandbox, resources left out."""
    status = client.whole_status(container)
    status.pop("resources", None)
    return {
        "the rest of the container's status": status,
        "its entry in the list of containers": [
            item for item in client.list_containers() if item["id"] == container
        ],
        "its sandbox's entry in the list": [
            item for item in client.list_pod_sandboxes() if item["id"] == sandbox
        ],
    }


def _peer(endpoint: str) -> int:
    """Return the pid of the process that listens at a unix socket, as this host counts."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(endpoint.removeprefix("unix://"))
        size = struct.calcsize("3i")
        pid, _, _ = struct.unpack(
            "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        )
    return int(pid)


def _resident(process: Path) -> int:
    try:
        pages = int((process / "statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _open_files(process: Path) -> int:
    try:
        return sum(1 for _ in (process / "fd").iterdir())
    except OSError:
        return 0
