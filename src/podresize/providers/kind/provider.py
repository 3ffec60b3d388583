"""Bringing a kind cluster up and down, from Python.

``up`` gets the node image, starts a keeper and returns when the node is Ready; from then on the
keeper answers for the cluster (see ``keeper``).
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from podresize.artifacts.artifact import Component
from podresize.artifacts.node_image import NodeImage, node_image
from podresize.artifacts.progress import Progress, default_progress
from podresize.artifacts.store import get as get_artifact
from podresize.cluster.api import Api
from podresize.cluster.create import create
from podresize.cluster.kubeconfig import read_kubeconfig
from podresize.cri.client import RuntimeClient
from podresize.errors import HarnessError, HostError, PodresizeError, UsageError
from podresize.providers import compatibility, linux
from podresize.providers import host as hosts
from podresize.providers.beginning import begin
from podresize.providers.child import Supervisor, Tell, reap, reap_ended, why_ended
from podresize.providers.interface import ClusterHandle, Found, NodeHandle
from podresize.providers.kind import configuration, state, strangers
from podresize.providers.kind.engine import Engine, find_engine
from podresize.providers.kind.layout import Layout
from podresize.providers.kind.node import WORKLOAD_IMAGE, Node, kept_on
from podresize.providers.kind.removing import remove, sweep
from podresize.providers.kubelet import overrides_of, told
from podresize.providers.names import name_in_use
from podresize.providers.readiness import wait_node
from podresize.providers.recording import as_found
from podresize.requirements.target import Target

CAN_MAKE = True
CAN_JOIN = False
CLUSTER_BYTES = 1500 << 20
CLUSTERS_PER_PROCESSOR = 2.0
# Of a node. Measured with Kubernetes 1.27: 25, among them 5 of the node's systemd.
CLUSTER_INSTANCES = 27
_MODULE = "podresize.providers.kind.keeper"
# kubeadm itself gives up after four minutes.
_START_SECONDS = 330.0
_STOP_SECONDS = 120.0
_READY_SECONDS = 120.0
_RUNTIME_SECONDS = 15.0
_RUNTIME_CLASS = "node.k8s.io/v1/runtimeclasses"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a target is made of."""

    image: NodeImage
    kind: Path
    kubectl: Path


def check_target(target: Target) -> None:
    """Raise ``UsageError`` for a target that kind can make on no host."""
    compatibility.check_target(target)
    compatibility.check_cgroup(target, hosts.cgroup_version())


def check_host() -> Engine:
    """Return the engine, or raise ``HostError`` with what keeps kind from running here."""
    return find_engine()


def notes(*, accelerator: str | None = None) -> list[str]:  # noqa: ARG001 (the interface's)
    """Return what is done differently on this host, one sentence each."""
    host = hosts.inspect()
    engine = find_engine()
    found = [f"kind's nodes are containers of {engine.name} {engine.version}"]
    if not host.sys_resource:
        found.append(
            "no CAP_SYS_RESOURCE: containerd restricts oom_score_adj, the kubelet runs with "
            "KubeletInUserNamespace; oom_score_adj cannot be a witness here"
        )
    if not host.apparmor:
        found.append("no AppArmor: disabled in containerd")
    return found


def gather(target: Target, *, progress: Progress | None = None) -> Parts:
    """Return every artifact the target needs, building what is not in the cache."""
    progress = progress or default_progress()
    image = node_image(target.kubernetes, target.containerd, progress=progress)
    if target.oci_runtime == "crun":
        # A label is the version and, in brackets, the source.
        crun, containerd = (
            image.labels[f"podresize.{part}"].split()[0] for part in ("crun", "containerd")
        )
        compatibility.check_crun(crun, containerd, provider=target.provider)
    return Parts(
        image=image,
        kind=get_artifact(Component.KIND, progress=progress).files["kind"],
        kubectl=get_artifact(Component.KUBECTL, target.kubernetes, progress=progress).files[
            "kubectl"
        ],
    )


