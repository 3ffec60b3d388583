"""A local cluster is a real one: versions, authorization, tokens, streams, and no trace after."""

from __future__ import annotations

import dataclasses
import json
import os
import ssl
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.real_clusters import (
    api_of,
    leftovers_after,
    namespace,
    own_name,
    pid_of,
    run_pod,
    workload,
)

from podresize.cluster import exec as exec_verb
from podresize.cluster.api import Api
from podresize.cluster.create import create, try_create
from podresize.cluster.get import get, server_version
from podresize.cluster.kubeconfig import Connection, read_kubeconfig
from podresize.cluster.logs import LogFollower, log_lines
from podresize.cluster.metrics import feature_enabled, node_config, node_metrics
from podresize.cluster.rights import FOR_A_CHECK, FOR_A_RESIZE, missing_rights
from podresize.cri.client import RuntimeClient
from podresize.providers.interface import ClusterHandle
from podresize.providers.local import provider, state
from podresize.requirements.target import Target

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

TARGET = Target(kubernetes="1.27.4", containerd="1.6.36")


@dataclasses.dataclass(frozen=True)
class Up:
    """The module's cluster, a namespace and a running probe in it."""

    handle: ClusterHandle
    api: Api
    listening_before: set[str]

    @property
    def directory(self) -> Path:
        return self.handle.kubeconfig.parents[1]


def listening() -> set[str]:
    """Return the ports that something listens on in this network namespace."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":  # TCP_LISTEN
                found.add(fields[1])
    return found


@pytest.fixture(scope="module")
def up(real_host: object) -> Iterator[Up]:
    assert real_host
    before = listening()
    handle = provider.up(TARGET, name=own_name("one"), owner=os.getpid())
    with api_of(handle) as api:
        yield Up(handle, api, before)
    provider.down(handle.name)


@pytest.fixture(scope="module")
def probe(up: Up) -> Iterator[str]:
    """The namespace in which a pod called ``probe`` runs."""
    with namespace(up.api, "probes") as name:
        body = workload("probe", image=up.handle.workload_image)
        run_pod(up.api, namespace=name, body=body)
        yield name


def as_user(handle: ClusterHandle, user: str) -> Connection:
    """Return a connection with another of the cluster's client certificates; "" for none."""
    pki = handle.kubeconfig.parents[1] / "pki"
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    if user:
        context.load_cert_chain(pki / f"{user}.crt", pki / f"{user}.key")
    return dataclasses.replace(read_kubeconfig(handle.kubeconfig), ssl_context=context)


def test_the_node_is_ready_and_free_of_taints(up: Up) -> None:
    node = get(up.api, kind="nodes", name=up.handle.nodes[0].name)

    ready = {each["type"]: each["status"] for each in node["status"]["conditions"]}["Ready"]
    assert ready == "True"
    assert "taints" not in node["spec"]


def test_every_part_reports_the_version_that_was_asked_for(up: Up) -> None:
    info = get(up.api, kind="nodes", name=up.handle.nodes[0].name)["status"]["nodeInfo"]
    program = Path(f"/proc/{pid_of(up.handle.name, 'containerd')}/exe").resolve()
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    with RuntimeClient(up.handle.nodes[0].runtime_endpoint) as cri:
        runtime = cri.version()

    assert server_version(up.api)["gitVersion"] == "v1.27.4"
    assert info["kubeletVersion"] == "v1.27.4"
    assert info["containerRuntimeVersion"].removeprefix("containerd://v") == "1.6.36" or (
        info["containerRuntimeVersion"] == "containerd://1.6.36"
    )
    assert "1.6.36" in said.stdout
    assert runtime["runtime_name"] == "containerd"
    assert runtime["runtime_version"].removeprefix("v") == "1.6.36"
    assert up.handle.fingerprint.kubernetes == "1.27.4"
    assert up.handle.fingerprint.runtime_version == "1.6.36"


def test_the_gate_is_on_in_apiserver_and_kubelet(up: Up) -> None:
    node = up.handle.nodes[0].name

    assert feature_enabled(up.api, name="InPlacePodVerticalScaling") is True
    assert feature_enabled(up.api, name="InPlacePodVerticalScaling", node=node) is True


def test_the_node_authorizer_keeps_a_kubelet_from_secrets_of_no_pod_of_its_own(up: Up) -> None:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "other"}}
    create(up.api, kind="secrets", namespace="default", body=body)

    with Api(as_user(up.handle, "kubelet")) as kubelet:
        own = kubelet.request("GET", path=f"/api/v1/nodes/{up.handle.nodes[0].name}")
        secret = kubelet.request("GET", path="/api/v1/namespaces/default/secrets/other")
        admission = kubelet.request(
            "POST",
            path="/api/v1/nodes",
            body={"apiVersion": "v1", "kind": "Node", "metadata": {"name": "somebody-else"}},
        )

    assert own.code == 200
    assert secret.code == 403
    assert "no relationship found between node" in secret.message
    assert admission.code == 403


def test_rbac_grants_the_scheduler_what_it_needs_and_no_more(up: Up) -> None:
    with Api(as_user(up.handle, "scheduler")) as scheduler:
        assert scheduler.request("GET", path="/api/v1/nodes").code == 200
        assert scheduler.request("GET", path="/api/v1/secrets").code == 403


