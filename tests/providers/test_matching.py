"""Is a cluster that is there the target that was asked for?"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tests.targets import TARGET

from podresize.providers.matching import mismatches
from podresize.requirements.target import Target

ASKED = Target(
    kubernetes=TARGET.kubernetes,
    containerd=TARGET.runtime_version,
    oci_runtime=TARGET.oci_runtime,
    gate=TARGET.gate,
    cpu_manager_policy=TARGET.cpu_manager_policy,
    memory_manager_policy=TARGET.memory_manager_policy,
)


def test_the_same_is_no_mismatch() -> None:
    assert mismatches(ASKED, TARGET) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kubernetes": "1.30.0"}, "kubernetes is"),
        ({"containerd": "1.6.1"}, "runtime_version is"),
        ({"oci_runtime": "crun"}, "oci_runtime is"),
        ({"gate": not TARGET.gate}, "gate is"),
        ({"cpu_manager_policy": "static"}, "cpu_manager_policy is none, not static"),
        ({"memory_manager_policy": "Static"}, "memory_manager_policy is None, not Static"),
    ],
)
def test_each_part_counts(changed: dict[str, Any], said: str) -> None:
    (found,) = mismatches(dataclasses.replace(ASKED, **changed), TARGET)

    assert said in found


@pytest.mark.parametrize(
    ("release", "is_that"), [("1.1.5", True), ("1.1", False), ("1.3.3", False)]
)
def test_a_release_of_an_oci_runtime_counts_if_one_is_asked_for(
    release: str, *, is_that: bool
) -> None:
    there = dataclasses.replace(TARGET, oci_runtime="runc", oci_runtime_version="1.1.5+ds1")
    target = dataclasses.replace(ASKED, oci_runtime=f"runc@{release}")

    found = mismatches(target, there)

    assert found == ([] if is_that else [f"oci_runtime_version is 1.1.5, not {release}"])


@pytest.mark.parametrize("asked", [0, 2])
def test_the_number_of_worker_nodes_counts(asked: int) -> None:
    target = dataclasses.replace(ASKED, worker_nodes=asked)

    assert mismatches(target, TARGET, worker_nodes=asked) == []
    assert mismatches(target, TARGET, worker_nodes=1) == [f"worker_nodes is 1, not {asked}"]


@pytest.mark.parametrize(
    ("provider", "asked", "is_there", "matches"),
    [
        ("kind", None, "systemd", True),
        ("kind", None, "cgroupfs", False),
        ("kind", "cgroupfs", "cgroupfs", True),
        ("kind", "systemd", "cgroupfs", False),
        ("local", None, "cgroupfs", True),
        ("kubeconfig", None, "systemd", True),
        ("kubeconfig", None, "cgroupfs", True),
    ],
)
def test_who_asks_for_no_cgroup_driver_asks_for_the_providers_own(
    provider: str, asked: str | None, is_there: str, matches: bool
) -> None:
    target = dataclasses.replace(ASKED, provider=provider, cgroup_driver=asked)
    there = dataclasses.replace(TARGET, provider=provider, cgroup_driver=is_there)

    assert (mismatches(target, there) == []) is matches


def test_a_cluster_whose_tap_does_wrong_is_no_good_one() -> None:
    tapped = dataclasses.replace(ASKED, tap=True)
    assert mismatches(tapped, TARGET, tap=True) == []

    assert mismatches(ASKED, TARGET, tap=True) == ["tap is True, not False"]
    (found,) = mismatches(tapped, TARGET, tap=True, wrongs=("fault update-dropped",))
    assert found == "wrongs is ('fault update-dropped',), not ()"


@pytest.mark.parametrize(
    ("asked", "is_there", "said"),
    [
        ({}, {"cgroup_version": 2}, []),
        ({}, {"cgroup_version": 1}, ["cgroup_version is 1, not 2"]),
        ({"cgroup": "v2"}, {"cgroup_version": 2}, []),
        ({"cgroup": "v1"}, {"cgroup_version": 1}, []),
        ({"cgroup": "v2"}, {"cgroup_version": 1}, ["cgroup_version is 1, not 2"]),
        ({"accelerator": "tcg"}, {"cgroup_version": 2}, []),
        ({"accelerator": "kvm"}, {"cgroup_version": 2}, ["accelerator is tcg, not kvm"]),
        ({"accelerator": "auto"}, {"cgroup_version": 2}, []),
        ({"kernel": "6.1"}, {"cgroup_version": 2, "kernel": "6.1.0-49-amd64"}, []),
        (
            {"kernel": "linux-image-6.1.0-49-amd64"},
            {"cgroup_version": 2, "kernel": "6.1.0-49-amd64"},
            [],
        ),
        (
            {"kernel": "/a/linux-image-6.9.1_6.9.1-1_amd64.deb"},
            {"cgroup_version": 2, "kernel": "6.9.1"},
            [],
        ),
        (
            {"kernel": "6.12"},
            {"cgroup_version": 2, "kernel": "6.1.0-49-amd64"},
            ["kernel is 6.1.0-49-amd64, not 6.12"],
        ),
        (
            {"kernel": "6.1"},
            {"cgroup_version": 2, "kernel": "6.12.117+deb12-cloud-amd64"},
            ["kernel is 6.12.117+deb12-cloud-amd64, not 6.1"],
        ),
        # A package that only names another, which has the version.
        (
            {"kernel": "linux-image-cloud-amd64"},
            {"cgroup_version": 2, "kernel": "6.1.0-49-cloud-amd64"},
            [],
        ),
        (
            {"kernel": "linux-image-6.1.0-49-cloud-amd64-unsigned"},
            {"cgroup_version": 2, "kernel": "6.1.0-49-cloud-amd64"},
            [],
        ),
        (
            {"kernel": "linux-image-unsigned-6.8.0-31-generic"},
            {"cgroup_version": 2, "kernel": "6.8.0-31-generic"},
            [],
        ),
        (
            {"kernel": "linux-image-6.1.0-49-cloud-amd64"},
            {"cgroup_version": 2, "kernel": "6.1.0-48-cloud-amd64"},
            ["kernel is 6.1.0-48-cloud-amd64, not linux-image-6.1.0-49-cloud-amd64"],
        ),
    ],
)
def test_a_node_in_a_machine_is_as_it_was_asked_for(
    asked: dict[str, Any], is_there: dict[str, Any], said: list[str]
) -> None:
    target = dataclasses.replace(ASKED, provider="vm", cgroup_driver="cgroupfs", **asked)

    there = dataclasses.replace(TARGET, provider="vm", **is_there)
    assert mismatches(target, there, accelerator="tcg") == said
