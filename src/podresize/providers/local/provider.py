"""Bringing a local cluster up and down, from Python.

``up`` gathers the artifacts, starts a supervisor and returns when the node is Ready; from then on
the supervisor answers for the cluster (see ``supervisor``).
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from podresize.artifacts.artifact import Artifact, Component
from podresize.artifacts.progress import Progress
from podresize.artifacts.store import get as get_artifact
from podresize.artifacts.versions import normalise
from podresize.cluster.api import Api
from podresize.cluster.delete import delete
from podresize.cluster.kubeconfig import read_kubeconfig
from podresize.cluster.objects import create_object, read_objects
from podresize.cri.client import RuntimeClient
from podresize.errors import HarnessError, HostError, PodresizeError, UsageError
from podresize.providers import compatibility, inotify
from podresize.providers import host as hosts
from podresize.providers.beginning import begin
from podresize.providers.child import Supervisor, Tell
from podresize.providers.fingerprint import detect
from podresize.providers.interface import ClusterHandle, NodeHandle
from podresize.providers.kubelet import overrides_of, told
from podresize.providers.local import starting, state
from podresize.providers.local.finding import Clusters
from podresize.providers.local.init import NO_SYSTEMD
from podresize.providers.local.layout import Layout
from podresize.providers.local.order import make_order
from podresize.providers.local.starting import make_room, remove, start
from podresize.providers.readiness import wait_api, wait_node
from podresize.requirements.target import Target

sweep = starting.sweep
_clusters = Clusters("local")
find, found, attach = _clusters.find, _clusters.found, _clusters.attach
CAN_MAKE = True
CAN_JOIN = True
# A cluster's processes with some pods (benchmarks/cluster_up.py).
CLUSTER_BYTES = 1100 << 20
CLUSTERS_PER_PROCESSOR = 2.0
CLUSTER_INSTANCES = inotify.INSTANCES_PER_CLUSTER
WORKLOAD_IMAGE = "podresize.local/workload:1"


def check_target(target: Target) -> None:
    """Raise ``UsageError`` for a target that no host can run as plain processes."""
    compatibility.check_target(target)
    compatibility.check_cgroup(target, hosts.cgroup_version())
    if target.cgroup_driver not in (None, "cgroupfs"):
        raise UsageError(
            "the local provider has no such cgroup driver",
            value=target.cgroup_driver,
            origin="--cgroup-driver",
            causes=("its processes run without systemd",),
            next_command="podresize run --provider kind --cgroup-driver systemd",
        )
    if target.worker_nodes:
        raise UsageError(
            "the local provider makes one node",
            value=str(target.worker_nodes),
            origin="--worker-nodes",
            causes=("its control plane and its node share the processes of this host",),
            next_command=f"podresize run --provider kind --worker-nodes {target.worker_nodes}",
        )


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


def notes(*, accelerator: str | None = None) -> list[str]:  # noqa: ARG001 (the interface's)
    """Return what is done differently on this host, one sentence each."""
    return hosts.inspect().adaptations()


def keep_logs(handle: ClusterHandle, directory: Path) -> None:
    """Copy one file per component into a directory that is made. Raises ``OSError``."""
    for node in handle.nodes:
        assert node.logs is not None
        shutil.copytree(node.logs, directory, dirs_exist_ok=True)


def gather(target: Target, *, progress: Progress | None = None) -> list[Artifact]:
    """Return every artifact the target needs, building what is not in the cache."""
    wanted: list[tuple[Component, str | None]] = [
        (Component.KUBERNETES, target.kubernetes),
        (Component.CONTAINERD, target.containerd),
        (Component.ETCD, None),
        (Component.CNI, None),
        (Component.RUNC, target.oci_release if target.oci_name == "runc" else None),
        (Component.IMAGES, None),
    ]
    if target.oci_name == "crun":
        wanted.append((Component.CRUN, target.oci_release))
    for what, version in wanted:
        normalise(what, version)  # what is no version is told before minutes go into a build
    found = [get_artifact(what, version, progress=progress) for what, version in wanted]
    versions = {artifact.component: artifact.version for artifact in found}
    if Component.CRUN in versions:
        crun, containerd = versions[Component.CRUN], versions[Component.CONTAINERD]
        compatibility.check_crun(crun, containerd, provider=target.provider)
    return found


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
    beginning = begin(name, tell)
    check_target(target)
    overrides = overrides_of(target)
    host = make_room(beginning.name, "podresize cluster up", check_host)
    order = make_order(gather(target, progress=progress), target.oci_name)
    beginning.tell("artifacts ready")
    return start(
        beginning,
        dataclasses.asdict(order)
        | {
            "what": state.CLUSTER,
            "making": "podresize.providers.local.cluster_making:ClusterMaking",
            "target": told(target, overrides),
            "kubelet_overrides": overrides,
            "joins": None if joins is None else _host_cluster(joins),
        },
        owner=owner,
        wait_ready=lambda supervisor, layout, _: _wait_ready(
            *(supervisor, layout, target, host, joins, beginning.tell)
        ),
    )


def down(name: str) -> None:
    """Remove a cluster.

    Raises ``UsageError`` when there is none of that name, and ``HarnessError`` with the last lines
    of its log when a component of a cluster that this process started died and took it along.
    """
    remove(name, state.CLUSTER)


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
        cri_endpoint=f"unix://{layout.cri_socket(tap=target.tap)}",
        cgroup_mounts=mounts,
        proc=Path("/proc"),
        logs=layout.logs,
        control=str(layout.control_socket),
        kubelet=layout.directory / "kubelet",
        calls=layout.calls if target.tap else None,
        faults=target.faults,
        wrongs=target.wrongs,
    )
    kubeconfig = layout.kubeconfig if joins is None else joins.kubeconfig
    with Api(read_kubeconfig(kubeconfig)) as api, RuntimeClient(node.runtime_endpoint) as cri:
        if joins is None and target.manifests:
            # Before the node is there, so that they are in force when the first pod comes.
            create_all(api, target.manifests, has_ended=lambda: supervisor.has_ended)
            tell("manifests created")
        wait_node(api, layout.node_name, has_ended=lambda: supervisor.has_ended)
        tell("node Ready")
        fingerprint = detect(
            api,
            provider=target.provider,
            node=layout.node_name,
            cri=cri,
            cgroup_version=host.cgroup_version,
            host_limits=(*host.limits, f"no node-systemd ({NO_SYSTEMD})"),
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


def create_all(api: Api, files: Iterable[Path], *, has_ended: Callable[[], bool]) -> None:
    """Create the objects of some files once the apiserver answers."""
    wait_api(api, has_ended=has_ended)
    for file in files:
        for body in read_objects(file):
            create_object(api, body)


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