def up(
    target: Target,
    *,
    name: str | None = None,
    owner: int | None = None,
    joins: ClusterHandle | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> ClusterHandle:
    """Create a kind cluster and return when its node is Ready.

    As ``Provider.up``. Raises ``UsageError`` for a target that cannot be or a name in use,
    ``HostError`` for a host or an engine that cannot, ``HarnessError`` with the last lines of
    kind's log when it fails; then nothing is left behind.
    """
    if joins is not None:
        raise UsageError("a node of kind joins no cluster that is there", value=joins.name)
    beginning = begin(name, tell)
    name = beginning.name
    check_target(target)
    overrides = overrides_of(target)
    engine = check_host()
    sweep()
    if state.find(name) is not None:
        raise name_in_use(name)
    refuse_strangers(engine, name)
    parts = gather(target, progress=progress)
    give_image(engine, parts.image, progress or default_progress())
    beginning.tell("node image ready")
    me = os.getpid()
    supervisor = Supervisor(
        name,
        {
            "name": name,
            "target": told(target, overrides),
            "kubelet_overrides": overrides,
            "image": parts.image.name,
            "kind": str(parts.kind),
            "kubectl": str(parts.kubectl),
            "owner": None if owner is None else [owner, linux.start_ticks(owner)],
            # Until the cluster is handed over, it goes with the process that asked for it.
            "starter": [me, linux.start_ticks(me)],
        },
        module=_MODULE,
        deadline=_START_SECONDS,
        stopping=_STOP_SECONDS,
    )
    with supervisor.telling_why():
        started = supervisor.wait_started(beginning.tell_at)
        handle = _wait_ready(
            *(supervisor, engine, tuple(map(NodeHandle.from_json, started["nodes"]))),
            Layout(name=name),
            beginning.tell,
        )
        state.hand_over(name, handle.to_json())
    return handle


def refuse_strangers(engine: Engine, name: str) -> None:
    """Raise ``UsageError`` for the name of a kind cluster that podresize did not make."""
    containers = engine.containers(name)
    if containers:
        raise UsageError(
            "a kind cluster of that name exists, and podresize did not make it",
            value=name,
            origin="--name",
            causes=(
                f"its containers: {', '.join(containers)}",
                "podresize run and pytest use it as it is with --reuse",
            ),
            next_command=f"kind delete cluster --name {name}",
        )


def give_image(engine: Engine, image: NodeImage, progress: Progress) -> None:
    """Load the node image into the engine unless it is there; its name tells its content."""
    if not engine.has_image(image.name):
        with progress.work(f"{image.name}: loading into {engine.name}", unit="images"):
            engine.load_image(image.archive)


def down(name: str) -> None:
    """Remove a cluster.

    Raises ``UsageError`` when there is none of that name, and ``HarnessError`` when the cluster of
    this process ended by itself.
    """
    found = state.find(name)
    if found is None:
        died = why_ended(name)
        reap_ended()
        if died is not None:
            raise died
        raise UsageError(
            "no kind cluster of that name",
            value=name,
            origin="the command line",
            causes=("its run has ended and took it along",),
            next_command="podresize cluster list",
        )
    if os.geteuid() != 0:
        raise HostError(
            "a cluster's keeper is root's, and only root can end it",
            value=f"uid {os.geteuid()}",
            origin="the host",
            causes=("not root",),
            next_command="sudo scripts/podresize cluster list",
        )
    if found.is_alive:
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(found.keeper[0])
            try:
                signal.pidfd_send_signal(descriptor, signal.SIGTERM)
                select.select([descriptor], [], [], _STOP_SECONDS)
            finally:
                os.close(descriptor)
    reap(found.keeper[0])
    left = state.find(name)
    if left is not None and left.keeper == found.keeper:
        remove(name, found.keeper, killed=True)


def leave(handle: ClusterHandle) -> None:
    """Nothing: a node of kind never joins a cluster that is there."""


def find(name: str) -> Found | None:
    """Return the cluster of that name, dead or alive, or None."""
    there = state.find(name)
    return None if there is None else as_found(there, "kind")


def found() -> list[Found]:
    """Return the kind clusters of this host by name."""
    return [as_found(each, "kind") for each in state.clusters()]


def attach(name: str) -> ClusterHandle | None:
    """Return the running kind cluster of that name, whoever made it; None when there is none."""
    there = find(name)
    if there is not None:
        return there.handle if there.is_alive else None
    return strangers.attach(name, find_engine())


def keep_logs(handle: ClusterHandle, directory: Path) -> None:
    """Copy kind's log, each node's journal and its pods' logs. Raises ``OSError``.

    Of several nodes each has a directory of its own; of a stranger's cluster there is no log of
    kind's.
    """
    directory.mkdir(parents=True, exist_ok=True)
    there = state.find(handle.name)
    if there is not None:
        shutil.copytree(there.layout.logs, directory, dirs_exist_ok=True)
    with contextlib.suppress(PodresizeError):
        engine = find_engine(None if there is None else there.variables)
        for node in handle.nodes:
            below = directory if len(handle.nodes) == 1 else directory / node.name
            below.mkdir(exist_ok=True)
            Node(engine, node.name).keep_logs(below)


def _wait_ready(
    supervisor: Supervisor,
    engine: Engine,
    nodes: tuple[NodeHandle, ...],
    layout: Layout,
    tell: Callable[[str], None],
) -> ClusterHandle:
    node, *others = nodes
    container = Node(engine, node.name)
    with (
        Api(read_kubeconfig(layout.kubeconfig)) as api,
        RuntimeClient(node.runtime_endpoint) as cri,
    ):
        # With workers the control plane keeps its taint, and no pod of a check comes there.
        for each in (node, *others[:-1]):
            wait_node(
                api, each.name, has_ended=lambda: supervisor.has_ended, deadline=_READY_SECONDS
            )
        tell("node Ready")
        cri.wait_connected(seconds=_RUNTIME_SECONDS)
        for body in configuration.runtime_classes():
            create(api, kind=_RUNTIME_CLASS, body=body)
        if not cri.has_image(WORKLOAD_IMAGE):
            raise HarnessError(
                "the node does not have the probe's image",
                value=WORKLOAD_IMAGE,
                origin=node.name,
                causes=("the unit that imports the images failed",),
                next_command=f"docker exec {node.name} journalctl -u podresize-images",
            )
        fingerprint = container.fingerprint(api, cri)
        tell("fingerprint taken")
    return ClusterHandle(
        name=layout.name,
        provider="kind",
        kubeconfig=layout.kubeconfig,
        nodes=nodes,
        workload_image=WORKLOAD_IMAGE,
        fingerprint=fingerprint,
        pod_fields=kept_on(nodes),
    )
