"""Bringing a cluster up whose node is in a virtual machine, and down again, from Python.

The control plane is that of the local provider, and so is whatever answers for it (``local``'s
supervisor, guardian and init): QEMU is one more process of the cluster. The node was booted once,
is kept (``snapshot``), and goes on in each cluster as its own.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

from podresize.artifacts.artifact import Artifact, Component
from podresize.artifacts.progress import Progress, default_progress
from podresize.artifacts.store import get as get_artifact
from podresize.artifacts.versions import normalise
from podresize.cluster.api import Api
from podresize.cluster.kubeconfig import read_kubeconfig
from podresize.cri.client import CALL_TIMEOUT, RuntimeClient
from podresize.errors import HarnessError, PodresizeError, UsageError
from podresize.providers import compatibility
from podresize.providers import host as hosts
from podresize.providers.beginning import Beginning, begin
from podresize.providers.child import Supervisor, Tell
from podresize.providers.fingerprint import detect
from podresize.providers.interface import ClusterHandle, NodeHandle
from podresize.providers.kubelet import overrides_of, told
from podresize.providers.local import starting, state
from podresize.providers.local.finding import Clusters
from podresize.providers.local.layout import Layout
from podresize.providers.local.order import make_order
from podresize.providers.local.provider import WORKLOAD_IMAGE, create_all
from podresize.providers.local.starting import make_room, remove, start
from podresize.providers.readiness import READY_DEADLINE_SECONDS, wait_node
from podresize.providers.vm import host as guest_host
from podresize.providers.vm import making, parts, snapshot
from podresize.providers.vm.guest_agent import Guest, connected
from podresize.providers.vm.journal import journal
from podresize.providers.vm.journal import keep_logs as keep_logs_of
from podresize.providers.vm.kept import going_on, guest_for
from podresize.providers.vm.layout import GUEST_KUBELET, GUEST_PROC, GuestLayout
from podresize.providers.vm.machine import MEMORY_MIB, Machine
from podresize.providers.vm.machine_making import GUEST_READY_SECONDS
from podresize.providers.vm.silence import why_silent
from podresize.providers.vm.steps import Steps
from podresize.requirements.target import Target

sweep = starting.sweep
_clusters = Clusters("vm")
find, found, attach = _clusters.find, _clusters.found, _clusters.attach
CAN_MAKE = True
CAN_JOIN = False
# A guest's memory fills with what it has read, and a control plane stands beside it.
CLUSTER_BYTES = (MEMORY_MIB + 700) << 20
CLUSTER_INSTANCES = guest_host.INSTANCES
# A guest that works takes both of its processors.
CLUSTERS_PER_PROCESSOR = 0.5
_JOURNAL_LINES = 6


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What a target is made of: the control plane's artifacts, and the guest."""

    artifacts: list[Artifact]
    parts: parts.Parts


def check_target(target: Target) -> None:
    """Raise ``UsageError`` for a target that no host can have in a virtual machine."""
    compatibility.check_target(target)
    if target.worker_nodes:
        raise UsageError(
            "the vm provider makes one node",
            value=str(target.worker_nodes),
            origin="--worker-nodes",
            causes=("its control plane is this host's processes, and its node one machine",),
            next_command=f"podresize run --provider kind --worker-nodes {target.worker_nodes}",
        )


def check_host() -> hosts.Host:
    """Return the host's facts, or raise ``HostError`` with what keeps a guest from starting."""
    return guest_host.check()


def notes(*, accelerator: str | None = None) -> list[str]:
    """Return what is done differently on this host, one sentence each."""
    return [
        "the node is a virtual machine with a kernel of its own; the control plane is not in it",
        f"what runs it: {guest_host.what_runs(accelerator)}",
        "where its processor is emulated every limit is as many times longer as it is slower",
        "etcd keeps its data in memory, without fsync: durability is not tested",
    ]


def keep_logs(handle: ClusterHandle, directory: Path) -> None:
    """Copy one file per component into a directory that is made: see ``vm.journal``."""
    for node in handle.nodes:
        assert node.logs is not None
        assert node.agent is not None
        keep_logs_of(
            *(node.logs, node.agent, directory),
            units=("kubelet", "containerd"),
            slowness=handle.fingerprint.slowness,
        )


def gather(target: Target, *, progress: Progress | None = None) -> Gathered:
    """Return every artifact the target needs, building what is not in the cache."""
    wanted = ((Component.KUBERNETES, target.kubernetes), (Component.ETCD, None))
    for what, version in (*wanted, (Component.CONTAINERD, target.containerd)):
        normalise(what, version)  # what is no version is told before minutes go into a build
    node = dataclasses.replace(target, oci_runtime=target.oci_name)
    guest_host.check_accelerator(target)
    parts.gather_kernel(node, progress=progress)  # and so is what is no kernel
    artifacts = [get_artifact(what, version, progress=progress) for what, version in wanted]
    if target.oci_name == "crun":
        crun, containerd = (
            get_artifact(what, version, progress=progress).version
            for what, version in (
                (Component.CRUN, target.oci_release),
                (Component.CONTAINERD, target.containerd),
            )
        )
        compatibility.check_crun(crun, containerd, provider=target.provider)
        compatibility.check_crun_limits(
            crun, cgroup_version=target.cgroup_version, driver=target.driver
        )
    made = parts.gather_parts(node, oci_version=target.oci_release, progress=progress)
    return Gathered(artifacts=artifacts, parts=made)


