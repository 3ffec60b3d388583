"""The clusters of this host: who has which name and index, and which are still alive.

A cluster is a directory below the state root with ``cluster.json`` in it. It comes into being by
one rename, under a lock on the root itself, so that no other process ever sees half of it; it is
alive while its supervisor is.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

from podresize.errors import HostError, UsageError
from podresize.providers import linux, recording
from podresize.providers.local import cgroups, network
from podresize.providers.local.layout import MAX_CLUSTERS, Layout
from podresize.providers.names import name_in_use
from podresize.providers.state_root import locked, not_writable, state_root
from podresize.requirements.target import MAKERS

CLUSTER = "cluster"
RUNTIME = "runtime"
GUEST = "guest"
"""A machine that is booted to be kept: it takes a name and an index, and is nobody's to use."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClusterState:
    """What ``cluster.json`` says. ``supervisor`` and ``init`` are (pid, start ticks).

    ``joins`` is the host's supervisor. ``what`` is ``cluster`` or ``runtime``: a runtime alone
    takes a name and an index as well. ``init`` is None until it is born: all that a cluster runs is
    below it and ends before it does, so that it tells what the kernel does not let go of.
    """

    layout: Layout
    supervisor: tuple[int, int]
    target: dict[str, Any]
    what: str = CLUSTER
    joins: tuple[int, int] | None = None
    handle: dict[str, Any] | None = None
    init: tuple[int, int] | None = None

    @property
    def provider(self) -> str:
        """The provider that had it made: another one may use this one's supervisor."""
        return str(self.target.get("provider", MAKERS[0]))

    @property
    def is_alive(self) -> bool:
        """Whether the supervisor that made it still runs."""
        return linux.is_alive(*self.supervisor)

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``cluster.json``."""
        return {
            "name": self.layout.name,
            "index": self.layout.index,
            "supervisor": list(self.supervisor),
            "target": self.target,
            "what": self.what,
            "joins": self.joins,
            "handle": self.handle,
            "init": self.init,
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> ClusterState:
        """Rebuild from ``to_json``."""
        pid, ticks = raw["supervisor"]
        return cls(
            layout=Layout(name=raw["name"], index=raw["index"]),
            supervisor=(pid, ticks),
            target=raw["target"],
            what=raw.get("what", CLUSTER),
            joins=_process(raw["joins"]),
            handle=raw["handle"],
            init=_process(raw.get("init")),
        )


def _process(raw: list[int] | None) -> tuple[int, int] | None:
    return None if raw is None else (raw[0], raw[1])


def clusters(what: str | None = None) -> list[ClusterState]:
    """Return the clusters of this host, dead ones included, by name: those of a kind, or all."""
    found = []
    for file in sorted(state_root().glob("*/cluster.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            found.append(ClusterState.from_json(json.loads(file.read_text())))
    return [state for state in found if what in (None, state.what)]


def clusters_of(provider: str) -> list[ClusterState]:
    """Return the clusters that a provider had made, dead ones included, by name."""
    return [state for state in clusters(CLUSTER) if state.provider == provider]


def find(name: str, what: str | None = None) -> ClusterState | None:
    """Return the cluster of that name, and kind, or None."""
    return next((state for state in clusters(what) if state.layout.name == name), None)


def claim(
    name: str,
    *,
    target: dict[str, Any],
    what: str = CLUSTER,
    joins: tuple[int, int] | None = None,
) -> ClusterState:
    """Make the cluster's directory for this process as its supervisor.

    ``joins`` is the supervisor of the cluster that its node joins, None for one of its own.
    Raises ``UsageError`` when a living cluster has the name, ``HostError`` when no index is free.
    The remains of a dead one of that name must have been removed before.
    """
    me = os.getpid()
    ticks = linux.start_ticks(me)
    assert ticks is not None
    with locked() as root:
        present = clusters()
        if same := [state for state in present if state.layout.name == name]:
            raise name_in_use(name, same[0].what)
        # Links and cgroups are the host's, whatever the state root: what is there is another's.
        if found := cgroups.places(Layout(name=name, index=0).cgroup):
            raise _name_of_another(name, found[0], root)
        taken = {state.layout.index for state in present} | network.taken_indices()
        index = next((number for number in range(MAX_CLUSTERS) if number not in taken), None)
        if index is None:
            raise HostError(
                f"{MAX_CLUSTERS} clusters exist on this host",
                next_command="podresize cluster list",
            )
        state = ClusterState(
            layout=Layout(name=name, index=index),
            supervisor=(me, ticks),
            target=target,
            what=what,
            joins=joins,
        )
        draft = root / f".new-{me}-{ticks}"
        try:
            draft.mkdir(mode=0o711)
            recording.write(state, draft / "cluster.json")
            draft.rename(state.layout.directory)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            raise not_writable(error, root) from error
    return state


def _name_of_another(name: str, cgroup: Path, root: Path) -> UsageError:
    return UsageError(
        "a cgroup of that name exists, and no cluster of that name is known here",
        value=name,
        origin="--name",
        causes=(
            f"a cluster whose directory is not below {root} (PODRESIZE_STATE_DIR) has the name",
            f"what an earlier cluster left in {cgroup}",
        ),
        next_command="podresize cluster up --name another",
    )


def born(mine: ClusterState, init: tuple[int, int]) -> None:
    """Write down below which process everything of a cluster is. Raises ``OSError``."""
    recording.write(dataclasses.replace(mine, init=init))


def hand_over(name: str, handle: dict[str, Any]) -> None:
    """Write the handle where other processes find it. Raises as ``recording.hand_over``."""
    found = find(name)
    recording.hand_over(name, None if found is None else dataclasses.replace(found, handle=handle))


def forget(layout: Layout, supervisor: tuple[int, int]) -> bool:
    """Remove the directory of the cluster that this supervisor made, and an empty root.

    Another cluster that took the name since is left alone. Returns whether nothing is left; what
    a dying process writes meanwhile can be.
    """
    gone = True
    with contextlib.suppress(FileNotFoundError), locked() as root:
        shutil.rmtree(root / f".new-{supervisor[0]}-{supervisor[1]}", ignore_errors=True)
        state = find(layout.name)
        if state is not None and state.supervisor == supervisor:
            for entry in layout.directory.iterdir():
                if entry != layout.state_file:
                    _remove(entry)
            # The file by which it is found goes last: a killed removal is found and done again.
            if list(layout.directory.iterdir()) == [layout.state_file]:
                _remove(layout.directory)
            gone = not layout.directory.exists()
        with contextlib.suppress(OSError):
            root.rmdir()
    return gone


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
