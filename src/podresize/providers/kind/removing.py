"""The removal of what a kind cluster has in the engine, by whoever is left to do it.

The keeper does it at the cluster's end, the guardian when the keeper was killed, and the next
command when both were. Nothing is remembered: containers and network are found by the name.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path

from podresize.errors import PodresizeError
from podresize.providers.kind import state
from podresize.providers.kind.engine import Engine, find_engine
from podresize.providers.ties import Process

# A container that the engine was making when its client died appears a moment later.
_SETTLE_SECONDS = 2.0
_DEADLINE_SECONDS = 60.0
_LOOK_SECONDS = 0.2
# An engine of somebody's own that is told to end takes some seconds until its files are gone.
_ENGINE_ENDS_SECONDS = 10.0
_DELETE_SECONDS = 60.0


def remove(name: str, keeper: Process, *, killed: bool) -> None:
    """Remove a cluster that this keeper made. May run twice, and in two processes.

    ``killed``: the keeper was, perhaps in the midst of making a container. Raises
    ``PodresizeError`` where the engine does not let go; the cluster can still be found then.
    """
    found = state.find(name)
    if found is None or found.keeper != keeper:
        state.forget(name, keeper)
        return
    if not _is_gone_with_its_engine(found):
        try:
            _empty(found, killed=killed)
        except PodresizeError:
            if not _goes_with_its_engine(found):
                raise
    state.forget(name, keeper)


def _empty(found: state.ClusterState, *, killed: bool) -> None:
    """Remove containers and network. Raises ``PodresizeError``."""
    engine = find_engine(found.variables)
    settled = time.monotonic() + (_SETTLE_SECONDS if killed else 0.0)
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while True:
        _delete(found, engine)
        if not engine.containers(found.layout.name) and time.monotonic() >= settled:
            break
        if time.monotonic() > deadline:
            break
        time.sleep(_LOOK_SECONDS)  # what the engine has begun can be asked for, not watched
    engine.remove_network(found.layout.network)


def _is_gone_with_its_engine(found: state.ClusterState) -> bool:
    """Whether the engine was one of somebody's own that has ended, and its containers with it."""
    host = found.variables.get("DOCKER_HOST", "")
    return host.startswith("unix://") and not Path(host.removeprefix("unix://")).exists()


def _goes_with_its_engine(found: state.ClusterState) -> bool:
    """Whether the engine, which answered no more, was on its way out: its socket goes last."""
    deadline = time.monotonic() + _ENGINE_ENDS_SECONDS
    while not _is_gone_with_its_engine(found):
        if not found.variables.get("DOCKER_HOST") or time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_SECONDS)  # few files are worth a watch
    return True


def _delete(found: state.ClusterState, engine: Engine) -> None:
    """Delete by kind, and by the engine what kind leaves: volumes go with their containers."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            [
                *(found.kind, "delete", "cluster", f"--name={found.layout.name}"),
                f"--kubeconfig={found.layout.kubeconfig}",
            ],
            env=engine.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_DELETE_SECONDS,
        )
    with contextlib.suppress(PodresizeError):
        left = engine.containers(found.layout.name)
        if left:
            engine.run("rm", "--force", "--volumes", *left, seconds=_DELETE_SECONDS)


def sweep() -> list[str]:
    """Remove what dead clusters left (keeper and guardian were both killed); name them."""
    dead = [found for found in state.clusters() if not found.is_alive]
    for found in dead:
        with contextlib.suppress(PodresizeError):
            remove(found.layout.name, found.keeper, killed=True)
    return [found.layout.name for found in dead]
