"""Stopping and starting single components of a running cluster, from any process of this host.

Its node's systemd, where it has one, is asked in the same way.

A process of the cluster's carries it out (see ``commands``), and takes an end that was asked for
as such; a component that ends in any other way still takes a local cluster down, and is started
again by systemd on a node of kind (``ended``). Pods outlive both kubelet and runtime, as under
systemd with ``KillMode=process``. A kubelet that starts while containerd is stopped ends by itself,
and a local cluster with it: the runtime first. So it is with etcd and the apiserver, and with the
controller manager, which gives up without one.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Sequence
from typing import Any

from podresize.cri.client import CALL_TIMEOUT, CriError, RuntimeClient
from podresize.errors import HarnessError, UsageError
from podresize.providers import registry
from podresize.providers.interface import ClusterHandle
from podresize.providers.systemd import NoSystemdError, Units
from podresize.requirements.runtime_target import RuntimeHandle

COMPONENTS = (
    "etcd",
    "containerd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
)
"""What can be stopped and started, in the order in which they need each other."""

Commandable = ClusterHandle | RuntimeHandle | str
"""A handle, or a cluster's name."""

# Above the init's own limits: it gives up a stop after 15 s and a start after 30 s, and says so.
_ANSWER_SECONDS = 40.0
GUESTS_ANSWER_SECONDS = 60.0
"""Above the guest's: it is given up when it is silent for 45 s, times its slowness
(``vm.components``)."""
_RUNTIME_SECONDS = 30.0
_LOOK_SECONDS = 0.02
_CALLERS = (LookupError.__name__, NoSystemdError.__name__)
"""The errors of whoever commands: a component that is not there, a systemd that is not."""


def why_not(handle: ClusterHandle) -> str | None:
    """Return why this target's components cannot be stopped, in one line, or None."""
    if handle.nodes and handle.nodes[0].control is not None:
        return None
    return f"the components of {handle.name} (provider {handle.provider}) cannot be stopped"


def stop(cluster: Commandable, component: str, *, kill: bool = False) -> None:
    """End a component and return when its process is gone; one that is stopped is left alone.

    SIGTERM, and SIGKILL after 5 s; with ``kill`` SIGKILL at once. ``cluster`` is a handle, of a
    cluster or of a runtime alone, or a cluster's name, ``component`` one of ``COMPONENTS``. Raises
    ``UsageError`` for one that is not there, and ``HarnessError`` when it does not end or the
    cluster does not answer.
    """
    _command(cluster, {"do": "stop", "component": component, "kill": kill})


def start(cluster: Commandable, component: str) -> None:
    """Start a stopped component; one that runs is left alone. Raises as ``stop`` does.

    Returns when it answers (etcd, the apiserver; containerd answers CRI calls), of another when its
    process is there: the kubelet may take seconds until it looks at its pods.
    """
    _command(cluster, {"do": "start", "component": component})
    if component == "containerd":
        _wait_runtime(cluster)


def restart(cluster: Commandable, component: str, *, kill: bool = False) -> None:
    """Stop and start a component."""
    stop(cluster, component, kill=kill)
    start(cluster, component)


def running(cluster: Commandable) -> dict[str, bool]:
    """Return of each component whether its process is there. Raises as ``stop`` does."""
    found: dict[str, bool] = _command(cluster, {"do": "running"})
    return found


def ended(cluster: Commandable, component: str) -> bool:
    """Return whether a component has ended by itself since its start. Raises as ``stop`` does.

    It is kubelet or containerd. Of a cluster that such an end takes along the answer is no.
    """
    found: bool = _command(cluster, {"do": "ended", "component": component})
    return found


def start_all(cluster: Commandable) -> list[str]:
    """Start every component that is stopped, in the order of ``COMPONENTS``; name them."""
    there = running(cluster)
    stopped = [name for name in COMPONENTS if not there.get(name, True)]
    for name in stopped:
        start(cluster, name)
    return stopped


def daemon_reload(cluster: Commandable) -> None:
    """Have the node's systemd read its units anew, and return when it has.

    Whatever it has of a cgroup's settings it applies again by that (``systemctl daemon-reload``).
    Raises ``UsageError`` for a node without systemd, which says why, and ``HarnessError`` as
    ``stop`` does.
    """
    _command(cluster, {"do": "daemon-reload"})


