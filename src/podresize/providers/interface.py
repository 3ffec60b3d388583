"""What every provider gives: a running target as data that another process can use.

A provider creates a target and describes it as a ``ClusterHandle``. The handle is plain data: the
controller of a test run makes it once and hands it to its workers, which reach the cluster by the
kubeconfig and the node by the paths it names, without knowing the provider.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Protocol

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
    and started (``providers.local.control``), None where the provider cannot do that.
    """

    name: str
    cri_endpoint: str
    cgroup_mounts: dict[str, Path]
    proc: Path
    logs: Path
    control: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object; paths become strings."""
        return {
            "name": self.name,
            "cri_endpoint": self.cri_endpoint,
            "cgroup_mounts": {key: str(path) for key, path in self.cgroup_mounts.items()},
            "proc": str(self.proc),
            "logs": str(self.logs),
            "control": self.control,
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> NodeHandle:
        """Rebuild from ``to_json``."""
        return cls(
            name=raw["name"],
            cri_endpoint=raw["cri_endpoint"],
            cgroup_mounts={key: Path(path) for key, path in raw["cgroup_mounts"].items()},
            proc=Path(raw["proc"]),
            logs=Path(raw["logs"]),
            control=raw.get("control"),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClusterHandle:
    """A running target. ``workload_image`` names the probe image as the runtime knows it.

    ``has_joined``: what is here is a node of another target's cluster, on which only pods come to
    run that tolerate ``OWN_NODE``; its ``kubeconfig`` is that cluster's.
    """

    name: str
    provider: str
    kubeconfig: Path
    nodes: tuple[NodeHandle, ...]
    workload_image: str
    fingerprint: Fingerprint
    has_joined: bool = False

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
        )


class Provider(Protocol):
    """A way to bring a target into being."""

    def up(self, target: Target, *, name: str, owner: int | None) -> ClusterHandle:
        """Create the target and return when its node is Ready.

        ``owner`` is a process id: when that process ends, however it ends, the cluster goes with
        it. None keeps the cluster until ``down``.
        """
        ...

    def down(self, name: str) -> None:
        """Remove the cluster and everything it made."""
        ...
