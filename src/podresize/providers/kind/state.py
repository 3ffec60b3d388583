"""The kind clusters of this host: who keeps them, and which are still alive.

A cluster is a directory below the state root with ``kind.json`` in it, made by one rename under the
lock that all providers share; it is alive while its keeper is.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

from podresize.providers import linux, recording
from podresize.providers.kind.engine import engine_variables
from podresize.providers.kind.layout import Layout
from podresize.providers.names import name_in_use
from podresize.providers.state_root import locked, not_writable, state_root
from podresize.providers.ties import Process


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClusterState:
    """What ``kind.json`` says. ``kind`` is the program's path; ``variables`` name the engine."""

    layout: Layout
    keeper: Process
    target: dict[str, Any]
    kind: Path
    variables: dict[str, str]
    handle: dict[str, Any] | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the keeper that made it still runs."""
        return linux.is_alive(*self.keeper)

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``kind.json``."""
        return {
            "name": self.layout.name,
            "keeper": list(self.keeper),
            "target": self.target,
            "kind": str(self.kind),
            "variables": self.variables,
            "handle": self.handle,
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> ClusterState:
        """Rebuild from ``to_json``."""
        pid, ticks = raw["keeper"]
        return cls(
            layout=Layout(name=raw["name"]),
            keeper=(pid, ticks),
            target=raw["target"],
            kind=Path(raw["kind"]),
            variables=raw["variables"],
            handle=raw["handle"],
        )


def clusters() -> list[ClusterState]:
    """Return the kind clusters of this host, dead ones included, by name."""
    found = []
    for file in sorted(state_root().glob("*/kind.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            found.append(ClusterState.from_json(json.loads(file.read_text())))
    return found


def find(name: str) -> ClusterState | None:
    """Return the cluster of that name or None."""
    return next((state for state in clusters() if state.layout.name == name), None)


def claim(name: str, *, target: dict[str, Any], kind: Path) -> ClusterState:
    """Make the cluster's directory for this process as its keeper.

    Raises ``UsageError`` when a cluster has the name, whichever provider made it, and ``HostError``
    where the directory cannot be written.
    """
    me = os.getpid()
    ticks = linux.start_ticks(me)
    assert ticks is not None
    state = ClusterState(
        layout=Layout(name=name),
        keeper=(me, ticks),
        target=target,
        kind=kind,
        variables=engine_variables(),
    )
    with locked() as root:
        if state.layout.directory.exists():
            raise name_in_use(name)
        draft = root / f".new-{me}-{ticks}"
        try:
            draft.mkdir(mode=0o711)
            (draft / state.layout.logs.name).mkdir()
            recording.write(state, draft / state.layout.state_file.name)
            draft.rename(state.layout.directory)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            raise not_writable(error, root) from error
    return state


def hand_over(name: str, handle: dict[str, Any]) -> None:
    """Write the handle where other processes find it. Raises as ``recording.hand_over``."""
    found = find(name)
    recording.hand_over(name, None if found is None else dataclasses.replace(found, handle=handle))


def forget(name: str, keeper: Process) -> None:
    """Remove the directory of the cluster that this keeper made, and an empty root."""
    with contextlib.suppress(FileNotFoundError), locked() as root:
        shutil.rmtree(root / f".new-{keeper[0]}-{keeper[1]}", ignore_errors=True)
        state = find(name)
        if state is not None and state.keeper == keeper:
            for entry in state.layout.directory.iterdir():
                # The file by which it is found goes last: a killed removal is done again.
                if entry != state.layout.state_file:
                    if entry.is_dir() and not entry.is_symlink():
                        shutil.rmtree(entry, ignore_errors=True)
                    else:
                        entry.unlink(missing_ok=True)
            shutil.rmtree(state.layout.directory, ignore_errors=True)
        with contextlib.suppress(OSError):
            root.rmdir()