def up(
    target: Target,
    *,
    name: str | None = None,
    owner: int | None = None,
    joins: ClusterHandle | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> ClusterHandle:
    """Start a cluster and return when its node is Ready. As ``Provider.up``.

    The first one of its kind boots the guest that later ones go on with. Raises ``UsageError`` for
    a target that cannot be or a name in use, ``HostError`` for a host that cannot, ``HarnessError``
    with the last lines of a log or of the guest's console when something does not start; then
    nothing is left behind.
    """
    beginning = begin(name, tell)
    if joins is not None:
        raise UsageError("a node in a virtual machine joins no cluster", value=joins.name)
    check_target(target)
    overrides = overrides_of(target)
    host = make_room(beginning.name, "podresize cluster up --provider vm", check_host)
    gathered = gather(target, progress=progress)
    order = dataclasses.asdict(make_order(gathered.artifacts, None))
    beginning.tell("artifacts ready")
    guest = guest_for(
        *(target, gathered.parts, order, host),
        progress=progress or default_progress(),
        tell=beginning.tell,
    )
    with going_on(guest):
        return start(
            beginning,
            order
            | {
                "what": state.CLUSTER,
                "making": making.NODE,
                "target": told(target, overrides),
                "kubelet_overrides": overrides,
                "joins": None,
                "guest": guest.to_json(),
            },
            owner=owner,
            patience=guest.kept.slowness,
            ready_seconds=GUEST_READY_SECONDS,
            wait_ready=lambda supervisor, layout, _: _wait_ready(
                *(supervisor, layout, target, guest.machine, guest.kept, beginning)
            ),
        )


def down(name: str) -> None:
    """Remove a cluster. Raises as ``local.provider.down``."""
    remove(name, state.CLUSTER)


def leave(handle: ClusterHandle) -> None:
    """Do nothing: no node joins a cluster here."""


def _wait_ready(
    supervisor: Supervisor,
    layout: Layout,
    target: Target,
    machine: Machine,
    kept: snapshot.Kept,
    beginning: Beginning,
) -> ClusterHandle:
    guest_layout, slowness = GuestLayout(layout), kept.slowness
    guest = connected(guest_layout.agent, patience=slowness)
    for step in Steps(guest_layout.steps).read():
        beginning.tell_at(step.name, step.t)
    endpoint = f"unix://{layout.cri_socket(tap=target.tap)}"
    with (
        Api(read_kubeconfig(layout.kubeconfig)) as api,
        RuntimeClient(endpoint, timeout=CALL_TIMEOUT * slowness) as cri,
    ):
        if target.manifests:
            create_all(api, target.manifests, has_ended=lambda: supervisor.has_ended)
            beginning.tell("manifests created")
        with _kubelets_words(guest, supervisor, layout, slowness):
            wait_node(
                api,
                layout.node_name,
                has_ended=lambda: supervisor.has_ended,
                deadline=READY_DEADLINE_SECONDS * slowness,
            )
        beginning.tell("node Ready")
        version, mounts = hosts.cgroup_mounts(guest.read(GUEST_PROC / "self/mountinfo").decode())
        fingerprint = detect(
            api,
            provider=target.provider,
            node=layout.node_name,
            cri=cri,
            cgroup_version=version,
            oci_version=lambda program: guest.run(str(program), "--version"),
            host_limits=swap_limits(guest.read(GUEST_PROC / "swaps").decode()),
            slowness=slowness,
            accelerator=machine.accelerator,
        )
        beginning.tell("fingerprint taken")
    if version != machine.cgroup_version:
        raise HarnessError(
            "the guest has another cgroup version than its kernel was told",
            value=f"v{version}, not v{machine.cgroup_version}",
            origin="its /proc/self/mountinfo",
            causes=("its systemd has no such version any more (v1: to 257)",),
            next_command="podresize cluster up --provider vm --cgroup v2",
        )
    node = NodeHandle(
        name=layout.node_name,
        cri_endpoint=endpoint,
        cgroup_mounts=mounts,
        proc=GUEST_PROC,
        logs=layout.logs,
        control=str(layout.control_socket),
        kubelet=GUEST_KUBELET,
        calls=layout.calls if target.tap else None,
        faults=target.faults,
        wrongs=target.wrongs,
        agent=str(guest_layout.agent),
        accelerator=machine.accelerator,
    )
    return ClusterHandle(
        name=layout.name,
        provider=target.provider,
        kubeconfig=layout.kubeconfig,
        nodes=(node,),
        workload_image=WORKLOAD_IMAGE,
        fingerprint=fingerprint,
    )


def swap_limits(swaps: str) -> tuple[str, ...]:
    """Return what a guest with this /proc/swaps withholds, as reasons for ``unsupported``.

    The first line is a heading.
    """
    return () if len(swaps.splitlines()) > 1 else ("no swap (the guest has none)",)


@contextlib.contextmanager
def _kubelets_words(
    guest: Guest, supervisor: Supervisor, layout: Layout, slowness: float
) -> Iterator[None]:
    """Add to the error of a node that does not become Ready what its kubelet said last.

    Of a guest that hangs it is the console that says something.
    """
    try:
        yield
    except HarnessError as error:
        if supervisor.has_ended:
            raise
        agent = GuestLayout(layout).agent
        if (silent := why_silent(agent, slowness=slowness, logs=layout.logs)) is not None:
            raise silent from error
        said: list[str] = []
        with contextlib.suppress(PodresizeError):
            said = journal(guest, "kubelet", lines=_JOURNAL_LINES)
        raise HarnessError(
            "the node in the virtual machine did not become Ready in time",
            value=error.value,
            origin=error.origin,
            causes=(
                *error.causes,
                "\n      ".join(["the last lines of its kubelet:", *said]),
            ),
            next_command="podresize doctor",
        ) from error
