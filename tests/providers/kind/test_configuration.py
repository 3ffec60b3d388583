"""What kind is told: gates, the kubelet, containerd of both versions, and whether it took."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from podresize.errors import HarnessError
from podresize.providers.host import Host
from podresize.providers.kind import configuration
from podresize.requirements.target import Target

KIND = Target(provider="kind")
NOTHING_WITHHELD = {"sys_resource": True, "apparmor": True}


def cluster(target: Target, host: Host, **overrides: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(configuration.cluster(target, host, overrides))
    return loaded


def patch_of(config: dict[str, Any], kind: str, version: str | None = None) -> dict[str, Any]:
    found = [yaml.safe_load(text) for text in config["kubeadmConfigPatches"]]
    return next(
        each
        for each in found
        if each["kind"] == kind and (version is None or each.get("apiVersion") == version)
    )


@pytest.mark.parametrize(
    ("target", "gates"),
    [
        (KIND, {"InPlacePodVerticalScaling": True}),
        (Target(provider="kind", gate=False), {"InPlacePodVerticalScaling": False}),
        (Target(provider="kind", kubernetes="1.37.2"), {}),
    ],
)
def test_the_gate_is_on_or_off_for_every_component(
    host: Callable[..., Host], target: Target, gates: dict[str, bool]
) -> None:
    assert cluster(target, host())["featureGates"] == gates


def test_kind_asks_for_no_network_of_its_own_and_kubeadm_for_no_addon(
    host: Callable[..., Host],
) -> None:
    config = cluster(KIND, host())

    assert config["networking"] == {"disableDefaultCNI": True, "kubeProxyMode": "none"}
    assert patch_of(config, "InitConfiguration")["skipPhases"] == [
        "preflight",
        "kubelet-finalize",
        "addon/coredns",
        "addon/kube-proxy",
    ]


def test_the_control_plane_has_its_arguments_as_each_version_of_kubeadm_wants_them(
    host: Callable[..., Host],
) -> None:
    config = cluster(KIND, host())

    before = patch_of(config, "ClusterConfiguration", "kubeadm.k8s.io/v1beta3")
    after = patch_of(config, "ClusterConfiguration", "kubeadm.k8s.io/v1beta4")
    arguments = before["controllerManager"]["extraArgs"]
    assert arguments["feature-gates"] == "InPlacePodVerticalScaling=true"
    assert arguments["enable-hostpath-provisioner"] == "true"  # kind's own
    assert arguments["leader-elect"] == "false"
    for part in ("controllerManager", "scheduler"):
        listed = after[part]["extraArgs"]
        assert {each["name"]: each["value"] for each in listed} == before[part]["extraArgs"]


def test_where_the_gate_is_locked_no_argument_names_it(host: Callable[..., Host]) -> None:
    config = cluster(Target(provider="kind", kubernetes="1.37.2"), host())

    manager = patch_of(config, "ClusterConfiguration", "kubeadm.k8s.io/v1beta4")
    assert "feature-gates" not in str(manager)


def test_an_engine_elsewhere_publishes_the_api_there_on_a_port_of_its_choice(
    host: Callable[..., Host],
) -> None:
    config = yaml.safe_load(configuration.cluster(KIND, host(), {}, address="198.18.128.2"))

    assert config["networking"]["apiServerAddress"] == "198.18.128.2"
    assert config["networking"]["apiServerPort"] == -1


def test_the_kubelet_gets_policies_and_a_users_settings(host: Callable[..., Host]) -> None:
    target = Target(provider="kind", cpu_manager_policy="static")

    kubelet = patch_of(cluster(target, host(), maxPods=7), "KubeletConfiguration")

    assert kubelet["cpuManagerPolicy"] == "static"
    assert kubelet["reservedSystemCPUs"] == "0"
    assert kubelet["maxPods"] == 7
    assert kubelet["cgroupDriver"] == "systemd"


def test_the_other_driver_is_for_kubelet_and_runtime(host: Callable[..., Host]) -> None:
    target = Target(provider="kind", cgroup_driver="cgroupfs")

    config = cluster(target, host())

    assert patch_of(config, "KubeletConfiguration")["cgroupDriver"] == "cgroupfs"
    patches = config["containerdConfigPatches"]
    assert sum("SystemdCgroup = false" in patch for patch in patches) == 2  # one of each version


@pytest.mark.parametrize(
    ("facts", "target", "changes"),
    [
        ({}, KIND, ["registries"]),
        ({"sys_resource": False}, KIND, ["no-sys-resource", "registries"]),
        ({"apparmor": False}, KIND, ["no-apparmor", "registries"]),
        ({}, Target(provider="kind", oci_runtime="crun"), ["crun", "registries"]),
        ({}, Target(provider="kind", cgroup_driver="systemd"), ["registries"]),
    ],
)
def test_containerd_is_told_of_registries_and_else_changed_where_host_or_target_ask_for_it(
    host: Callable[..., Host], facts: dict[str, Any], target: Target, changes: list[str]
) -> None:
    here = host(**NOTHING_WITHHELD | facts)

    assert configuration.containerd_changes(target, here) == changes
    assert len(cluster(target, here)["containerdConfigPatches"]) == 2 * len(changes)


TAKEN = {
    2: """version = 2
