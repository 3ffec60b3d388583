"""kind clusters that somebody else made: used as they are, but for the probe's image."""

from __future__ import annotations

import tempfile
from pathlib import Path

from podresize.artifacts.artifact import Component
from podresize.artifacts.store import get as get_artifact
from podresize.cluster.api import Api
from podresize.cluster.kubeconfig import read_kubeconfig
from podresize.cluster.metrics import node_config
from podresize.cri.client import RuntimeClient
from podresize.providers.interface import ClusterHandle
from podresize.providers.kind.engine import Engine
from podresize.providers.kind.node import WORKLOAD_IMAGE, Node

_ADMIN = Path("/etc/kubernetes/admin.conf")
_PORT = "6443/tcp"
_RUNTIME_SECONDS = 15.0
# Their kubeconfigs, for as long as this process runs.
_kept: list[tempfile.TemporaryDirectory[str]] = []


def attach(name: str, engine: Engine) -> ClusterHandle | None:
    """Return the kind cluster of that name, None when there is none or it does not run.

    Its first control plane is the node that is used. Raises ``HostError`` and ``HarnessError``.
    """
    container = next(
        (each for each in sorted(engine.containers(name)) if each.startswith(f"{name}-control")),
        None,
    )
    if container is None or not engine.inspect(container)["State"]["Running"]:
        return None
    node = Node(engine, container)
    kept = tempfile.TemporaryDirectory(prefix="podresize-")
    _kept.append(kept)
    kubeconfig = Path(kept.name) / "admin.kubeconfig"
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_text(_reachable(node, engine.inspect(container)))
    with Api(read_kubeconfig(kubeconfig)) as api, RuntimeClient(node.endpoint) as cri:
        cri.wait_connected(seconds=_RUNTIME_SECONDS)
        if not cri.has_image(WORKLOAD_IMAGE):
            node.import_image(get_artifact(Component.IMAGES).files["workload.tar"])
        driver = node_config(api, node=container)["cgroupDriver"]
        fingerprint = node.fingerprint(api, cri)
    return ClusterHandle(
        name=name,
        provider="kind",
        kubeconfig=kubeconfig,
        nodes=(node.handle(logs=Path(kept.name), driver=driver),),
        workload_image=WORKLOAD_IMAGE,
        fingerprint=fingerprint,
        is_strangers=True,
    )


def _reachable(node: Node, inspected: dict[str, object]) -> str:
    """Return the administrator's kubeconfig with the port that the engine publishes."""
    text = node.inside(_ADMIN).read_text()
    network = inspected["NetworkSettings"]
    assert isinstance(network, dict)
    bound = network["Ports"][_PORT][0]
    lines = [
        f"    server: https://{bound['HostIp']}:{bound['HostPort']}"
        if line.strip().startswith("server:")
        else line
        for line in text.splitlines()
    ]
    return "\n".join(lines) + "\n"
