"""The kernel of a node that a handle names."""

from __future__ import annotations

from pathlib import Path

from podresize.evidence.kernel_view import HostKernel, KernelView
from podresize.guest.client import PATIENCE_SECONDS, Agent
from podresize.guest.kernel import GuestKernel
from podresize.providers.interface import NodeHandle


def kernel_of(node: NodeHandle, *, patience: float = PATIENCE_SECONDS) -> KernelView | None:
    """Return the view of a node's kernel, None where the node is out of reach.

    ``patience`` is how long, in seconds, the agent of a guest may be silent.
    """
    if node.agent is not None:
        proc = node.proc or Path("/proc")
        return GuestKernel(Agent(node.agent, patience=patience), node.cgroup_mounts, proc=proc)
    if node.proc is None:
        return None
    return HostKernel(node.cgroup_mounts, proc=node.proc)
