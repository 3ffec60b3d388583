"""What the components of a local cluster read: per release and per host."""

from __future__ import annotations

import base64
import json
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from podresize.providers.host import Host
from podresize.providers.interface import OWN_NODE
from podresize.providers.local import configuration, gvisor
from podresize.providers.local.certificates import Authority
from podresize.providers.local.layout import Layout
from podresize.requirements.target import Target

V1 = {"cgroup_version": 1}


def kubelet(layout: Layout, host: Host, target: Target, **overrides: Any) -> dict[str, Any]:
    return configuration.kubelet(layout, target, host, overrides)


@pytest.mark.parametrize(
    ("target", "gates"),
    [
        (Target(), {"InPlacePodVerticalScaling": True}),
        (Target(gate=False), {"InPlacePodVerticalScaling": False}),
        (Target(kubernetes="1.37.2"), {}),
    ],
)
def test_the_gate_is_given_where_it_is_known_and_not_where_it_is_locked(
    layout: Layout, host: Callable[..., Host], target: Target, gates: dict[str, bool]
) -> None:
    assert kubelet(layout, host(), target)["featureGates"] == gates


@pytest.mark.parametrize(
    ("version", "facts", "expected"),
    [
        ("1.34.3", V1, None),
        ("1.35.4", V1, False),
        ("1.37.2", V1, False),
        ("1.37.2", {}, None),
    ],
)
def test_cgroup_v1_is_allowed_by_name_since_the_release_that_refuses_it(
    layout: Layout,
    host: Callable[..., Host],
    version: str,
    facts: dict[str, Any],
    expected: bool | None,
) -> None:
    config = kubelet(layout, host(**facts), Target(kubernetes=version))

    assert config.get("failCgroupV1") is expected


@pytest.mark.parametrize(
    ("overrides", "memory"),
    [
        ({}, 50 << 20),
        ({"systemReserved": {"memory": "100Mi"}, "kubeReserved": {"memory": "1Gi"}}, 1174 << 20),
        ({"evictionHard": {"memory.available": "1Mi"}}, 1 << 20),
    ],
)
def test_the_static_memory_manager_is_told_to_reserve_what_the_kubelet_does(
    layout: Layout, host: Callable[..., Host], overrides: dict[str, Any], memory: int
) -> None:
    target = Target(memory_manager_policy="Static")
    config = kubelet(layout, host(), target, **overrides)

    assert config["memoryManagerPolicy"] == "Static"
    assert config["reservedMemory"] == [{"numaNode": 0, "limits": {"memory": str(memory)}}]
    assert "reservedMemory" not in kubelet(layout, host(), Target())


def test_a_users_own_reservation_wins(layout: Layout, host: Callable[..., Host]) -> None:
    own = [{"numaNode": 1, "limits": {"memory": "50Mi"}}]
    config = kubelet(layout, host(), Target(), memoryManagerPolicy="Static", reservedMemory=own)

    assert config["reservedMemory"] == own


def test_without_sys_resource_the_kubelet_runs_as_in_a_user_namespace(
    layout: Layout, host: Callable[..., Host]
) -> None:
    limited = kubelet(layout, host(sys_resource=False), Target())

    assert limited["featureGates"]["KubeletInUserNamespace"] is True
    assert "KubeletInUserNamespace" not in kubelet(layout, host(), Target())["featureGates"]


def test_only_a_node_that_joins_keeps_pods_of_others_away(
    layout: Layout, host: Callable[..., Host]
) -> None:
    joined = configuration.kubelet(layout, Target(), host(), {}, joins=True)

    assert joined["registerWithTaints"] == [{"key": OWN_NODE, "effect": "NoSchedule"}]
    assert "registerWithTaints" not in kubelet(layout, host(), Target())


def test_the_static_policy_reserves_a_processor(layout: Layout, host: Callable[..., Host]) -> None:
    config = kubelet(layout, host(), Target(cpu_manager_policy="static"))

    assert (config["cpuManagerPolicy"], config["reservedSystemCPUs"]) == ("static", "0")
    assert "cpuManagerPolicy" not in kubelet(layout, host(), Target())


def test_a_users_settings_win_key_by_key_and_leave_the_others(
    layout: Layout, host: Callable[..., Host]
) -> None:
    config = kubelet(
        layout,
        host(),
        Target(),
        maxPods=7,
        evictionHard={"memory.available": "1Gi"},
        featureGates={"Extra": True},
    )

    assert config["maxPods"] == 7
    assert config["evictionHard"]["memory.available"] == "1Gi"
    assert config["evictionHard"]["nodefs.available"] == "1%"
    assert config["featureGates"] == {"InPlacePodVerticalScaling": True, "Extra": True}
    assert config["cgroupRoot"] == "/podresize-one"


def containerd(layout: Layout, host: Host, **runtimes: Path) -> dict[str, Any]:
    return tomllib.loads(configuration.containerd(layout, host, runtimes, next(iter(runtimes))))


def test_containerd_keeps_everything_below_the_clusters_directory(
    layout: Layout, host: Callable[..., Host]
) -> None:
    config = containerd(layout, host(), runc=Path("/cache/runc"))

    assert config["version"] == 2
    assert config["grpc"]["address"] == str(layout.containerd_socket)
    places = [config["root"], config["state"], config["ttrpc"]["address"]]
    cri = config["plugins"]["io.containerd.grpc.v1.cri"]
    places += [cri["cni"]["bin_dir"], cri["cni"]["conf_dir"]]
    assert all(Path(place).is_relative_to(layout.directory) for place in places)
    assert cri["sandbox_image"] == "podresize.local/pause:1"


