"""The command of a failure's text leads to the same kind of target."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tests.oracle.test_container_update import V1 as RUNTIME
from tests.targets import TARGET as BASE

from podresize.evidence.again import again
from podresize.requirements.runtime_target import NO_RUNTIME

LOCAL = dataclasses.replace(
    BASE,
    provider="local",
    kubernetes="1.27.4",
    runtime_version="1.6.36",
    oci_runtime="runc",
    oci_runtime_version="1.1.5+ds1",
    cgroup_version=1,
    cgroup_driver="cgroupfs",
)
V2 = {"cgroup_version": 2, "cgroup_driver": "systemd"}
VM = {"provider": "vm"} | V2


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({}, "--kubernetes 1.27.4 --containerd 1.6.36"),
        ({"gate": False}, "--kubernetes 1.27.4 --containerd 1.6.36 --gate off"),
        (
            {"oci_runtime": "crun", "oci_runtime_version": "1.21"},
            "--kubernetes 1.27.4 --containerd 1.6.36 --oci-runtime crun@1.21",
        ),
        (VM, "--provider vm --kubernetes 1.27.4 --containerd 1.6.36"),
        (
            VM | {"oci_runtime_version": "1.3.1"},
            "--provider vm --kubernetes 1.27.4 --containerd 1.6.36 --oci-runtime runc@1.3.1",
        ),
        (
            {"provider": "vm"},
            "--provider vm --kubernetes 1.27.4 --containerd 1.6.36 --cgroup v1 "
            "--cgroup-driver cgroupfs",
        ),
        # What kind's image has it has by itself.
        (
            {"provider": "kind", "oci_runtime_version": "1.3.3"} | V2,
            "--provider kind --kubernetes 1.27.4 --containerd 1.6.36",
        ),
        ({"provider": "kubeconfig", "runtime": "cri-o"}, "--provider kubeconfig --kubeconfig FILE"),
    ],
)
def test_of_a_cluster(changes: dict[str, Any], options: str) -> None:
    told = again("KL-39", dataclasses.replace(LOCAL, **changes))

    assert told == f"scripts/podresize run KL-39 {options}"


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({}, "--containerd 2.1.4"),
        ({"oci_runtime": "runsc", "oci_runtime_version": "release-20250101.0"}, None),
        ({"oci_runtime_version": "1.3.3"}, "--containerd 2.1.4 --oci-runtime runc@1.3.3"),
        ({"runtime": NO_RUNTIME}, "--oci-alone"),
        ({"runtime": "cri-o"}, "--cri-endpoint unix:///SOCKET"),
        (
            {"runtime": NO_RUNTIME, "oci_runtime": "crun", "oci_runtime_version": "1.21"}
            | V2
            | {"accelerator": "tcg"},
            "--oci-alone --oci-runtime crun@1.21 --provider vm --cgroup v2 --cgroup-driver systemd",
        ),
    ],
)
def test_of_a_runtime(changes: dict[str, Any], options: str | None) -> None:
    made = {"runtime": "containerd", "runtime_version": "2.1.4", "oci_runtime": "runc"}
    of = dataclasses.replace(RUNTIME, **made | {"oci_runtime_version": "1.1.5+ds1"} | changes)

    told = again("RT-05", of)

    options = options or "--containerd 2.1.4 --oci-runtime runsc"
    assert told == f"scripts/podresize certify-runtime RT-05 {options}"


def test_of_what_was_put_to_no_cluster() -> None:
    assert again("API-01", None) == "scripts/podresize run API-01"
