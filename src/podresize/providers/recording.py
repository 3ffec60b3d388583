"""The file by which a cluster is found: how it is written, handed over and shown.

Each provider that makes clusters has one of its own below the state root, and says what is in it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

from podresize.errors import HarnessError
from podresize.providers.interface import ClusterHandle, Found


class _Layout(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def state_file(self) -> Path: ...


class Recorded(Protocol):
    """What a provider writes down of a cluster."""

    @property
    def layout(self) -> _Layout:
        """Where its files are."""
        ...

    @property
    def target(self) -> dict[str, Any]:
        """What was asked for."""
        ...

    @property
    def handle(self) -> dict[str, Any] | None:
        """How it is reached; None until it has started."""
        ...

    @property
    def is_alive(self) -> bool:
        """Whether the process that made it still runs."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Return the content of the file."""
        ...


def write(state: Recorded, path: Path | None = None) -> None:
    """Write the file atomically, by default where it is looked for. Raises ``OSError``."""
    path = path or state.layout.state_file
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(state.to_json(), indent=1))
    draft.rename(path)


def hand_over(name: str, started: Recorded | None) -> None:
    """Write a cluster with its handle; from now on the starter may end.

    Raises ``HarnessError`` when the cluster is no longer there, None.
    """
    try:
        if started is None:
            raise FileNotFoundError(name)
        write(started)
    except OSError as error:
        raise HarnessError(
            "the cluster ended while it was starting",
            value=name,
            causes=(f"its directory is gone or full: {error}",),
            next_command="podresize doctor",
        ) from error


def as_found(state: Recorded, provider: str) -> Found:
    """Return what any process may know of a provider's cluster."""
    return Found(
        name=state.layout.name,
        provider=provider,
        is_alive=state.is_alive,
        target=state.target,
        handle=_handle(state.handle),
    )


def _handle(raw: dict[str, Any] | None) -> ClusterHandle | None:
    """Return the handle; None for one that another release of podresize wrote in its own form."""
    try:
        return None if raw is None else ClusterHandle.from_json(raw)
    except (KeyError, TypeError):
        return None
