"""Bringing a local cluster up and down, from Python.

``up`` gathers the artifacts, starts a supervisor and returns when the node is Ready; from then on
the supervisor answers for the cluster (see ``supervisor``).
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import secrets
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from podresize.artifacts.artifact import Artifact, Component
from podresize.artifacts.progress import Progress
from podresize.artifacts.store import get as get_artifact
from podresize.artifacts.versions import normalise
from podresize.cluster.api import Api
from podresize.cluster.delete import delete
from podresize.cluster.kubeconfig import read_kubeconfig
from podresize.cluster.wait import wait_for
from podresize.cri.client import RuntimeClient
from podresize.errors import HarnessError, HostError, PodresizeError, UsageError
from podresize.providers.fingerprint import detect
from podresize.providers.interface import OWN_NODE, ClusterHandle, NodeHandle
from podresize.providers.local import configuration, linux, state
from podresize.providers.local import host as hosts
from podresize.providers.local.child import (
    STOP_DEADLINE_SECONDS,
    Supervisor,
    Tell,
    reap,
    reap_ended,
)
from podresize.providers.local.child import let_go as let_go
from podresize.providers.local.child import why_ended as why_ended
from podresize.providers.local.cleaning import clean
from podresize.providers.local.compatibility import check_target
from podresize.providers.local.layout import MAX_SOCKET_PATH, Layout
from podresize.providers.local.order import make_order
from podresize.requirements.target import Target, kubelet_settings

WORKLOAD_IMAGE = "podresize.local/workload:1"
_READY_DEADLINE_SECONDS = 60.0
_READY_TURN_SECONDS = 2.0
# The name becomes a directory, a cgroup and, with a suffix, a node name; sockets limit its length.
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


def new_name() -> str:
    """Return a name that no other cluster of this host has."""
    return f"pr-{secrets.token_hex(3)}"


def check_host() -> hosts.Host:
    """Return the host's facts, or raise ``HostError`` with what keeps a cluster from starting."""
    host = hosts.inspect()
    problems = host.problems()
    if problems:
        raise HostError(
            "no local cluster can be started on this host",
            value="; ".join(problem.what for problem in problems),
            origin="the host",
            causes=tuple(f"{problem.what}: {problem.remedy}" for problem in problems),
            next_command="podresize doctor",
        )
    return host


def gather(target: Target, *, progress: Progress | None = None) -> list[Artifact]:
    """Return every artifact the target needs, building what is not in the cache."""
    wanted: list[tuple[Component, str | None]] = [
        (Component.KUBERNETES, target.kubernetes),
        (Component.CONTAINERD, target.containerd),
        (Component.ETCD, None),
        (Component.CNI, None),
        (Component.RUNC, None),
        (Component.IMAGES, None),
    ]
    if target.oci_runtime == "crun":
        wanted.append((Component.CRUN, None))
    for what, version in wanted:
        normalise(what, version)  # what is no version is told before minutes go into a build
    return [get_artifact(what, version, progress=progress) for what, version in wanted]


