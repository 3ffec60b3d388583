"""A node of kind as the witnesses reach it: through its first process, on this host's kernel."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from podresize.cluster.api import Api
from podresize.cri.client import RuntimeClient
from podresize.errors import HostError
from podresize.providers import host as hosts
from podresize.providers.fingerprint import detect
from podresize.providers.host import cgroup_mounts
from podresize.providers.interface import NodeHandle
from podresize.providers.kind.configuration import CGROUP_ROOT, TAP_SOCKET
from podresize.providers.kind.engine import Engine
from podresize.requirements.target import Fingerprint

WORKLOAD_IMAGE = "podresize.local/workload:1"
_PROC = Path("/proc")
_HOSTNAME = "kubernetes.io/hostname"


class Node:
    """The container of a node. ``pid`` is its first process, as this process counts them."""

    def __init__(self, engine: Engine, container: str) -> None:
        self.engine = engine
        self.container = container
        self.pid = first_process(engine.inspect(container)["Id"])

    @property
    def root(self) -> Path:
        """The node's root directory, seen from here."""
        return _PROC / str(self.pid) / "root"

    def handle(
        self,
        *,
        logs: Path,
        driver: str,
        control: Path | None = None,
        calls: Path | None = None,
        faults: Sequence[str] = (),
    ) -> NodeHandle:
        """Return the node as the witnesses want it; ``driver`` is the kubelet's cgroup driver.

        ``calls`` is where the node's tap writes, None where it has none.
        """
        _, mounts = self.cgroups()
        below = CGROUP_ROOT.strip("/") + (".slice" if driver == "systemd" else "")
        return NodeHandle(
            name=self.container,
            cri_endpoint=self.endpoint if calls is None else f"unix://{self.inside(TAP_SOCKET)}",
            cgroup_mounts={name: self.inside(place) / below for name, place in mounts.items()},
            proc=_PROC,
            logs=logs,
            control=None if control is None else str(control),
            kubelet=self.inside(Path("/var/lib/kubelet")),
            calls=calls,
            faults=tuple(faults),
            # A kind cluster is made wrong in no other way (compatibility.refuse_wrongs).
            wrongs=tuple(f"fault {each}" for each in faults),
        )

    @property
    def endpoint(self) -> str:
        """The runtime's own CRI socket as this process reaches it, past any tap."""
        return f"unix://{self.root}/run/containerd/containerd.sock"

    def cgroups(self) -> tuple[int, dict[str, Path]]:
        """Return the node's cgroup version and where it has each controller mounted."""
        return cgroup_mounts((_PROC / str(self.pid) / "mountinfo").read_text())

    def inside(self, path: Path) -> Path:
        """Return a path of the node as this process reaches it."""
        return self.root / path.relative_to("/")

    def run(self, *words: str) -> str:
        """Run a program on the node and return its output. Raises ``HostError``."""
        return self.engine.run("exec", self.container, *words)

    def import_image(self, archive: Path) -> None:
        """Give the node's runtime an image, as kind does. Raises ``HostError``."""
        words = ("exec", "--interactive", self.container, "ctr", "--namespace=k8s.io")
        self.engine.run(*words, "images", "import", "-", input_file=archive)

    def keep_logs(self, directory: Path) -> None:
        """Copy the journal of kubelet and runtime, and the logs of the control plane's pods.

        Raises ``OSError``, and ``HostError`` where the engine does not let the node be asked.
        """
        for unit in ("kubelet", "containerd"):
            said = self.run("journalctl", "--no-pager", f"--unit={unit}")
            (directory / f"{unit}.log").write_text(said)
        for pod in self.inside(Path("/var/log/pods")).glob("kube-system_*"):
            for log in pod.glob("*/*.log"):
                target = directory / f"{log.parent.name}-{log.name}"
                target.write_bytes(log.read_bytes())

    def fingerprint(self, api: Api, cri: RuntimeClient) -> Fingerprint:
        """Return what the node's cluster turns out to be. Raises as ``detect`` does."""
        return detect(
            api,
            provider="kind",
            node=self.container,
            cri=cri,
            cgroup_version=self.cgroups()[0],
            host_limits=hosts.inspect().limits,
            oci_version=self._oci_version,
        )

    def _oci_version(self, program: Path) -> str:
        """Return what an OCI runtime of the node says of its version."""
        return self.run(str(program), "--version")


def kept_on(nodes: Sequence[NodeHandle]) -> dict[str, Any]:
    """Return what keeps a pod on the first of these nodes, as fields of its spec.

    Its cgroups and its runtime are the witnesses. A single node takes all pods without.
    """
    return {} if len(nodes) == 1 else {"nodeSelector": {_HOSTNAME: nodes[0].name}}


def first_process(container_id: str, *, proc: Path = _PROC) -> int:
    """Return the pid of a container's first process, in this process's own PID namespace.

    The engine may count processes in another one, so it is not asked: the process is the one whose
    cgroup carries the container's id and which is number 1 to itself. Raises ``HostError`` when
    there is none: then the engine's containers do not run on this kernel.
    """
    for directory in proc.glob("[0-9]*"):
        try:
            if container_id not in (directory / "cgroup").read_text():
                continue
            status = (directory / "status").read_text()
        except OSError:
            continue  # it has ended meanwhile
        found = re.search(r"^NSpid:\s+(.*)$", status, re.MULTILINE)
        numbers = [] if found is None else found[1].split()
        # Pods on the node have a number 1 each as well; their cgroups lie deeper.
        if numbers and numbers[-1] == "1" and _is_container_root(directory, container_id):
            return int(directory.name)
    raise HostError(
        "the engine's containers are not processes of this host",
        value=container_id[:12],
        origin="/proc",
        causes=(
            "the engine runs in a virtual machine or on another host",
            "podresize runs in a container with a PID namespace of its own",
            "the container has ended",
        ),
        next_command="docker info",
    )


def _is_container_root(directory: Path, container_id: str) -> bool:
    """Whether a process is in the container's own cgroup, or where systemd puts itself below it."""
    for line in (directory / "cgroup").read_text().splitlines():
        place = line.rpartition(":")[2]
        _, found, below = place.partition(container_id)
        if found:
            return below.removeprefix(".scope") in ("", "/init.scope", "/init")
    return False
