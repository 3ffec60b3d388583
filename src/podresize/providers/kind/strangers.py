"""kind clusters that somebody else made: used as they are, but for the probe's image."""

from __future__ import annotations

import ipaddress
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
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
from podresize.providers.kind.node import WORKLOAD_IMAGE, Node, kept_on

_ADMIN = Path("/etc/kubernetes/admin.conf")
_PORT = "6443/tcp"
_RUNTIME_SECONDS = 15.0
# Their kubeconfigs, for as long as this process runs.
_kept: list[tempfile.TemporaryDirectory[str]] = []


def attach(name: str, engine: Engine) -> ClusterHandle | None:
    """Return the kind cluster of that name, None when there is none or it does not run.

    The checks' pods go to its first worker, where it has one; else to its first control plane.
    Raises ``HostError`` and ``HarnessError``.
    """
    names = nodes_of(name, engine.containers(name))
    inspected = {each: engine.inspect(each) for each in names}
    if not names or not all(each["State"]["Running"] for each in inspected.values()):
        return None
    nodes = [Node(engine, each) for each in names]
    node, control_plane = nodes[0], nodes[-1]
    kept = tempfile.TemporaryDirectory(prefix="podresize-")
    _kept.append(kept)
    kubeconfig = Path(kept.name) / "admin.kubeconfig"
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_text(
        reachable(
            control_plane.inside(_ADMIN).read_text(),
            inspected[names[-1]]["NetworkSettings"]["Ports"].get(_PORT) or (),
            container=names[-1],
            address=engine.address,
        )
    )
    with Api(read_kubeconfig(kubeconfig)) as api, RuntimeClient(node.endpoint) as cri:
        cri.wait_connected(seconds=_RUNTIME_SECONDS)
        if not cri.has_image(WORKLOAD_IMAGE):
            node.import_image(get_artifact(Component.IMAGES).files["workload.tar"])
        driver = node_config(api, node=names[0])["cgroupDriver"]
        fingerprint = node.fingerprint(api, cri)
    handles = tuple(each.handle(logs=Path(kept.name), driver=driver) for each in nodes)
    return ClusterHandle(
        name=name,
        provider="kind",
        kubeconfig=kubeconfig,
        nodes=handles,
        workload_image=WORKLOAD_IMAGE,
        fingerprint=fingerprint,
        is_strangers=True,
        pod_fields=kept_on(handles),
    )


def nodes_of(cluster: str, containers: Iterable[str]) -> list[str]:
    """Return the names of a cluster's nodes by its containers: workers, then one control plane.

    Further control planes are left out, and what else kind makes (a load balancer). Without a
    control plane there is no node.
    """
    named = re.compile(rf"{re.escape(cluster)}-(control-plane|worker)(\d*)")
    found = [match for match in map(named.fullmatch, containers) if match is not None]
    ordered = sorted(found, key=lambda match: int(match[2] or 1))
    control_planes = [match[0] for match in ordered if match[1] == "control-plane"]
    workers = [match[0] for match in ordered if match[1] == "worker"]
    return [*workers, control_planes[0]] if control_planes else []


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