@pytest.mark.parametrize(("apparmor", "sys_resource"), [(True, True), (False, False)])
def test_containerd_is_told_what_the_host_withholds(
    layout: Layout, host: Callable[..., Host], apparmor: bool, sys_resource: bool
) -> None:
    here = host(apparmor=apparmor, sys_resource=sys_resource)
    cri = containerd(layout, here, runc=Path("/r"))["plugins"]["io.containerd.grpc.v1.cri"]

    assert cri["disable_apparmor"] is not apparmor
    assert cri["restrict_oom_score_adj"] is not sys_resource


def test_containerd_passes_limits_of_huge_pages_on_where_it_is_told_to(
    layout: Layout, host: Callable[..., Host]
) -> None:
    told = configuration.containerd(layout, host(), {"runc": Path("/r")}, "runc", huge_pages=True)

    def settings(text: str) -> dict[str, Any]:
        return dict(tomllib.loads(text)["plugins"]["io.containerd.grpc.v1.cri"])

    assert settings(told)["disable_hugetlb_controller"] is False
    untold = containerd(layout, host(), runc=Path("/r"))["plugins"]["io.containerd.grpc.v1.cri"]
    assert "disable_hugetlb_controller" not in untold


def test_containerd_knows_every_oci_runtime_and_defaults_to_the_one_asked_for(
    layout: Layout, host: Callable[..., Host]
) -> None:
    config = containerd(layout, host(), crun=Path("/c/crun"), runc=Path("/c/runc"))
    settings = config["plugins"]["io.containerd.grpc.v1.cri"]["containerd"]

    assert settings["default_runtime_name"] == "crun"
    binaries = {
        name: runtime["options"]["BinaryName"] for name, runtime in settings["runtimes"].items()
    }
    assert binaries == {"crun": "/c/crun", "runc": "/c/runc"}


def test_the_states_of_oci_runtimes_go_where_they_are_asked_to(
    layout: Layout, host: Callable[..., Host]
) -> None:
    runtimes = {"runc": Path("/r/runc")}
    text = configuration.containerd(layout, host(), runtimes, "runc", oci_root=layout.oci_root)
    settings = tomllib.loads(text)["plugins"]["io.containerd.grpc.v1.cri"]["containerd"]

    assert settings["runtimes"]["runc"]["options"]["Root"] == str(layout.oci_root)
    assert "Root" not in containerd(layout, host(), runc=Path("/r/runc"))


def test_gvisor_has_its_own_shim_only_where_that_can_be(
    layout: Layout, host: Callable[..., Host]
) -> None:
    layout.etc.mkdir(parents=True)
    able, unable = host(sys_resource=True), host(sys_resource=False)

    def runtime(here: Host) -> dict[str, Any]:
        program = gvisor.prepare(layout, here, Path("/g/runsc"))
        text = configuration.containerd(
            *(layout, here, {"runsc": program}, "runsc"), oci_root=layout.oci_root
        )
        cri = tomllib.loads(text)["plugins"]["io.containerd.grpc.v1.cri"]
        found: dict[str, Any] = cri["containerd"]["runtimes"]["runsc"]
        return found

    own = runtime(able)
    assert own["runtime_type"] == "io.containerd.runsc.v1"
    assert set(own["options"]) == {"TypeUrl", "ConfigPath"}
    shim = tomllib.loads(Path(own["options"]["ConfigPath"]).read_text())
    assert (shim["binary_name"], shim["root"]) == ("/g/runsc", str(layout.oci_root))
    by_runcs = runtime(unable)
    assert by_runcs["runtime_type"] == "io.containerd.runc.v2"
    assert by_runcs["options"]["Root"] == str(layout.oci_root)


def test_gvisors_program_ends_with_nothing_of_starts_output_open(
    layout: Layout, host: Callable[..., Host], tmp_path: Path
) -> None:
    layout.etc.mkdir(parents=True)
    program = tmp_path / "runsc"
    program.write_text('#!/bin/sh\necho "$@"\nexit 3\n')
    program.chmod(0o755)
    script = gvisor.prepare(layout, host(sys_resource=False), program)

    def said(*words: str) -> tuple[int, str]:
        done = subprocess.run([script, *words], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    assert said("--root", "/r", "start", "c1") == (3, "")
    assert said("--root", "/r", "state", "c1") == (3, "--root /r state c1\n")


def test_the_pod_network_has_the_clusters_subnet_and_no_masquerading(layout: Layout) -> None:
    (plugin,) = json.loads(configuration.cni(layout))["plugins"]

    assert plugin["ipam"]["subnet"] == layout.pod_subnet
    assert plugin["ipMasq"] is False


def test_a_kubeconfig_holds_everything_inside_itself(layout: Layout) -> None:
    Authority(layout.pki).client("admin", user="me")

    config = yaml.safe_load(configuration.kubeconfig(layout, user="admin", server="https://x:1"))

    (user,) = config["users"]
    key = base64.b64decode(user["user"]["client-key-data"])
    assert key == (layout.pki / "admin.key").read_bytes()
    assert config["clusters"][0]["cluster"]["server"] == "https://x:1"
    assert config["current-context"] == config["contexts"][0]["name"] == layout.name
