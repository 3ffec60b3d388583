"""How a check reaches its target."""

from __future__ import annotations

import dataclasses

from podresize.cluster.api import Api
from podresize.cri.client import RuntimeClient
from podresize.errors import HarnessError
from podresize.evidence.kernel_view import KernelView
from podresize.evidence.recorder import Recorder
from podresize.providers.interface import ClusterHandle, NodeHandle


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The API, the runtime, and the handle with the node.

    ``runtime`` and ``kernel`` are None where the node is out of reach.
    """

    api: Api
    runtime: RuntimeClient | None
    handle: ClusterHandle
    run_id: str
    kernel: KernelView | None = None

    def recorder(self) -> Recorder:
        """Return a recorder for what is to be watched on the node."""
        return Recorder(slowness=self.handle.fingerprint.slowness)

    def patience(self, seconds: float) -> float:
        """Return how long the node may take for what another may take so many seconds for."""
        return self.handle.fingerprint.patience(seconds)

    def lull(self, seconds: float) -> float:
        """Return how long to watch the node for what it must not do: see ``Fingerprint.lull``."""
        return self.handle.fingerprint.lull(seconds)

    @property
    def cri(self) -> RuntimeClient:
        """The node's runtime. Raises ``HarnessError`` where it is out of reach."""
        if self.runtime is None:
            raise HarnessError(
                "the node's runtime is out of reach",
                value=self.node.name,
                origin=f"provider {self.handle.provider}",
                causes=("a check asks the runtime and no requirement of it needs cri",),
            )
        return self.runtime

    @property
    def nodes_kernel(self) -> KernelView:
        """The kernel of the node. Raises ``HarnessError`` where it is out of reach."""
        if self.kernel is None:
            raise HarnessError(
                "the node's kernel is out of reach",
                value=self.node.name,
                origin=f"provider {self.handle.provider}",
                causes=("a check looks into cgroups and no requirement of it needs the node",),
            )
        return self.kernel

    @property
    def node(self) -> NodeHandle:
        """The node whose runtime ``cri`` speaks to."""
        return self.handle.nodes[0]
