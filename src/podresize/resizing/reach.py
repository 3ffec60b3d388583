"""How a check reaches its target."""

from __future__ import annotations

import dataclasses

from podresize.cluster.api import Api
from podresize.cri.client import RuntimeClient
from podresize.errors import HarnessError
from podresize.providers.interface import ClusterHandle, NodeHandle


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The API, the runtime, and the handle with the node.

    ``runtime`` is None where the node is out of reach.
    """

    api: Api
    runtime: RuntimeClient | None
    handle: ClusterHandle
    run_id: str

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
    def node(self) -> NodeHandle:
        """The node whose runtime ``cri`` speaks to."""
        return self.handle.nodes[0]
