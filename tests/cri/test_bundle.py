"""The bundle of an OCI runtime alone: resources by the names of CRI, as the specification has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from podresize.cri.bundle import cgroups_path, configuration, linux_resources
from podresize.cri.oci_state import from_spec

MIB = 1 << 20
ALL: dict[str, Any] = {
    "cpu_shares": 512,
    "cpu_quota": -1,
    "cpu_period": 100_000,
    "cpuset_cpus": "0",
    "cpuset_mems": "0",
    "memory_limit_in_bytes": 128 * MIB,
    "memory_swap_limit_in_bytes": 160 * MIB,
    "hugepage_limits": {"2MB": 4 * MIB},
    "unified": {"memory.high": "max"},
}


def test_every_field_has_its_place_in_the_specification() -> None:
    assert linux_resources(ALL) == {
        "cpu": {"shares": 512, "quota": -1, "period": 100_000, "cpus": "0", "mems": "0"},
        "memory": {"limit": 128 * MIB, "swap": 160 * MIB},
        "hugepageLimits": [{"pageSize": "2MB", "limit": 4 * MIB}],
        "unified": {"memory.high": "max"},
    }
    assert from_spec(linux_resources(ALL)) == ALL


@pytest.mark.parametrize(
    ("parent", "path"), [("/x/pod", "/x/pod/c1"), ("x-pod.slice", "x-pod.slice:podresize:c1")]
)
def test_a_cgroup_is_named_as_who_makes_it_wants_it(parent: str, path: str) -> None:
    assert cgroups_path(parent, "c1") == path


@pytest.mark.parametrize("unset", [0, "", {}])
def test_what_is_unset_is_left_out(unset: Any) -> None:
    assert linux_resources(dict.fromkeys(ALL, unset)) == {}


def test_a_configuration_has_resources_cgroup_and_workload() -> None:
    made = configuration(
        rootfs=Path("/r"),
        cgroups_path="/podresize/pod/c",
        resources={"cpu_shares": 512, "oom_score_adj": 500},
        arguments=("serve", "--hold-mib", "48"),
    )

    assert made["process"]["args"] == ["/probe", "serve", "--hold-mib", "48"]
    assert made["process"]["oomScoreAdj"] == 500
    assert made["root"] == {"path": "/r", "readonly": True}
    assert made["linux"]["cgroupsPath"] == "/podresize/pod/c"
    assert made["linux"]["resources"]["cpu"] == {"shares": 512}
    assert {each["type"] for each in made["linux"]["namespaces"]} == {"pid", "mount", "ipc", "uts"}


def test_a_score_that_nobody_asked_for_is_left_to_the_host() -> None:
    made = configuration(rootfs=Path("/r"), cgroups_path="/c", resources={})

    assert "oomScoreAdj" not in made["process"]
    assert made["process"]["args"] == ["/probe", "serve"]
