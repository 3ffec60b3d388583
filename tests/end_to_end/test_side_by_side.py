"""Clusters of different versions side by side: nothing shared, and one's end is not the other's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.real_clusters import (
    api_of,
    leftovers_after,
    namespace,
    own_name,
    run_pod,
    workload,
)

from podresize.artifacts.artifact import Component
from podresize.artifacts.cache import Cache
from podresize.cluster.delete import delete_pod
from podresize.cluster.get import server_version
from podresize.providers.interface import ClusterHandle
from podresize.providers.local import provider, state
from podresize.requirements.target import Target

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

NEWER = "1.37.2"


def second_kubernetes() -> str:
    """Return the newer release where it is in the cache: it takes long to build."""
    cached = {
        entry.version for entry in Cache().entries() if entry.component is Component.KUBERNETES
    }
    return NEWER if NEWER in cached else "1.27.4"


@pytest.fixture(scope="module")
def pair(real_host: object) -> Iterator[tuple[ClusterHandle, ClusterHandle]]:
    assert real_host
    targets = (
        Target(kubernetes="1.27.4", containerd="1.6.8"),
        Target(kubernetes=second_kubernetes(), containerd="1.6.36"),
    )
    handles = [provider.up(each, name=own_name("side"), owner=os.getpid()) for each in targets]
    yield handles[0], handles[1]
    for handle in handles:
        if state.find(handle.name) is not None:
            provider.down(handle.name)


def layouts(pair: tuple[ClusterHandle, ClusterHandle]) -> list[state.ClusterState]:
    found = [state.find(handle.name) for handle in pair]
    return [each for each in found if each is not None]


def test_each_is_of_its_own_version(pair: tuple[ClusterHandle, ClusterHandle]) -> None:
    with api_of(pair[0]) as first, api_of(pair[1]) as second:
        versions = [server_version(api)["gitVersion"] for api in (first, second)]

    assert versions == ["v1.27.4", f"v{second_kubernetes()}"]
    assert [each.fingerprint.runtime_version for each in pair] == ["1.6.8", "1.6.36"]


def test_they_share_no_directory_cgroup_link_or_subnet(
    pair: tuple[ClusterHandle, ClusterHandle],
) -> None:
    one, two = (each.layout for each in layouts(pair))

    assert one.directory != two.directory
    assert one.pod_subnet != two.pod_subnet
    assert one.node_address != two.node_address
    assert Path(f"/sys/class/net/{one.link}").exists()
    assert Path(f"/sys/class/net/{two.link}").exists()
    for controller, directory in pair[0].nodes[0].cgroup_mounts.items():
        other = pair[1].nodes[0].cgroup_mounts[controller]
        assert directory != other
        assert directory.is_dir()
        assert other.is_dir()


def test_a_pod_runs_on_each_and_taking_one_down_leaves_the_other_working(
    pair: tuple[ClusterHandle, ClusterHandle],
) -> None:
    one, two = pair
    with api_of(one) as first, namespace(first, "probes") as name:
        body = workload("probe", image=one.workload_image)
        ran_on_one = run_pod(first, namespace=name, body=body)
    with api_of(two) as second, namespace(second, "probes") as name:
        body = workload("probe", image=two.workload_image)
        ran_on_two = run_pod(second, namespace=name, body=body)

        provider.down(one.name)

        assert leftovers_after(one.name, deadline=0) == []
        delete_pod(second, namespace=name, name="probe")
        after = workload("probe-after", image=two.workload_image)
        assert run_pod(second, namespace=name, body=after)["status"]["phase"] == "Running"
    assert ran_on_one["status"]["podIP"] != ran_on_two["status"]["podIP"]
