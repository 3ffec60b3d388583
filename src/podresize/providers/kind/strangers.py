"""kind clusters that somebody else made: used as they are, but for the probe's image."""

from __future__ import annotations

import ipaddress
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from podresize.artifacts.artifact import Component
from podresize.artifacts.store import get as get_artifact
from podresize.cluster.api import Api
from podresize.cluster.kubeconfig import read_kubeconfig
from podresize.cluster.metrics import node_config
from podresize.cri.client import RuntimeClient
from podresize.errors import HostError
from podresize.providers.interface import ClusterHandle
from podresize.providers.kind.engine import ADDRESS_VARIABLE, Engine
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
    kubeconfig.write_text(
        reachable(
            node.inside(_ADMIN).read_text(),
            engine.inspect(container)["NetworkSettings"]["Ports"].get(_PORT) or (),
            container=container,
            address=engine.address,
        )
    )
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


def reachable(
    admin: str, published: Sequence[Mapping[str, str]], *, container: str, address: str | None
) -> str:
    """Return the administrator's kubeconfig of a control plane's container, for use on this host.

    ``published`` is where the engine publishes the apiserver's port (``HostIp``, ``HostPort``),
    ``address`` where published ports are reached if not on this host's own addresses. The
    certificate holds the container's name, whatever the address. Raises ``HostError`` for a port
    that cannot be reached from here.
    """
    if not published:
        raise _out_of_reach(container, "its port is not published", "it was made by other means")
    bound = published[0]["HostIp"] or "0.0.0.0"  # what an engine says is no address to listen on
    ip = ipaddress.ip_address(bound)
    if ip.is_unspecified:
        host = address or ("127.0.0.1" if ip.version == 4 else "::1")
    elif ip.is_loopback and address is not None:
        raise _out_of_reach(
            container,
            f"its port is published on {bound}, and the engine's loopback is not this host's "
            f"({ADDRESS_VARIABLE}={address})",
            f"kind was not told networking.apiServerAddress: {address}",
        )
    else:
        host = bound
    document = yaml.safe_load(admin)
    for each in document["clusters"]:
        port = published[0]["HostPort"]
        each["cluster"]["server"] = f"https://{f'[{host}]' if ':' in host else host}:{port}"
        each["cluster"]["tls-server-name"] = container
    return yaml.safe_dump(document, sort_keys=False)


def _out_of_reach(container: str, why: str, cause: str) -> HostError:
    return HostError(
        "the apiserver of a kind cluster cannot be reached from this host",
        value=why,
        origin=container,
        causes=(cause,),
        next_command=f"docker port {container}",
    )
