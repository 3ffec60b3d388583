"""What every provider gives: a running target as data that another process can use.

A provider creates a target and describes it as a ``ClusterHandle``. The handle is plain data: the
controller of a test run makes it once and hands it to its workers, which reach the cluster by the
kubeconfig and the node by the paths it names, without knowing the provider.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Protocol

from podresize.artifacts.progress import Progress
from podresize.cluster.kubeconfig import Connection, read_kubeconfig
from podresize.errors import HarnessError
from podresize.providers.child import Tell
from podresize.requirements.target import Fingerprint, Target

OWN_NODE = "podresize/own-node"
"""The taint of a node that has joined a cluster for some checks alone."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NodeHandle:
    """How the witnesses reach one node from this host.

    ``cri_endpoint`` is a gRPC target (``unix:///...``). ``cgroup_mounts`` maps a cgroup v1
    controller (``cpu``, ``memory``) to the directory, as this host sees it, that the kubelet calls
    its root; on cgroup v2 the one key is ``unified``. ``proc`` is a procfs mount in which the pids
    found in ``cgroup.procs`` below those directories mean the same processes. ``logs`` holds one
    log file per component. ``control`` is the path of the socket by which components are stopped
    and started (``providers.control``), None where the provider cannot do that. ``kubelet`` is the
    kubelet's directory as this host sees it (``/var/lib/kubelet`` on the node), None where it does
    not. ``calls`` is the file in which a tap between kubelet and runtime writes each call
    (``cri.calls``), None where there is no tap; ``cri_endpoint`` is the tap's then, and ``faults``
    what it does wrong. ``wrongs`` are ``Target.wrongs``. Of a node that is out of reach there is
    the name alone.

    ``agent`` is the path of the socket by which the agent of a node in a guest is reached
    (``guest.client``), None where the node's kernel is this host's. ``cgroup_mounts``, ``proc`` and
    ``kubelet`` are paths in the guest then, for ``kernel_of`` alone to follow; ``accelerator`` is
    what runs it, ``kvm`` or ``tcg``.
    """

    name: str
    cri_endpoint: str | None = None
    cgroup_mounts: dict[str, Path] = dataclasses.field(default_factory=dict)
    proc: Path | None = None
    logs: Path | None = None
    control: str | None = None
    kubelet: Path | None = None
    calls: Path | None = None
    faults: tuple[str, ...] = ()
    wrongs: tuple[str, ...] = ()
    agent: str | None = None
    accelerator: str | None = None

    @property
    def runtime_endpoint(self) -> str:
        """``cri_endpoint`` of a node that is within reach. Raises ``HarnessError`` for another."""
        if self.cri_endpoint is None:
            raise HarnessError("the node's runtime is out of reach", value=self.name)
        return self.cri_endpoint

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object; paths become strings."""
        return {
            "name": self.name,
            "cri_endpoint": self.cri_endpoint,
            "cgroup_mounts": {key: str(path) for key, path in self.cgroup_mounts.items()},
            "proc": None if self.proc is None else str(self.proc),
            "logs": None if self.logs is None else str(self.logs),
            "control": self.control,
            "kubelet": None if self.kubelet is None else str(self.kubelet),
            "calls": None if self.calls is None else str(self.calls),
            "faults": list(self.faults),
            "wrongs": list(self.wrongs),
            "agent": self.agent,
            "accelerator": self.accelerator,
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> NodeHandle:
        """Rebuild from ``to_json``."""
        return cls(
            name=raw["name"],
            cri_endpoint=raw["cri_endpoint"],
            cgroup_mounts={key: Path(path) for key, path in raw["cgroup_mounts"].items()},
            proc=Path(raw["proc"]) if raw.get("proc") else None,
            logs=Path(raw["logs"]) if raw.get("logs") else None,
            control=raw.get("control"),
            kubelet=Path(raw["kubelet"]) if raw.get("kubelet") else None,
            calls=Path(raw["calls"]) if raw.get("calls") else None,
            faults=tuple(raw.get("faults", ())),
            wrongs=tuple(raw.get("wrongs", ())),
            agent=raw.get("agent"),
            accelerator=raw.get("accelerator"),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClusterHandle:
    """A running target. ``workload_image`` names the probe image as the runtime knows it.

    ``has_joined``: what is here is a node of another target's cluster, on which only pods come to
    run that tolerate ``OWN_NODE``; its ``kubeconfig`` is that cluster's. ``is_strangers``: somebody
    else made it, and no process of ours answers for it.

    The first of ``nodes`` is the one that the checks' pods run on.

    ``context`` is that of the kubeconfig, None for its current one. ``namespace`` is the one that
    all checks share, None where each makes one of its own. ``pod_fields`` are fields that the spec
    of every pod gets, ``container_fields`` those of every container.
    """

    name: str
    provider: str
    kubeconfig: Path
    nodes: tuple[NodeHandle, ...]
    workload_image: str
    fingerprint: Fingerprint
    has_joined: bool = False
    is_strangers: bool = False
    context: str | None = None
    namespace: str | None = None
    pod_fields: dict[str, Any] = dataclasses.field(default_factory=dict)
    container_fields: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def connection(self) -> Connection:
        """How to reach its apiserver. Raises ``UsageError`` when the kubeconfig cannot be used."""
        return read_kubeconfig(self.kubeconfig, context=self.context)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object for ``workerinput`` or a state file."""
        return {
            "name": self.name,
            "provider": self.provider,
            "kubeconfig": str(self.kubeconfig),
            "nodes": [node.to_json() for node in self.nodes],
            "workload_image": self.workload_image,
            "fingerprint": self.fingerprint.to_json(),
            "has_joined": self.has_joined,
            "is_strangers": self.is_strangers,
            "context": self.context,
            "namespace": self.namespace,
            "pod_fields": self.pod_fields,
            "container_fields": self.container_fields,
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> ClusterHandle:
        """Rebuild from ``to_json``."""
        return cls(
            name=raw["name"],
            provider=raw["provider"],
            kubeconfig=Path(raw["kubeconfig"]),
            nodes=tuple(NodeHandle.from_json(node) for node in raw["nodes"]),
            workload_image=raw["workload_image"],
            fingerprint=Fingerprint.from_json(raw["fingerprint"]),
            has_joined=raw.get("has_joined", False),
            is_strangers=raw.get("is_strangers", False),
            context=raw.get("context"),
            namespace=raw.get("namespace"),
            pod_fields=raw.get("pod_fields", {}),
            container_fields=raw.get("container_fields", {}),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A cluster of this host. ``handle`` is None while it starts; ``target`` is what was asked for,
    with the kubelet's settings as ``Target.kubelet`` has them."""

    name: str
    provider: str
    is_alive: bool
    target: dict[str, Any]
    handle: ClusterHandle | None

    @property
    def kubelet(self) -> tuple[tuple[str, str], ...]:
        """The settings of the kubelet that its maker noted down."""
        return tuple((str(key), str(value)) for key, value in self.target.get("kubelet", ()))


class Provider(Protocol):
    """A way to bring a target into being: a module with these functions (see ``registry``)."""

    CAN_MAKE: bool
    """Whether ``up`` makes clusters; else there is the one that is there, as it is."""
    CAN_JOIN: bool
    """Whether ``up`` can make a node that joins a cluster that is there."""
    CLUSTER_BYTES: int
    """The memory that a small cluster of one node with some pods takes, rounded up."""
    CLUSTERS_PER_PROCESSOR: float
    """How many of them work beside each other without taking processors from each other."""
    CLUSTER_INSTANCES: int
    """The inotify instances of this host's user that it takes (``inotify`` says why)."""

    def check_target(self, target: Target) -> None:
        """Raise ``UsageError`` for a target that this provider can make on no host."""
        ...

    def check_host(self) -> object:
        """Raise ``HostError`` with what keeps a cluster from starting on this host."""
        ...

    def notes(self, *, accelerator: str | None = None) -> list[str]:
        """Return what is done differently on this host, one sentence each.

        ``accelerator`` is what runs the guest of a node in one, or what was asked for.
        """
        ...

    def gather(self, target: Target, *, progress: Progress | None = None) -> object:
        """Get every artifact that the target needs, building what is not in the cache."""
        ...

    def up(
        self,
        target: Target,
        *,
        name: str | None = None,
        owner: int | None = None,
        joins: ClusterHandle | None = None,
        progress: Progress | None = None,
        tell: Tell | None = None,
    ) -> ClusterHandle:
        """Create the target and return when its node is Ready.

        ``owner`` is a process id: when that process ends, however it ends, the cluster goes with
        it. None keeps the cluster until ``down``. With ``joins`` it is a node alone, which becomes
        one of that cluster. ``tell`` is called with each step and its time in seconds.
        """
        ...

    def attach(self, name: str) -> ClusterHandle | None:
        """Return the running cluster of that name, whoever made it; None when there is none.

        It is used and goes on: whoever asks does not end it.
        """
        ...

    def down(self, name: str) -> None:
        """Remove the cluster and everything it made."""
        ...

    def leave(self, handle: ClusterHandle) -> None:
        """Let a cluster forget a node that had joined it and is gone."""
        ...

    def find(self, name: str) -> Found | None:
        """Return the cluster of that name, dead or alive, None when this provider made none."""
        ...

    def found(self) -> list[Found]:
        """Return the clusters that this provider has made on this host, by name."""
        ...

    def keep_logs(self, handle: ClusterHandle, directory: Path) -> None:
        """Copy the components' logs into a directory that is made. Raises ``OSError``."""
        ...
