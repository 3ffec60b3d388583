"""Bringing a local cluster up and down, from Python.

``up`` gathers the artifacts, starts a supervisor and returns when the node is Ready; from then on
the supervisor answers for the cluster (see ``supervisor``).
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from podresize.artifacts.artifact import Artifact, Component
from podresize.artifacts.progress import Progress
from podresize.artifacts.store import get as get_artifact
from podresize.cluster.api import Api
from podresize.cluster.kubeconfig import read_kubeconfig
from podresize.cluster.wait import wait_for
from podresize.cri.client import RuntimeClient
from podresize.errors import HarnessError, HostError, PodresizeError, UsageError
from podresize.providers.fingerprint import detect
from podresize.providers.interface import ClusterHandle, NodeHandle
from podresize.providers.local import configuration, linux, state
from podresize.providers.local import host as hosts
from podresize.providers.local.compatibility import check_target
from podresize.providers.local.layout import Layout
from podresize.providers.local.supervisor import clean
from podresize.requirements.target import Target

WORKLOAD_IMAGE = "podresize.local/workload:1"
_START_DEADLINE_SECONDS = 150.0
_READY_DEADLINE_SECONDS = 60.0
_STOP_DEADLINE_SECONDS = 15.0
# The name becomes a directory, a cgroup and, with a suffix, a node name; sockets limit its length.
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")

Tell = Callable[[str, float], None]

# Supervisors that this process started, by pid.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """The artifacts of a target as the supervisor wants them."""

    programs: dict[str, str]
    runtimes: dict[str, str]
    cni: str
    images: list[str]
    etcd_version: str
    keep: list[str]


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
    return [get_artifact(what, version, progress=progress) for what, version in wanted]


def up(
    target: Target,
    *,
    name: str | None = None,
    owner: int | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> ClusterHandle:
    """Start a cluster and return when its node is Ready.

    ``owner`` is the process with which the cluster ends, None to keep it until ``down``. ``tell``
    is called with each step and its time in seconds since the call. Raises ``UsageError`` for a
    target that cannot be or a name in use, ``HostError`` for a host that cannot, ``HarnessError``
    with the last lines of the log when a component does not start; then nothing is left behind.
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
    overrides = (
        configuration.read_kubelet_overrides(target.kubelet_config)
        if target.kubelet_config
        else {}
    )
    host = check_host()
    sweep()
    if state.find(name) is not None:
        raise state.name_in_use(name)
    order = _order(gather(target, progress=progress), target)
    tell("artifacts ready", time.monotonic() - began)
    supervisor = _Supervisor(
        dataclasses.asdict(order)
        | {
            "name": name,
            "target": dataclasses.asdict(target) | {"kubelet_config": None},
            "kubelet_overrides": overrides,
            "owner": None if owner is None else [owner, linux.start_ticks(owner)],
        }
    )
    try:
        layout = supervisor.wait_started(name, lambda step, at: tell(step, at - began))
        handle = _wait_ready(layout, target, host, lambda step: tell(step, time.monotonic() - began))
        found = state.find(name)
        if found is None:
            raise HarnessError("the cluster ended while it was starting", value=name)
        state.write(dataclasses.replace(found, handle=handle.to_json()))
    except BaseException:
        supervisor.stop()
        raise
    return handle


def down(name: str) -> None:
    """Remove a cluster. Raises ``UsageError`` when there is none of that name."""
    found = state.find(name)
    if found is None:
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
                select.select([descriptor], [], [], _STOP_DEADLINE_SECONDS)
            finally:
                os.close(descriptor)
    _reap(found.supervisor[0])
    left = state.find(name)
    if left is not None and left.supervisor == found.supervisor:
        clean(found.layout, found.supervisor, None)


def sweep() -> list[str]:
    """Remove what dead clusters left (all of their processes were killed at once); name them."""
    dead = [found for found in state.clusters() if not found.is_alive]
    for found in dead:
        clean(found.layout, found.supervisor, None)
    return [found.layout.name for found in dead]


