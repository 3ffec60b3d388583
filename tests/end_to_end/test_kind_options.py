"""A real kind cluster that is otherwise than the default: crun under systemd, and a worker."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from tests.end_to_end.cri_pods import pull_image
from tests.end_to_end.engines import RealEngine, engine
from tests.end_to_end.leading import leading_to
from tests.end_to_end.real_clusters import api_of, namespace, own_name, run_pod, workload

from podresize.artifacts.artifact import Component
from podresize.artifacts.store import get as get_artifact
from podresize.cluster.get import get
from podresize.evidence.cgroup_paths import find_pod_cgroups, resource_files
from podresize.providers import control
from podresize.providers.containers.registry import Registry
from podresize.providers.interface import ClusterHandle
from podresize.providers.kind import provider
from podresize.providers.kind.engine import find_engine
from podresize.providers.kind.layout import Layout
from podresize.providers.kind.node import Node
from podresize.providers.matching import mismatches
from podresize.providers.readiness import is_ready
from podresize.requirements.target import Target

__all__ = ["engine"]

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

TARGET = Target(provider="kind", oci_runtime="crun", worker_nodes=1)
HOST = "registry.podresize.local:5000"
LIMITS = {"cpu": "100m", "memory": "64Mi"}


@pytest.fixture(scope="module")
def cluster(engine: RealEngine) -> Iterator[ClusterHandle]:
    """A cluster of that target; it goes with this process."""
    name = own_name("options")
    with pytest.MonkeyPatch.context() as patched:
        for key, value in engine.environment.items():
            patched.setenv(key, value)
        yield provider.up(TARGET, name=name, owner=os.getpid())
        provider.down(name)


def test_it_is_what_was_asked_for(cluster: ClusterHandle) -> None:
    worker, control_plane = cluster.nodes

    assert mismatches(TARGET, cluster.fingerprint, worker_nodes=1) == []
    assert cluster.fingerprint.cgroup_driver == "systemd"
    assert cluster.fingerprint.oci_runtime_version
    with api_of(cluster) as api:
        assert is_ready(get(api, kind="nodes", name=worker.name))
        taints = get(api, kind="nodes", name=control_plane.name)["spec"]["taints"]
    assert [taint["key"] for taint in taints] == ["node-role.kubernetes.io/control-plane"]


def test_the_witnesses_of_a_pod_are_the_workers(cluster: ClusterHandle) -> None:
    body = workload("limited", image=cluster.workload_image, **cluster.pod_fields)
    body["spec"]["containers"][0]["resources"] = {"requests": LIMITS, "limits": LIMITS}
    with api_of(cluster) as api, namespace(api, own_name("limited")) as space:
        pod = run_pod(api, namespace=space, body=body)

        assert pod["spec"]["nodeName"] == cluster.nodes[0].name
        (id_,) = [each["containerID"] for each in pod["status"]["containerStatuses"]]
        cgroups = find_pod_cgroups(
            cluster.nodes[0].cgroup_mounts,
            pod_uid=pod["metadata"]["uid"],
            qos_class="Guaranteed",
            container_ids=(id_,),
        )
        (directories,) = cgroups.containers.values()
        said = {
            name: path.read_text().strip() for name, path in resource_files(directories).items()
        }
    assert cgroups.driver == "systemd"
    limit = "memory.limit_in_bytes" if "memory.limit_in_bytes" in said else "memory.max"
    assert said[limit] == str(64 << 20)


def test_every_node_pulls_from_a_registry(engine: RealEngine, cluster: ClusterHandle) -> None:
    nodes = [Node(find_engine(), each.name) for each in cluster.nodes]
    network = Layout(name=cluster.name).network
    with leading_to(engine), Registry() as registry:
        archive = get_artifact(Component.IMAGES).files["workload.tar"]
        registry.push(archive, "tests/everywhere", "1")
        with registry.serving(nodes, network, HOST):
            for node in cluster.nodes:
                assert node.cri_endpoint is not None
                pull_image(node.cri_endpoint, f"{HOST}/tests/everywhere:1")

            asked = {line.split()[0] for line in registry.requests("tests/everywhere")}
            print(*registry.requests("tests/everywhere"), sep="\n")
    assert len(asked) > len(nodes)  # the nodes, and who pushed
    assert not any(each.inside(registry.directory_of(HOST)).exists() for each in nodes)


@pytest.mark.parametrize("component", ["kubelet", "kube-scheduler"])
def test_components_of_both_nodes_are_stopped_and_started(
    cluster: ClusterHandle, component: str
) -> None:
    control.stop(cluster, component)
    assert not control.running(cluster)[component]

    control.start(cluster, component)

    assert all(control.running(cluster).values())