def test_the_rights_that_a_user_lacks_are_named_one_by_one(up: Up) -> None:
    needed = [*FOR_A_CHECK, FOR_A_RESIZE]

    assert missing_rights(up.api, needed, namespace="default") == []
    lacking = missing_rights(up.api, needed, namespace="default", user="a-stranger")
    assert [str(right) for right in lacking][:2] == ["create pods", "get pods"]
    assert lacking == needed


def test_nobody_is_refused(up: Up) -> None:
    with Api(as_user(up.handle, "")) as nobody:
        assert nobody.request("GET", path="/version").code == 401


def test_service_account_tokens_are_issued_and_accepted(up: Up, probe: str) -> None:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = try_create(
        up.api,
        kind="serviceaccounts",
        namespace=probe,
        name="default",
        subresource="token",
        body=body,
    )
    token = answer.accepted()["status"]["token"]
    review = create(
        up.api,
        kind="authentication.k8s.io/v1/tokenreviews",
        body={
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token},
        },
    )

    assert review["status"]["authenticated"] is True
    assert review["status"]["user"]["username"] == f"system:serviceaccount:{probe}:default"
    assert review["status"]["audiences"] == ["https://kubernetes.default.svc"]


def test_exec_runs_a_command_and_tells_its_output_and_exit_code(up: Up, probe: str) -> None:
    def run(*command: str) -> exec_verb.ExecResult:
        return exec_verb.run(
            up.api, namespace=probe, pod="probe", container="main", command=("/probe", *command)
        )

    identity = json.loads(run("identity").stdout)
    values = json.loads(run("cgroup").stdout)
    wrong = run("nonsense")

    assert identity["pid"] == 1
    assert identity["start_ticks"] > 0
    assert values["version"] == up.handle.fingerprint.cgroup_version
    assert wrong.exit_code == 2
    assert "unknown command" in wrong.stderr


def test_logs_are_read_whole_and_followed_as_they_grow(up: Up, probe: str) -> None:
    with LogFollower(
        up.api, namespace=probe, pod="probe", container="main", silence=20.0
    ) as follower:
        beats = []
        for _, line in follower.lines():
            beats.append(json.loads(line)["beat"])
            if len(beats) == 15:
                threading.Thread(target=follower.stop).start()
            if len(beats) > 15:
                break
    so_far = [
        json.loads(line)["beat"]
        for line in log_lines(up.api, namespace=probe, pod="probe", container="main")
    ]

    assert beats[:15] == list(range(15))
    assert so_far == list(range(len(so_far)))
    assert len(so_far) >= 15


def test_metrics_and_configuration_of_the_kubelet_come_through_the_apiserver(up: Up) -> None:
    node = up.handle.nodes[0].name

    assert "kubelet_running_pods" in node_metrics(up.api, node=node)
    assert node_config(up.api, node=node)["cgroupDriver"] == "cgroupfs"


def test_private_keys_and_kubeconfigs_are_their_owners_alone(up: Up) -> None:
    secret = [*up.directory.rglob("*.key"), *up.directory.rglob("*.kubeconfig")]

    assert len(secret) >= 10
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}
    assert stat.S_IMODE((up.directory / "pki").stat().st_mode) == 0o700


def test_nothing_of_the_cluster_listens_on_the_hosts_ports(up: Up) -> None:
    inside = Path(f"/proc/{pid_of(up.handle.name, 'kube-apiserver')}/net/tcp").read_text()
    address = f"{int.from_bytes(bytes(map(int, host_of(up).split('.'))), 'little'):08X}:192B"

    assert address in inside  # 6443, in a network namespace of its own
    new = listening() - up.listening_before
    assert not [each for each in new if each.split(":")[1] in {"192B", "280A", "094B", "094C"}]


def host_of(up: Up) -> str:
    return read_kubeconfig(up.handle.kubeconfig).server.split("//")[1].split(":")[0]


def test_etcds_data_is_in_memory_inside_the_namespace_only(up: Up) -> None:
    pid = pid_of(up.handle.name, "etcd")
    mounts = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()

    (kind,) = [
        line.partition(" - ")[2].split()[0]
        for line in mounts
        if line.split()[4] == str(up.directory / "etcd")
    ]
    assert kind == "tmpfs"
    assert list((up.directory / "etcd").iterdir()) == []


def test_pods_get_addresses_of_the_clusters_subnet(up: Up, probe: str) -> None:
    found = state.find(up.handle.name)
    assert found is not None
    pod = get(up.api, kind="pods", namespace=probe, name="probe")

    assert pod["status"]["podIP"].startswith(found.layout.pod_subnet.rpartition(".")[0] + ".")


def test_a_cluster_with_a_running_pod_leaves_nothing_after_down(real_host: object) -> None:
    assert real_host
    handle = provider.up(TARGET, name=own_name("down"), owner=os.getpid())
    found = state.find(handle.name)
    assert found is not None
    with api_of(handle) as api, namespace(api, "probes") as name:
        run_pod(api, namespace=name, body=workload("probe", image=handle.workload_image))

    provider.down(handle.name)

    # The interface is the cluster's by its index, which may be another cluster's by now.
    others = [each.layout.index for each in state.clusters()]
    index = None if found.layout.index in others else found.layout.index
    assert leftovers_after(handle.name, deadline=0) == []
    assert index is None or not Path(f"/sys/class/net/podresize{index}").exists()
