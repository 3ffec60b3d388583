"""A node that joins a running cluster: its own kernel's view, runtime and kubelet, one API."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.real_clusters import (
    api_of,
    leftovers_after,
    namespace,
    own_name,
    processes_of,
    run_pod,
    workload,
)

from podresize.cluster import exec as exec_verb
from podresize.cluster.api import Api
from podresize.cluster.get import get, list_objects
from podresize.cluster.metrics import node_config
from podresize.cri.client import RuntimeClient
from podresize.errors import HarnessError, UsageError
from podresize.providers import control
from podresize.providers.child import reap
from podresize.providers.interface import OWN_NODE, ClusterHandle
from podresize.providers.local import network, provider, state
from podresize.providers.readiness import is_ready
from podresize.requirements.target import Target, kubelet_settings

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

RUNS = Target(kubernetes="1.27.4", containerd="1.6.36")
JOINS = dataclasses.replace(
    RUNS,
    containerd="1.6.8",
    cpu_manager_policy="static",
    kubelet=kubelet_settings({"syncFrequency": "5s"}),
)
TOLERATES = [{"key": OWN_NODE, "operator": "Exists"}]


@pytest.fixture(scope="module")
def host(real_host: object) -> Iterator[ClusterHandle]:
    assert real_host
    made = provider.up(RUNS, name=own_name("host"), owner=os.getpid())
    yield made
    provider.down(made.name)


@pytest.fixture(scope="module")
def api(host: ClusterHandle) -> Iterator[Api]:
    with api_of(host) as reached:
        yield reached


@pytest.fixture(scope="module")
def joined(host: ClusterHandle) -> Iterator[ClusterHandle]:
    made = provider.up(JOINS, name=own_name("join"), owner=os.getpid(), joins=host)
    yield made
    provider.down(made.name)
    provider.leave(made)


def on(node: ClusterHandle) -> dict[str, str]:
    return {"kubernetes.io/hostname": node.nodes[0].name}


def test_it_is_a_node_of_the_other_cluster_with_what_was_asked_of_it(
    host: ClusterHandle, joined: ClusterHandle, api: Api
) -> None:
    assert joined.has_joined
    assert not host.has_joined
    assert joined.kubeconfig == host.kubeconfig
    assert ClusterHandle.from_json(joined.to_json()) == joined
    print_ = joined.fingerprint
    assert (print_.runtime_version, print_.cpu_manager_policy) == ("1.6.8", "static")
    assert print_.sync_seconds == 5.0
    assert print_.gate
    assert host.fingerprint.runtime_version == "1.6.36"

    nodes = {each["metadata"]["name"]: each for each in list_objects(api, kind="nodes")}
    assert set(nodes) == {host.nodes[0].name, joined.nodes[0].name}
    assert all(map(is_ready, nodes.values()))
    assert not is_ready(nodes[host.nodes[0].name] | {"status": {}})
    taints = nodes[joined.nodes[0].name]["spec"]["taints"]
    assert [(each["key"], each["effect"]) for each in taints] == [(OWN_NODE, "NoSchedule")]


def test_only_its_own_pods_come_to_it_and_the_api_reaches_them(
    host: ClusterHandle, joined: ClusterHandle, api: Api
) -> None:
    image = host.workload_image
    with namespace(api, "joined") as name:
        elsewhere = run_pod(api, namespace=name, body=workload("plain", image=image))
        body = workload("own", image=image, nodeSelector=on(joined), tolerations=TOLERATES)
        own = run_pod(api, namespace=name, body=body)

        assert elsewhere["spec"]["nodeName"] == host.nodes[0].name
        assert own["spec"]["nodeName"] == joined.nodes[0].name
        # From the API to this kubelet: by its certificate and over the link between the two.
        command = ("/probe", "identity")
        done = exec_verb.run(api, namespace=name, pod="own", container="main", command=command)
        assert done.exit_code == 0
        assert node_config(api, node=joined.nodes[0].name)["cpuManagerPolicy"] == "static"
        with RuntimeClient(joined.nodes[0].runtime_endpoint) as cri:
            uids = {each["labels"]["io.kubernetes.pod.uid"] for each in cri.list_containers()}
        assert uids == {own["metadata"]["uid"]}
    for line in processes_of(joined.name).values():
        assert "kube-apiserver" not in line
        assert "etcd" not in line.split(" ")[0]


def test_what_it_has_not_cannot_be_stopped_and_the_message_says_why(joined: ClusterHandle) -> None:
    assert set(control.running(joined)) == {"containerd", "kubelet"}
    control.stop(joined, "kubelet")
    assert control.start_all(joined) == ["kubelet"]
    with pytest.raises(UsageError) as error:
        control.stop(joined, "kube-scheduler")
    assert "has joined another cluster" in str(error.value)


@pytest.mark.parametrize("is_killed", [False, True], ids=["down", "killed"])
def test_it_leaves_nothing_and_the_other_cluster_goes_on(
    host: ClusterHandle, api: Api, is_killed: bool
) -> None:
    made = provider.up(RUNS, name=own_name("leave"), owner=os.getpid(), joins=host)
    found = state.find(made.name)
    assert found is not None
    # The kernel ends a network namespace when it comes to it; here it cannot at all.
    held = network.namespace_of(found.supervisor)
    if is_killed:
        os.kill(found.supervisor[0], signal.SIGKILL)
    else:
        provider.down(made.name)
    assert leftovers_after(made.name) == []
    # The interpreter would warn of a child at its end, long after this test.
    reap(found.supervisor[0])
    provider.leave(made)

    names = {each["metadata"]["name"] for each in list_objects(api, kind="nodes")}
    assert made.nodes[0].name not in names
    assert host.nodes[0].name in names
    (pid,) = [pid for pid, line in processes_of(host.name).items() if "kube-scheduler" in line]
    links = Path(f"/proc/{pid}/net/dev")
    assert found.layout.side_link not in links.read_text()
    os.close(held)
    assert get(api, kind="nodes", name=host.nodes[0].name)


def test_a_cluster_that_has_ended_cannot_be_joined(host: ClusterHandle) -> None:
    gone = dataclasses.replace(host, name="gone")
    name = own_name("late")
    with pytest.raises(HarnessError, match="has ended") as error:
        provider.up(RUNS, name=name, owner=os.getpid(), joins=gone)

    assert error.value.value == "gone"
    assert leftovers_after(name) == []