def units(cluster: Commandable, names: Sequence[str], *, properties: Sequence[str]) -> Units:
    """Return what the node's systemd has of units: unit -> property -> text of ``systemctl show``.

    A unit that there is not has the properties of an empty one, and ``LoadState`` not-found. Raises
    as ``daemon_reload`` does.
    """
    asked = {"do": "units", "units": list(names), "properties": list(properties)}
    found: Units = _command(cluster, asked)
    return found


def _command(cluster: Commandable, command: dict[str, Any]) -> Any:
    path, in_guest = _place(cluster)[0], _is_in_guest(cluster)
    seconds = GUESTS_ANSWER_SECONDS if in_guest else _ANSWER_SECONDS
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(seconds * _slowness(cluster))
            connection.connect(path)
            with connection.makefile("rwb") as stream:
                stream.write(json.dumps(command).encode() + b"\n")
                stream.flush()
                answer = json.loads(stream.readline())
    except (OSError, ValueError) as error:
        raise HarnessError(
            f"the cluster did not carry out a command: {error}",
            value=json.dumps(command),
            origin=path,
            causes=(
                *(("the guest answers no more: its console says why",) if in_guest else ()),
                *("the cluster has ended, or ended over it", "not root", "an overloaded host"),
            ),
            next_command="podresize cluster list",
        ) from error
    if "error" in answer:
        wrong = UsageError if answer["error"] in _CALLERS else HarnessError
        raise wrong(
            answer["what"],
            value=json.dumps(command),
            origin=path,
            causes=_causes(cluster) if answer["error"] == LookupError.__name__ else (),
            next_command="podresize cluster list",
        )
    return answer["done"]


def _causes(cluster: Commandable) -> tuple[str, ...]:
    spelt = "a typing error in the component's name"
    if isinstance(cluster, RuntimeHandle):
        return (spelt, "a runtime alone has nothing of Kubernetes")
    if isinstance(cluster, ClusterHandle) and cluster.has_joined:
        return (spelt, "a node that has joined another cluster has no control plane of its own")
    return (spelt,)


def _place(cluster: Commandable) -> tuple[str, str]:
    """Return the path of the cluster's control socket and its CRI endpoint."""
    if isinstance(cluster, RuntimeHandle):
        if cluster.control is not None:
            return cluster.control, cluster.endpoint
        raise UsageError(
            "this runtime cannot be stopped",
            value=cluster.endpoint,
            causes=("it was there before, and whoever started it answers for it",),
            next_command="podresize runtime up",
        )
    handle = _cluster(cluster)
    if isinstance(cluster, str):
        what, value = "no ready cluster of that name", cluster
    else:
        what, value = why_not(cluster) or "", cluster.name
    node = handle.nodes[0] if handle is not None and handle.nodes else None
    if node is not None and node.control is not None and node.cri_endpoint is not None:
        return node.control, node.cri_endpoint
    raise UsageError(
        what,
        value=value,
        causes=("its provider cannot command its components", "it has ended"),
        next_command="podresize cluster list",
    )


def _cluster(cluster: ClusterHandle | str) -> ClusterHandle | None:
    """Return the handle of a cluster, None where none of that name is ready."""
    if not isinstance(cluster, str):
        return cluster
    there = registry.find(cluster)
    return None if there is None else there.handle


def _slowness(cluster: Commandable) -> float:
    """Return how many times as long as natively the node takes for what it is told."""
    handle = cluster if isinstance(cluster, RuntimeHandle) else _cluster(cluster)
    return 1.0 if handle is None else handle.fingerprint.slowness


def _is_in_guest(cluster: Commandable) -> bool:
    """Return whether the node has to be asked by its agent."""
    if isinstance(cluster, RuntimeHandle):
        return cluster.agent is not None
    handle = _cluster(cluster)
    return handle is not None and any(node.agent is not None for node in handle.nodes)


def _wait_runtime(cluster: Commandable) -> None:
    """Return when the runtime answers: it listens before its CRI service is initialised."""
    slowness = _slowness(cluster)
    deadline = time.monotonic() + _RUNTIME_SECONDS * slowness
    with RuntimeClient(_place(cluster)[1], timeout=CALL_TIMEOUT * slowness) as runtime:
        runtime.wait_connected(seconds=_RUNTIME_SECONDS * slowness)
        while True:
            try:
                runtime.status_info()
            except CriError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_LOOK_SECONDS)
            else:
                return
