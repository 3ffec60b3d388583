"""How the apiserver of a kind cluster that somebody else made is reached."""

from __future__ import annotations

import pytest
import yaml

from podresize.errors import HostError
from podresize.providers.kind.strangers import nodes_of, reachable

ADMIN = yaml.safe_dump(
    {
        "clusters": [{"name": "x", "cluster": {"server": "https://x-control-plane:6443"}}],
        "current-context": "admin@x",
    }
)


def server(bound: str, *, address: str | None = None) -> str:
    published = [{"HostIp": bound, "HostPort": "4711"}]
    text = reachable(ADMIN, published, container="x-control-plane", address=address)
    (cluster,) = (each["cluster"] for each in yaml.safe_load(text)["clusters"])
    assert cluster["tls-server-name"] == "x-control-plane"
    found: str = cluster["server"]
    return found


@pytest.mark.parametrize(
    ("bound", "address", "expected"),
    [
        ("127.0.0.1", None, "https://127.0.0.1:4711"),
        ("0.0.0.0", None, "https://127.0.0.1:4711"),
        ("", None, "https://127.0.0.1:4711"),
        ("::", None, "https://[::1]:4711"),
        ("::1", None, "https://[::1]:4711"),
        ("192.0.2.7", None, "https://192.0.2.7:4711"),
        # The engine is in another network: its address is not this host's.
        ("0.0.0.0", "198.18.128.2", "https://198.18.128.2:4711"),
        ("198.18.128.2", "198.18.128.2", "https://198.18.128.2:4711"),
    ],
)
def test_the_port_is_reached_where_the_engine_publishes_it(
    bound: str, address: str | None, expected: str
) -> None:
    assert server(bound, address=address) == expected


def test_a_port_on_the_loopback_of_an_engine_elsewhere_is_refused_with_the_way_out() -> None:
    with pytest.raises(HostError) as error:
        server("127.0.0.1", address="198.18.128.2")

    assert "PODRESIZE_ENGINE_ADDRESS=198.18.128.2" in str(error.value.value)
    assert "apiServerAddress: 198.18.128.2" in error.value.causes[0]


def test_a_port_that_is_not_published_is_refused() -> None:
    with pytest.raises(HostError, match="cannot be reached"):
        reachable(ADMIN, [], container="x-control-plane", address=None)


@pytest.mark.parametrize(
    ("containers", "nodes"),
    [
        ([], []),
        (["x-control-plane"], ["x-control-plane"]),
        (["x-worker"], []),
        (
            ["x-worker2", "x-control-plane", "x-worker10", "x-worker"],
            ["x-worker", "x-worker2", "x-worker10", "x-control-plane"],
        ),
        (
            ["x-external-load-balancer", "x-control-plane2", "x-control-plane", "x-worker"],
            ["x-worker", "x-control-plane"],
        ),
    ],
)
def test_the_checks_go_to_the_first_worker_where_there_is_one(
    containers: list[str], nodes: list[str]
) -> None:
    assert nodes_of("x", containers) == nodes