[plugins."io.containerd.grpc.v1.cri"]
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "/etc/containerd/certs.d"
""",
    3: """version = 3
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.images".registry]
config_path = "/etc/containerd/certs.d"
""",
}


@pytest.mark.parametrize("version", [2, 3])
def test_a_patch_that_took_is_no_finding(host: Callable[..., Host], version: int) -> None:
    configuration.check_taken(TAKEN[version], KIND, host(sys_resource=False))


@pytest.mark.parametrize("version", [2, 3])
def test_a_patch_that_kind_left_out_is_told(host: Callable[..., Host], version: int) -> None:
    written = TAKEN[version].replace("= true", "= false")

    with pytest.raises(HarnessError, match="did not change containerd") as error:
        configuration.check_taken(written, KIND, host(sys_resource=False))

    assert "restrict_oom_score_adj is False, not True" in str(error.value.value)


def test_a_configuration_of_an_unknown_version_is_told(host: Callable[..., Host]) -> None:
    with pytest.raises(HarnessError) as error:
        configuration.check_taken("version = 4\n", KIND, host(sys_resource=False))

    assert "version = 4" in str(error.value.value)


def test_there_is_a_runtime_class_for_each_handler_of_the_node_image() -> None:
    handlers = {
        item["metadata"]["name"]: item["handler"] for item in configuration.runtime_classes()
    }

    assert handlers == {"runc": "runc", "crun": "crun"}


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_workers_are_nodes_beside_the_control_plane(
    host: Callable[..., Host], workers: int
) -> None:
    config = cluster(Target(provider="kind", worker_nodes=workers), host())

    assert [each["role"] for each in config["nodes"]] == ["control-plane", *["worker"] * workers]
    # What kubeadm tells a kubelet that joins is the first node's: none has patches of its own.
    assert not any("kubeadmConfigPatches" in each for each in config["nodes"])


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_with_a_tap_the_kubelet_of_the_checks_node_asks_it(
    host: Callable[..., Host], workers: int
) -> None:
    config = cluster(Target(provider="kind", worker_nodes=workers, tap=True), host())

    tapped = [each for each in config["nodes"] if "kubeadmConfigPatches" in each]
    assert tapped == [config["nodes"][min(workers, 1)]]
    assert [yaml.safe_load(text) for text in tapped[0]["kubeadmConfigPatches"]] == [
        {"kind": kind, "nodeRegistration": {"criSocket": "unix:///run/podresize-tap.sock"}}
        for kind in ("InitConfiguration", "JoinConfiguration")
    ]
