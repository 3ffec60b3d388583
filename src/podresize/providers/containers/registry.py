"""A registry in a container, which serves locally built images to the nodes of kind clusters."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from podresize.artifacts.container_images import REGISTRY_PORT, registry_image
from podresize.artifacts.progress import Progress
from podresize.errors import HarnessError
from podresize.providers.containers.adapter import DockerContainer, prepare
from podresize.providers.containers.owning import owner_labels
from podresize.providers.containers.pushing import push
from podresize.providers.kind.node import Node

_CERTS = Path("/etc/containerd/certs.d")
_READY_SECONDS = 30.0
_PAUSE_SECONDS = 0.1


class Registry(DockerContainer):
    """Runs while the ``with`` block does, and its images go with it.

    Raises ``HostError`` where no engine serves, ``HarnessError`` where the registry does not
    answer.
    """

    def __init__(self, *, progress: Progress | None = None) -> None:
        image = registry_image(progress=progress)
        engine = prepare(image, progress=progress)
        super().__init__(image.name)
        self._engine = engine
        self.with_exposed_ports(REGISTRY_PORT)
        self.with_kwargs(labels=owner_labels())

    def start(self) -> Self:
        """Start the container and return when the registry answers."""
        super().start()
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            try:
                httpx.get(f"{self.url}/v2/", trust_env=False).raise_for_status()
            except httpx.HTTPError as error:
                if time.monotonic() > deadline:
                    raise HarnessError(
                        "the registry in a container does not answer",
                        value=self.url,
                        origin=str(error),
                        causes=("its container has ended", "PODRESIZE_ENGINE_ADDRESS is wrong"),
                        next_command=f"docker logs {self.get_container_id()[:12]}",
                    ) from error
                time.sleep(_PAUSE_SECONDS)  # a port can be asked, not watched
            else:
                return self

    @property
    def url(self) -> str:
        """The registry as this host reaches it, ``http://host:port``."""
        return f"http://{self.get_container_host_ip()}:{self.get_exposed_port(REGISTRY_PORT)}"

    def url_in(self, network: str) -> str:
        """The registry as the containers in one of its networks reach it, ``http://ip:5000``."""
        networks = self._networks()
        if network not in networks:
            raise HarnessError("the registry is not in this network", value=network)
        return f"http://{networks[network]['IPAddress']}:{REGISTRY_PORT}"

    def _networks(self) -> dict[str, Any]:
        found = self._engine.inspect(self.get_container_id())["NetworkSettings"]["Networks"]
        return dict(found)

    def push(self, archive: Path, repository: str, tag: str) -> str:
        """Put an image in and return its manifest's digest. Raises as ``pushing.push`` does."""
        return push(self.url, archive, repository, tag)

    def repositories(self) -> list[str]:
        """Return what the registry has images of."""
        answer = httpx.get(f"{self.url}/v2/_catalog", trust_env=False)
        return sorted(answer.raise_for_status().json()["repositories"])

    def requests(self, repository: str) -> list[str]:
        """Return the lines of the registry's access log about a repository.

        The form is Apache's combined one: client, time, request, status, bytes, user agent.
        """
        accesses, _ = self.get_logs()
        lines = accesses.decode(errors="replace").splitlines()
        return [line for line in lines if f"/v2/{repository}/" in line]

    @staticmethod
    def directory_of(host: str) -> Path:
        """Return where containerd on a node looks for what it is told of a registry."""
        return _CERTS / host

    @contextlib.contextmanager
    def serving(self, nodes: Sequence[Node], network: str, host: str) -> Iterator[None]:
        """Have the nodes of a cluster pull the images of ``host`` (``name:port``) from here.

        ``network`` is the one of their cluster, or ``bridge`` for ``Containerd.node``. containerd
        reads the node's ``certs.d`` with each pull, so nothing is restarted; ``host`` need not
        resolve. It is undone at the end.
        """
        me = self.get_container_id()
        joins = network not in self._networks()
        if joins:
            self._engine.run("network", "connect", network, me)
        told = hosts_toml(self.url_in(network))
        directories = [node.inside(self.directory_of(host)) for node in nodes]
        try:
            for directory in directories:
                directory.mkdir(parents=True, exist_ok=True)
                (directory / "hosts.toml").write_text(told, "utf-8")
            yield
        finally:
            for directory in directories:
                with contextlib.suppress(OSError):  # the node went first, and took it along
                    (directory / "hosts.toml").unlink()
                    directory.rmdir()
            if joins and network in self._networks():
                self._engine.run("network", "disconnect", network, me)


def hosts_toml(url: str) -> str:
    """Return what containerd's ``certs.d`` says of a registry that is at this URL."""
    quoted = json.dumps(url)
    return f'server = {quoted}\n\n[host.{quoted}]\n  capabilities = ["pull", "resolve"]\n'
