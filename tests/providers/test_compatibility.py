"""Combinations that no host can run are refused before anything is looked up or started."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from podresize.errors import UsageError
from podresize.providers.compatibility import (
    check_crun,
    check_crun_limits,
    check_target,
    refuse_guests,
)
from podresize.providers.kubeconfig import provider as kubeconfig
from podresize.providers.registry import provider_of
from podresize.requirements.runtime_target import RuntimeTarget
from podresize.requirements.target import Target


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"kubernetes": "1.27"},
        {"kubernetes": "1.37.2", "containerd": "2.1.4"},
        {"containerd": "1.6.0"},
        {"gate": False},
        {"gate": False, "kubernetes": "1.34.3"},
        {"oci_runtime": "crun", "cpu_manager_policy": "static"},
        # Not for this function: the artifacts know which versions exist.
        {"kubernetes": "abc"},
        {"containerd": "abc", "gate": False},
        {"kubernetes": "9.9.9"},
    ],
)
def test_what_can_be_or_is_for_others_to_refuse_passes(facts: dict[str, Any]) -> None:
    check_target(Target(**facts))


@pytest.mark.parametrize(
    ("facts", "what", "value", "origin"),
    [
        ({"kubernetes": "1.26"}, "no in-place Pod resize", "1.26", "--kubernetes"),
        ({"kubernetes": "1.26.15"}, "no in-place Pod resize", "1.26.15", "--kubernetes"),
        ({"containerd": "1.5.9"}, "too old", "containerd 1.5.9 with Kubernetes 1.27.4", None),
        ({"gate": False, "kubernetes": "1.35.4"}, "cannot be turned off", None, "--gate"),
        ({"oci_runtime": "youki"}, "unknown OCI runtime", "youki", "--oci-runtime"),
        ({"oci_runtime": ""}, "unknown OCI runtime", "", "--oci-runtime"),
        ({"cpu_manager_policy": "x"}, "unknown CPU manager", "x", "--cpu-manager-policy"),
        (
            {"memory_manager_policy": "static"},
            "unknown memory manager",
            "static",
            "--memory-manager-policy",
        ),
    ],
)
def test_what_cannot_be_is_told_with_value_origin_cause_and_next_command(
    facts: dict[str, Any], what: str, value: str | None, origin: str | None
) -> None:
    with pytest.raises(UsageError, match=what) as error:
        check_target(Target(**facts))

    assert value is None or error.value.value == value
    assert origin is None or error.value.origin == origin
    assert error.value.causes
    assert error.value.next_command is not None
    assert error.value.next_command.startswith("podresize cluster up")


def test_an_unreadable_version_hides_no_other_mistake() -> None:
    with pytest.raises(UsageError, match="unknown OCI runtime"):
        check_target(Target(kubernetes="abc", oci_runtime="youki"))


@pytest.mark.parametrize("provider", ["local", "kind"])
@pytest.mark.parametrize(
    ("facts", "option"),
    [
        ({"kubeconfig": Path("/k")}, "--kubeconfig"),
        ({"context": "c"}, "--context"),
        ({"namespace": "n"}, "--namespace"),
        ({"image": "i"}, "--image"),
        ({"node_selector": ("a=b",)}, "--node-selector"),
        ({"runtime_class": "crun"}, "--runtime-class"),
    ],
)
def test_what_is_for_a_cluster_that_is_there_is_refused_of_one_that_is_made(
    provider: str, facts: dict[str, Any], option: str
) -> None:
    with pytest.raises(UsageError, match=f"provider {provider} can do nothing") as raised:
        check_target(Target(provider=provider, **facts))

    assert raised.value.origin == option


@pytest.mark.parametrize(
    ("target", "what"),
    [
        (Target(worker_nodes=1), "local provider makes one node"),
        (Target(provider="kind", worker_nodes=-1), "less than no worker nodes"),
    ],
)
def test_worker_nodes_that_cannot_be(target: Target, what: str) -> None:
    with pytest.raises(UsageError, match=what) as raised:
        provider_of(target.provider).check_target(target)

    assert raised.value.origin == "--worker-nodes"


@pytest.mark.parametrize(
    ("facts", "option"),
    [
        ({"kubernetes": "1.37.2"}, "--kubernetes"),
        ({"containerd": "1.6.8"}, "--containerd"),
        ({"oci_runtime": "crun"}, "--oci-runtime"),
        ({"gate": False}, "--gate"),
        ({"cpu_manager_policy": "static"}, "--cpu-manager-policy"),
        ({"memory_manager_policy": "Static"}, "--memory-manager-policy"),
        ({"kubelet_config": Path("/f")}, "--kubelet-config"),
        ({"cgroup_driver": "systemd"}, "--cgroup-driver"),
        ({"worker_nodes": 1}, "--worker-nodes"),
        ({"cgroup": "v2"}, "--cgroup"),
        ({"kernel": "linux-image-cloud-amd64"}, "--kernel"),
        ({"accelerator": "kvm"}, "--accelerator"),
    ],
)
def test_what_a_cluster_that_is_there_has_cannot_be_chosen(
    facts: dict[str, Any], option: str
) -> None:
    with pytest.raises(UsageError, match="provider kubeconfig can do nothing") as raised:
        kubeconfig.check_target(Target(provider="kubeconfig", **facts))

    assert raised.value.origin == option


@pytest.mark.parametrize(
    ("target", "what", "option"),
    [
        (Target(provider="kind", gate_off_in=("kubelet",)), "kind cannot make", "--gate-off-in"),
        (Target(gate_off_in=("kubelet",), gate=False), "not on in the others", "--gate-off-in"),
        (Target(gate_off_in=("kubelet",), kubernetes="1.37.2"), "turned off", "--gate-off-in"),
        (Target(manifests=(Path("/none.yaml"),)), "manifest cannot be read", "--manifest"),
    ],
)
def test_what_cannot_be_made_wrong(target: Target, what: str, option: str) -> None:
    with pytest.raises(UsageError, match=what) as raised:
        check_target(target)

    assert option in str(raised.value.origin)


@pytest.mark.parametrize(
    ("crun", "containerd"), [("1.8.1", "1.6.36"), ("1.14.3", "2.1.4"), ("1.21", "2.1.4")]
)
def test_a_crun_that_knows_what_containerd_writes_passes(crun: str, containerd: str) -> None:
    check_crun(crun, containerd, provider="local")


@pytest.mark.parametrize(
    ("crun", "version", "driver", "is_refused"),
    [
        ("1.8.1", 2, "systemd", True),
        ("1.10", 2, "systemd", True),
        ("1.11", 2, "systemd", False),
        ("1.8.1", 1, "systemd", False),
        ("1.8.1", 2, "cgroupfs", False),
    ],
)
def test_a_crun_whose_limits_are_below_its_scope_is_refused(
    crun: str, version: int, driver: str, *, is_refused: bool
) -> None:
    expected = pytest.raises(UsageError, match="below the cgroup that systemd made")
    with expected if is_refused else contextlib.nullcontext() as raised:
        check_crun_limits(crun, cgroup_version=version, driver=driver)

    if raised is not None:
        assert raised.value.value == f"crun {crun}, cgroup v2, cgroup driver systemd"
        assert "cgroupfs" in str(raised.value.next_command)


@pytest.mark.parametrize(
    ("provider", "oci_runtime", "what"),
    [
        ("kind", "crun@1.21", "kind takes no release of an OCI runtime"),
        ("local", "runsc@1", "unknown OCI runtime"),
        ("vm", "crun@", "unknown OCI runtime"),
    ],
)
def test_a_release_of_an_oci_runtime_is_for_who_starts_each_component(
    provider: str, oci_runtime: str, what: str
) -> None:
    with pytest.raises(UsageError, match=what) as raised:
        check_target(Target(provider=provider, oci_runtime=oci_runtime))

    assert raised.value.value == oci_runtime
    for other in ("local", "vm"):
        check_target(Target(provider=other, oci_runtime="crun@1.21"))


def test_a_crun_before_version_1_2_of_the_runtime_specification_is_refused() -> None:
    with pytest.raises(UsageError, match="this crun starts no container") as error:
        check_crun("1.8.1", "2.0.0", provider="kind")

    assert error.value.value == "crun 1.8.1 with containerd 2.0.0"
    assert error.value.next_command is not None
    assert error.value.next_command.startswith("podresize cluster up --provider kind ")


@pytest.mark.parametrize("provider", ["local", "kind"])
@pytest.mark.parametrize(
    ("facts", "option"),
    [
        ({"kernel": "linux-image-cloud-amd64"}, "--kernel"),
        ({"accelerator": "tcg"}, "--accelerator"),
    ],
)
def test_a_node_on_this_hosts_kernel_has_no_other(
    provider: str, facts: dict[str, Any], option: str
) -> None:
    with pytest.raises(UsageError, match="has no such choice") as raised:
        provider_of(provider).check_target(Target(provider=provider, **facts))

    assert raised.value.origin == option
    assert "--provider vm" in str(raised.value.next_command)


@pytest.mark.parametrize("provider", ["local", "kind"])
def test_a_node_on_this_hosts_kernel_has_its_cgroup_version(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("podresize.providers.host.cgroup_version", lambda: 1)
    check = provider_of(provider).check_target
    check(Target(provider=provider, cgroup="v1"))

    with pytest.raises(UsageError, match="no such cgroup version on this host") as raised:
        check(Target(provider=provider, cgroup="v2"))

    assert raised.value.next_command == "podresize cluster up --provider vm --cgroup v2"


@pytest.mark.parametrize(
    ("facts", "option"), [({"cgroup": "v3"}, "--cgroup"), ({"accelerator": "xen"}, "--accelerator")]
)
def test_what_no_guest_has_is_refused(facts: dict[str, Any], option: str) -> None:
    with pytest.raises(UsageError, match="unknown") as raised:
        check_target(Target(provider="vm", **facts))

    assert raised.value.origin == option


@pytest.mark.parametrize("fault", ["cgroup-written:file=cpu.max,value=1", "runtime-killed"])
def test_a_fault_that_the_tap_does_on_its_own_host_does_not_reach_a_guest(fault: str) -> None:
    with pytest.raises(UsageError, match="does not reach into a guest") as raised:
        check_target(Target(provider="vm", tap=True, faults=(fault,)))

    assert raised.value.value == fault
    check_target(Target(tap=True, faults=(fault,)))


def test_a_stack_with_a_guest_can_be_made_wrong_like_a_local_one() -> None:
    check_target(Target(provider="vm", gate_off_in=("kubelet",)))


OVERRIDDEN = "unit-overridden:setting=MemoryMax,value=4G"


@pytest.mark.parametrize(
    ("facts", "cause"),
    [
        ({}, "no systemd runs a node of the provider local"),
        ({"cgroup_driver": "systemd"}, "no systemd runs a node of the provider local"),
        ({"provider": "vm", "cgroup_driver": "cgroupfs"}, "the cgroup driver is cgroupfs"),
        ({"provider": "kind", "cgroup_driver": "cgroupfs"}, "the cgroup driver is cgroupfs"),
    ],
)
@pytest.mark.parametrize("of", [Target, RuntimeTarget])
def test_a_fault_of_units_needs_a_systemd_that_makes_the_cgroups(
    of: Any, facts: dict[str, Any], cause: str
) -> None:
    with pytest.raises(UsageError, match="told to systemd") as raised:
        refuse_guests(of(tap=True, faults=(OVERRIDDEN,), **facts))

    assert (raised.value.value, raised.value.origin) == (OVERRIDDEN, "--fault")
    assert raised.value.causes == (cause,)
    assert "--provider vm --cgroup-driver systemd --tap" in str(raised.value.next_command)


@pytest.mark.parametrize("facts", [{"provider": "vm"}, {"provider": "kind"}])
def test_a_fault_of_units_is_taken_where_they_are(facts: dict[str, Any]) -> None:
    check_target(Target(tap=True, faults=(OVERRIDDEN,), **facts))
