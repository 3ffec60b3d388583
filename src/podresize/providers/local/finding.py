"""The clusters of one provider, where the local provider's supervisor answers for them."""

from __future__ import annotations

from podresize.providers.interface import ClusterHandle, Found
from podresize.providers.local import state
from podresize.providers.recording import as_found


class Clusters:
    """Those that the provider of this name made on this host."""

    def __init__(self, provider: str) -> None:
        self._provider = provider

    def found(self) -> list[Found]:
        """Return them by name, dead or alive."""
        return [as_found(each, self._provider) for each in state.clusters_of(self._provider)]

    def find(self, name: str) -> Found | None:
        """Return the cluster of that name, dead or alive, or None."""
        return next((each for each in self.found() if each.name == name), None)

    def attach(self, name: str) -> ClusterHandle | None:
        """Return the running cluster of that name; None when there is none."""
        there = self.find(name)
        return there.handle if there is not None and there.is_alive else None
