"""A containerd of any version in a container, for checks at the CRI without a kubelet."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from podresize.artifacts.container_images import containerd_image
from podresize.artifacts.progress import Progress
from podresize.cri.client import RuntimeClient
from podresize.errors import HarnessError
from podresize.providers.containers.adapter import DockerContainer, prepare
from podresize.providers.containers.owning import owner_labels
from podresize.providers.kind.node import Node

_IMAGES = ("pause.tar", "workload.tar")
_CONNECT_SECONDS = 60.0
_LAST_LINES = 15


class Containerd(DockerContainer):
    """Runs while the ``with`` block does; pods on it may use the network of their node alone.

    ``version`` as for ``podresize artifacts get containerd``. The runtime has podresize's own pod
    images and no network plugin. Its processes are of this host's kernel, and its cgroups lie below
    the container's own. Raises ``UsageError`` for a version that does not exist, ``HostError``
    where no engine serves, ``HarnessError`` where containerd does not answer.
    """

    def __init__(self, version: str | None = None, *, progress: Progress | None = None) -> None:
        image = containerd_image(version, progress=progress)
        engine = prepare(image, progress=progress)
        super().__init__(image.name)
        self._engine = engine
        self._node: Node | None = None
        self.with_kwargs(privileged=True, cgroupns="private", labels=owner_labels())
        self.with_tmpfs_mount("/run")

    def start(self) -> Self:
        """Start the container and return when the runtime answers and has the pod images."""
        super().start()
        self._node = Node(self._engine, self.get_container_id())
        try:
            with RuntimeClient(self.endpoint) as cri:
                cri.wait_connected(seconds=_CONNECT_SECONDS)
            for image in _IMAGES:
                self._run("ctr", "--namespace=k8s.io", "images", "import", f"/images/{image}")
        except HarnessError as error:
            raise self._failed(error.what) from error
        return self

    @property
    def endpoint(self) -> str:
        """The CRI socket as this host reaches it, ``unix:///proc/<pid>/root/...``."""
        return self.node.endpoint

    @property
    def state(self) -> Path:
        """containerd's state directory as this host reaches it: a directory per task below it."""
        return self.node.inside(Path("/run/containerd"))

    @property
    def node(self) -> Node:
        """The container as a node: its root directory, its cgroup mounts."""
        if self._node is None:
            raise HarnessError("this containerd is not started", origin="Containerd.start")
        return self._node

    def cgroup(self, controller: str, path: str) -> Path:
        """Return a cgroup's directory as this host reaches it.

        ``path`` is as the runtime names it (``cgroup_parent`` and below). On cgroup v2
        ``controller`` decides nothing.
        """
        _, mounts = self.node.cgroups()
        return self.node.inside(mounts[controller]) / path.strip("/")

    def _run(self, *words: str) -> None:
        done: Any = self.exec(list(words))
        if done.exit_code != 0:
            said = done.output.decode(errors="replace").strip()
            raise HarnessError(f"{words[0]} failed in containerd's container", value=said)

    def _failed(self, what: str) -> HarnessError:
        output, errors = self.get_logs()
        lines = (output + errors).decode(errors="replace").splitlines()
        return HarnessError(
            f"containerd in a container does not serve: {what}",
            value=self.image,
            origin="the last lines of its log:\n       " + "\n       ".join(lines[-_LAST_LINES:]),
            causes=("the engine's data directory cannot hold another overlay", "a loaded host"),
            next_command="docker info",
        )
