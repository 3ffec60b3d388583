"""How a check reaches its target."""

from __future__ import annotations

import dataclasses

from podresize.cluster.api import Api
from podresize.cri.client import RuntimeClient
from podresize.providers.interface import ClusterHandle, NodeHandle


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The API, the runtime, and the handle with the node."""

    api: Api
    cri: RuntimeClient
    handle: ClusterHandle
    run_id: str

    @property
    def node(self) -> NodeHandle:
        """The node whose runtime ``cri`` speaks to."""
        return self.handle.nodes[0]