def up(
    target: Target,
    *,
    name: str | None = None,
    owner: int | None = None,
    joins: ClusterHandle | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> ClusterHandle:
    """Start a cluster and return when its node is Ready.

    With ``joins`` it is a node alone, which becomes one of that local cluster, for pods that
    tolerate ``OWN_NODE``; it must be removed before that one is. ``owner`` is the process with
    which the cluster ends, None to keep it until ``down``. ``tell`` is called with each step and
    its time in seconds since the call. Raises ``UsageError`` for a target that cannot be or a name
    in use, ``HostError`` for a host that cannot, ``HarnessError`` with the last lines of the log
    when a component does not start; then nothing is left behind.
    """
    began = time.monotonic()
    tell = tell or (lambda _step, _seconds: None)
    name = name or new_name()
    if not _NAME.fullmatch(name):
        raise UsageError(
            "not a cluster name",
            value=name,
            origin="--name",
            causes=("a name has 1 to 32 small letters, digits and inner hyphens",),
            next_command="podresize cluster up --name my-cluster",
        )
    check_target(target)
    overrides = configuration.kubelet_overrides(target)
    _check_path(name)
    host = check_host()
    sweep()
    if state.find(name) is not None:
        raise state.name_in_use(name)
    order = make_order(gather(target, progress=progress), target)
    tell("artifacts ready", time.monotonic() - began)
    supervisor = Supervisor(
        name,
        dataclasses.asdict(order)
        | {
            "name": name,
            # Whose file it was does not matter later, what it said does.
            "target": dataclasses.asdict(target)
            | {"kubelet_config": None, "kubelet": kubelet_settings(overrides)},
            "kubelet_overrides": overrides,
            "joins": None if joins is None else _host_cluster(joins),
            "owner": None if owner is None else [owner, linux.start_ticks(owner)],
            # Until the cluster is handed over, it goes with the process that asked for it.
            "starter": [os.getpid(), linux.start_ticks(os.getpid())],
        },
    )
    try:
        layout = supervisor.wait_started(lambda step, at: tell(step, at - began))
        handle = _wait_ready(
            *(supervisor, layout, target, host),
            joins,
            lambda step: tell(step, time.monotonic() - began),
        )
        state.hand_over(name, handle.to_json())
    except PodresizeError as error:
        # A component that died says more than the answers that did not come.
        died = supervisor.failure() if supervisor.started else None
        supervisor.stop()
        if died is None:
            raise
        raise died from error
    except BaseException:
        supervisor.stop()
        raise
    return handle


def down(name: str) -> None:
    """Remove a cluster.

    Raises ``UsageError`` when there is none of that name, and ``HarnessError`` with the last lines
    of its log when a component of a cluster that this process started died and took it along.
    """
    _check_root()
    found = state.find(name)
    if found is None:
        died = why_ended(name)
        reap_ended()
        if died is not None:
            raise died
        names = ", ".join(each.layout.name for each in state.clusters()) or "none"
        raise UsageError(
            "no cluster of that name",
            value=name,
            origin="the command line",
            causes=(f"clusters here: {names}", "its run has ended and took it along"),
            next_command="podresize cluster list",
        )
    if found.is_alive:
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(found.supervisor[0])
            try:
                signal.pidfd_send_signal(descriptor, signal.SIGTERM)
                select.select([descriptor], [], [], STOP_DEADLINE_SECONDS)
            finally:
                os.close(descriptor)
    reap(found.supervisor[0])
    left = state.find(name)
    if left is not None and left.supervisor == found.supervisor:
        clean(found.layout, found.supervisor, None)


def sweep() -> list[str]:
    """Remove what dead clusters left (all of their processes were killed at once); name them."""
    dead = [found for found in state.clusters() if not found.is_alive]
    for found in dead:
        clean(found.layout, found.supervisor, None)
    return [found.layout.name for found in dead]


def _check_root() -> None:
    if os.geteuid() != 0:
        raise HostError(
            "a cluster's processes are root's, and only root can end them",
            value=f"uid {os.geteuid()}",
            origin="the host",
            causes=("not root",),
            next_command="sudo scripts/podresize cluster list",
        )


def _check_path(name: str) -> None:
    socket = Layout(name=name, index=0).longest_socket
    length = len(os.fsencode(socket))
    if length > MAX_SOCKET_PATH:
        raise UsageError(
            f"a socket's path would have {length} bytes; the kernel takes {MAX_SOCKET_PATH}",
            value=str(socket),
            origin="PODRESIZE_STATE_DIR and --name",
            causes=("the directory for clusters lies too deep", "the name is too long"),
            next_command="PODRESIZE_STATE_DIR=/var/lib/podresize podresize cluster up",
        )


def _wait_ready(
    supervisor: Supervisor,
    layout: Layout,
    target: Target,
    host: hosts.Host,
    joins: ClusterHandle | None,
    tell: Callable[[str], None],
) -> ClusterHandle:
    mounts = {controller: place / layout.cgroup for controller, place in host.cgroup_mounts.items()}
    node = NodeHandle(
        name=layout.node_name,
        cri_endpoint=f"unix://{layout.containerd_socket}",
        cgroup_mounts=mounts,
        proc=Path("/proc"),
        logs=layout.logs,
        control=str(layout.control_socket),
    )
    kubeconfig = layout.kubeconfig if joins is None else joins.kubeconfig
    with Api(read_kubeconfig(kubeconfig)) as api, RuntimeClient(node.cri_endpoint) as cri:
        _wait_node(supervisor, api, layout.node_name)
        tell("node Ready")
        fingerprint = detect(
            api,
            provider=target.provider,
            node=layout.node_name,
            cri=cri,
            cgroup_version=host.cgroup_version,
            host_limits=host.limits,
        )
        tell("fingerprint taken")
    return ClusterHandle(
        name=layout.name,
        provider=target.provider,
        kubeconfig=kubeconfig,
        nodes=(node,),
        workload_image=WORKLOAD_IMAGE,
        fingerprint=fingerprint,
        has_joined=joins is not None,
    )


def leave(handle: ClusterHandle) -> None:
    """Let a cluster forget a node that had joined it and is gone: its object would stay.

    Done best where the cluster goes on; where it has ended nothing is left to be forgotten.
    """
    if handle.has_joined:
        with contextlib.suppress(PodresizeError), Api(read_kubeconfig(handle.kubeconfig)) as api:
            delete(api, kind="nodes", name=handle.nodes[0].name)


def _host_cluster(handle: ClusterHandle) -> dict[str, Any]:
    found = state.find(handle.name)
    if found is None or not found.is_alive:
        raise HarnessError("the cluster that a node was to join has ended", value=handle.name)
    layout = found.layout
    return {"name": layout.name, "index": layout.index, "supervisor": found.supervisor}


def _wait_node(supervisor: Supervisor, api: Api, node: str) -> None:
    """Wait for the node in turns: a watch does not notice that the whole cluster has ended."""
    deadline = time.monotonic() + _READY_DEADLINE_SECONDS
    while True:
        left = max(0.1, deadline - time.monotonic())
        try:
            wait_for(
                api,
                kind="nodes",
                name=node,
                predicate=is_ready,
                deadline=min(left, _READY_TURN_SECONDS),
                what="Ready",
            )
        except HarnessError:
            if supervisor.has_ended or time.monotonic() >= deadline:
                raise
        else:
            return


def is_ready(node: dict[str, Any]) -> bool:
    """Ready, and free of the taints that the node lifecycle controller removes afterwards."""
    ready = any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in node["status"].get("conditions", ())
    )
    taints = {taint["key"] for taint in node["spec"].get("taints") or ()}
    return ready and taints <= {OWN_NODE}
