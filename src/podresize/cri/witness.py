"""What a CRI runtime says of a container, as far as an update is concerned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from podresize.cri.client import CriError, RuntimeClient
from podresize.cri.footprint import footprint, hugepage_entries
from podresize.cri.oci_state import from_spec
from podresize.cri.service import Said
from podresize.evidence.kernel_view import KernelView


class CriWitness:
    """Asks a runtime by CRI; see ``Witness``.

    ``kernel`` is that of its machine, ``process`` returns the pid of its process there, 0 for none.
    """

    def __init__(
        self, client: RuntimeClient, *, kernel: KernelView, process: Callable[[], int]
    ) -> None:
        self._client = client
        self._kernel = kernel
        self._process = process

    def said(self, container: str) -> Said:
        """Return what ContainerStatus has, verbose. Raises ``CriError`` but for NOT_FOUND."""
        try:
            found = self._client.container_status(container, verbose=True)
        except CriError as error:
            if error.code != "NOT_FOUND":
                raise
            return Said()
        return Said(
            state=found["state"],
            started_at=found["started_at"],
            status=_plain(found["resources"]),
            spec=_spec(found["info"]),
        )

    def footprint(self, container: str) -> dict[str, int]:
        """See ``footprint``."""
        return footprint(self._client, container, kernel=self._kernel, process=self._process())

    def hugepage_entries(self, container: str) -> dict[str, int]:
        """See ``hugepage_entries``."""
        return hugepage_entries(self._client, container)


def _plain(resources: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if resources is None else {k: v for k, v in resources.items() if v}


def _spec(info: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the resources of the OCI specification in a verbose answer; None where it has none.

    containerd and CRI-O put it into the object ``info``, as ``runtimeSpec``.
    """
    inner = info.get("info")
    spec = inner.get("runtimeSpec") if isinstance(inner, Mapping) else None
    if not isinstance(spec, Mapping):
        return None
    return from_spec((spec.get("linux") or {}).get("resources") or {})