def _order(artifacts: list[Artifact], target: Target) -> _Order:
    by_component = {artifact.component: artifact for artifact in artifacts}
    programs: dict[str, str] = {}
    runtimes: dict[str, str] = {}
    for artifact in artifacts:
        if artifact.component in (Component.CNI, Component.IMAGES):
            continue
        programs |= {name: str(path) for name, path in artifact.files.items()}
    for runtime in (Component.RUNC, Component.CRUN):
        if runtime in by_component:
            runtimes[str(runtime)] = str(by_component[runtime].files[str(runtime)])
    if target.oci_runtime not in runtimes:
        raise UsageError(
            "unknown OCI runtime",
            value=target.oci_runtime,
            origin="--oci-runtime",
            causes=("runc and crun are known",),
            next_command="podresize cluster up --oci-runtime crun",
        )
    images = by_component[Component.IMAGES].files
    anywhere = next(iter(programs.values()))
    return _Order(
        programs=programs,
        runtimes=runtimes,
        cni=str(next(iter(by_component[Component.CNI].files.values())).parent),
        images=[str(path) for path in images.values()],
        etcd_version=by_component[Component.ETCD].version,
        # The cache and this interpreter may lie below a directory that the cluster covers.
        keep=[str(_cache_root(Path(anywhere))), sys.prefix, sys.base_prefix],
    )


def _cache_root(path: Path) -> Path:
    """Return the cache directory that holds an artifact's file: all of them live below it."""
    return next((parent for parent in path.parents if parent.name == "podresize"), path.parent)


class _Supervisor:
    """The supervisor process as ``up`` sees it: an order in, events out."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "podresize.providers.local.supervisor"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode())
        self._process.stdin.close()
        # Kept until it has ended: the interpreter warns of a child that nobody waited for.
        _children[self._process.pid] = self._process

    def wait_started(self, name: str, tell: Tell) -> Layout:
        """Return the cluster's layout once every component runs."""
        layout: Layout | None = None
        for event in self._events():
            match event["event"]:
                case "claimed":
                    layout = Layout(name=name, index=event["index"])
                case "step":
                    tell(event["step"], event["t"])
                case "started" if layout is not None:
                    return layout
                case "refused":
                    raise state.name_in_use(name)
                case "failed":
                    raise _failed(event)
        raise HarnessError(
            "the cluster's supervisor ended before the cluster was up",
            value=name,
            causes=("it was killed",),
            next_command="podresize doctor",
        )

    def _events(self) -> Iterator[dict[str, Any]]:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        deadline = time.monotonic() + _START_DEADLINE_SECONDS
        rest = b""
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([descriptor], [], [], left)[0]:
                break
            chunk = os.read(descriptor, 65536)
            if not chunk:
                return
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield json.loads(line)
        raise HarnessError(f"the cluster was not up after {_START_DEADLINE_SECONDS:.0f} s")

    def stop(self) -> None:
        """End it and wait until it has removed everything."""
        self._process.terminate()
        _reap(self._process.pid)


def _reap(supervisor: int) -> None:
    process = _children.pop(supervisor, None)
    if process is None:
        return
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_DEADLINE_SECONDS)
    if process.stdout is not None:
        process.stdout.close()


def _failed(event: dict[str, Any]) -> PodresizeError:
    tails = [f"{name}: {line}" for name, lines in event["logs"].items() for line in lines]
    return HarnessError(
        event["what"],
        causes=("\n      ".join(["the last lines of its log:", *tails]),) if tails else (),
        next_command="podresize doctor",
    )


def _wait_ready(
    layout: Layout, target: Target, host: hosts.Host, tell: Callable[[str], None]
) -> ClusterHandle:
    mounts = {
        controller: place / layout.cgroup for controller, place in host.cgroup_mounts.items()
    }
    node = NodeHandle(
        name=layout.node_name,
        cri_endpoint=f"unix://{layout.containerd_socket}",
        cgroup_mounts=mounts,
        proc=Path("/proc"),
        logs=layout.logs,
    )
    with Api(read_kubeconfig(layout.kubeconfig)) as api, RuntimeClient(node.cri_endpoint) as cri:
        wait_for(
            api,
            kind="nodes",
            name=layout.node_name,
            predicate=_is_ready,
            deadline=_READY_DEADLINE_SECONDS,
            what="Ready",
        )
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
        kubeconfig=layout.kubeconfig,
        nodes=(node,),
        workload_image=WORKLOAD_IMAGE,
        fingerprint=fingerprint,
    )


def _is_ready(node: dict[str, Any]) -> bool:
    """Ready, and free of the taint that the node lifecycle controller removes afterwards."""
    ready = any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in node["status"].get("conditions", ())
    )
    return ready and not node["spec"].get("taints")
