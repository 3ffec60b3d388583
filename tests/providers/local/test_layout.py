"""Names and paths that the kernel limits."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from podresize.errors import UsageError
from podresize.providers.local import provider
from podresize.providers.local.layout import MAX_CLUSTERS, MAX_SOCKET_PATH, Layout
from podresize.providers.state_root import state_root
from podresize.requirements.target import Target

LONGEST = "a" * 32


def test_the_longest_name_fits_a_socket_path_below_the_default_root(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PODRESIZE_STATE_DIR")
    layout = Layout(name=LONGEST, index=0)

    assert len(str(layout.longest_socket)) <= MAX_SOCKET_PATH
    assert len(f"{layout.containerd_socket}.ttrpc") <= len(str(layout.longest_socket))


def test_the_longest_name_fits_a_label_of_a_host_name() -> None:
    assert len(Layout(name=LONGEST, index=0).node_name) <= 63


def test_links_fit_an_interface_name_and_differ_for_each_index() -> None:
    links = {Layout(name="x", index=index).link for index in range(MAX_CLUSTERS)}

    assert len(links) == MAX_CLUSTERS
    assert max(map(len, links)) <= 15


def test_clusters_share_neither_link_addresses_nor_pod_subnets() -> None:
    layouts = [Layout(name=f"c{index}", index=index) for index in range(MAX_CLUSTERS)]
    links = {ipaddress.ip_interface(f"{each.host_address}/30").network for each in layouts}
    pods = {ipaddress.ip_network(each.pod_subnet) for each in layouts}

    assert len(links) == len(pods) == MAX_CLUSTERS
    for each in layouts:
        assert ipaddress.ip_address(each.node_address) in ipaddress.ip_network("198.18.0.0/15")


def test_an_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODRESIZE_STATE_DIR", "")

    assert state_root() == Path("/var/lib/podresize").resolve()


def test_the_root_is_absolute_and_free_of_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PODRESIZE_STATE_DIR", "link/clusters")

    assert state_root() == (tmp_path / "real" / "clusters").resolve()


def test_a_root_too_deep_for_sockets_is_refused_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 60)
    monkeypatch.setenv("PODRESIZE_STATE_DIR", str(deep))

    with pytest.raises(UsageError, match="the kernel takes 107") as error:
        provider.up(Target(), name=LONGEST)

    assert error.value.origin == "PODRESIZE_STATE_DIR and --name"
    assert not deep.exists()


@pytest.mark.parametrize("name", ["A", "a_b", "-a", "a-", "a/b", "..", "a" * 33, "ä", "a\n"])
def test_what_is_no_name_is_refused_before_anything_is_started(state_dir: Path, name: str) -> None:
    with pytest.raises(UsageError, match="not a cluster name") as error:
        provider.up(Target(), name=name)

    assert error.value.value == name
    assert not state_dir.exists()
