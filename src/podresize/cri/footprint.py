"""What of a runtime must not grow with the number of updates, and what they must not change."""

from __future__ import annotations

import json
import re
import socket
import struct
from typing import Any

from podresize.cri.client import RuntimeClient
from podresize.evidence.kernel_view import KernelView
from podresize.evidence.updates.comparing import REPORTS

_RESIDENT = re.compile(r"^VmRSS:\s*(\d+) kB$", re.MULTILINE)  # proc_pid_status(5)


def footprint(
    client: RuntimeClient, container: str, *, kernel: KernelView, process: int
) -> dict[str, int]:
    """Return ``status`` and ``specification``, the lengths of a container's as JSON; ``memory``,
    the bytes that the runtime's process has resident; and ``files``, those that it has open.

    ``process`` is a pid as ``kernel`` counts. The last two are 0 where it is not to be seen.
    """
    said = client.container_status(container, verbose=True)
    specification = (said["info"].get("info") or {}).get("runtimeSpec") or {}
    return {
        "status": len(json.dumps({k: v for k, v in said.items() if k != "info"})),
        "specification": len(json.dumps(specification)),
        "memory": _resident(kernel, process),
        "files": _open_files(kernel, process),
    }


def hugepage_entries(client: RuntimeClient, container: str) -> dict[str, int]:
    """Return how many limits of huge pages a container's status and its OCI specification list.

    By the names in ``REPORTS``; one that says nothing of resources is left out. Elsewhere the
    limits are a mapping by page size, in which a second limit of one size would not show.
    """
    said = client.container_status(container, verbose=True)
    specification = (said["info"].get("info") or {}).get("runtimeSpec")
    found: dict[str, int] = {}
    if said["resources"] is not None:
        linux = client.whole_status(container)["resources"].get("linux", {})
        found[REPORTS["status"]] = len(linux.get("hugepage_limits", ()))
    if specification is not None:
        resources = (specification.get("linux") or {}).get("resources") or {}
        found[REPORTS["spec"]] = len(resources.get("hugepageLimits") or ())
    return found


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


def peer(endpoint: str) -> int:
    """Return the pid of the process that listens at a unix socket, as this host counts.

    Behind a tap it is the tap's.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(endpoint.removeprefix("unix://"))
        size = struct.calcsize("3i")
        pid, _, _ = struct.unpack(
            "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        )
    return int(pid)


def _resident(kernel: KernelView, process: int) -> int:
    try:
        found = _RESIDENT.search(kernel.process_file(process, "status"))
    except OSError:
        return 0
    return 0 if found is None else int(found[1]) * 1024


def _open_files(kernel: KernelView, process: int) -> int:
    try:
        return kernel.open_files(process)
    except OSError:
        return 0
