"""What one UpdateContainerResources must leave, on both versions of cgroups."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from podresize.oracle import container_update as oracle
from podresize.requirements.runtime_target import RuntimeFingerprint

MIB = 1 << 20
V1 = RuntimeFingerprint(
    runtime="containerd",
    runtime_version="1.6.36",
    cri_version="v1",
    oci_runtime="runc",
    oci_runtime_version="1.1.5",
    handler="",
    cgroup_version=1,
    cgroup_driver="cgroupfs",
    kernel="6.1",
    os_image="Debian",
    arch="amd64",
)
V2 = dataclasses.replace(V1, cgroup_version=2)
V2_FILES = {"cpu.max": "50000 100000", "memory.max": str(128 * MIB), "memory.swap.max": "0"}


def values(files: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    return {
        field: {file: [item.value for item in allowed] for file, allowed in each.items()}
        for field, each in files.items()
    }


@pytest.mark.parametrize(
    ("asked", "files"),
    [
        ({"cpu_shares": 256}, {"cpu_shares": {"cpu.shares": ["256"]}}),
        ({"cpu_quota": -1}, {"cpu_quota": {"cpu.cfs_quota_us": ["-1"]}}),
        ({"cpu_period": 50_000}, {"cpu_period": {"cpu.cfs_period_us": ["50000"]}}),
        ({"cpuset_cpus": "0,1,3"}, {"cpuset_cpus": {"cpuset.cpus": ["0-1,3"]}}),
        ({"cpuset_mems": "0"}, {"cpuset_mems": {"cpuset.mems": ["0"]}}),
        (
            {"memory_limit_in_bytes": 160 * MIB + 1},
            {"memory_limit_in_bytes": {"memory.limit_in_bytes": [str(160 * MIB)]}},
        ),
        (
            {"memory_limit_in_bytes": -1},
            {"memory_limit_in_bytes": {"memory.limit_in_bytes": ["9223372036854771712"]}},
        ),
        (
            {"memory_swap_limit_in_bytes": 256 * MIB},
            {"memory_swap_limit_in_bytes": {"memory.memsw.limit_in_bytes": [str(256 * MIB)]}},
        ),
        (
            {"hugepage_limits": {"2MB": 4 * MIB}},
            {"hugepage_limits": {"hugetlb.2MB.limit_in_bytes": [str(4 * MIB)]}},
        ),
        ({"oom_score_adj": 500}, {}),
        ({"cpu_shares": 0, "cpuset_cpus": ""}, {}),
    ],
)
def test_on_cgroup_v1(asked: dict[str, Any], files: dict[str, Any]) -> None:
    assert values(oracle.files_after(asked, {}, V1)) == files


@pytest.mark.parametrize(
    ("asked", "files"),
    [
        ({"cpu_shares": 256}, {"cpu_shares": {"cpu.weight": ["10"]}}),
        ({"cpu_quota": 20_000}, {"cpu_quota": {"cpu.max": ["20000 100000"]}}),
        ({"cpu_quota": -1}, {"cpu_quota": {"cpu.max": ["max 100000"]}}),
        ({"cpu_period": 200_000}, {"cpu_period": {"cpu.max": ["50000 200000"]}}),
        (
            {"memory_limit_in_bytes": 160 * MIB + 1},
            {"memory_limit_in_bytes": {"memory.max": [str(160 * MIB)]}},
        ),
        ({"memory_limit_in_bytes": -1}, {"memory_limit_in_bytes": {"memory.max": ["max"]}}),
        (
            {"memory_swap_limit_in_bytes": 192 * MIB},
            {"memory_swap_limit_in_bytes": {"memory.swap.max": [str(64 * MIB)]}},
        ),
        (
            {"unified": {"memory.high": str(100 * MIB + 5)}},
            {"unified": {"memory.high": [str(100 * MIB)]}},
        ),
        (
            {"hugepage_limits": {"2MB": 4 * MIB}},
            {"hugepage_limits": {"hugetlb.2MB.max": [str(4 * MIB)]}},
        ),
    ],
)
def test_on_cgroup_v2(asked: dict[str, Any], files: dict[str, Any]) -> None:
    assert values(oracle.files_after(asked, V2_FILES, V2)) == files


def test_the_weight_is_by_the_formula_of_the_oci_runtime() -> None:
    newer = dataclasses.replace(V2, oci_runtime_version="1.3.3")
    nobody = dataclasses.replace(V2, oci_runtime="unknown", oci_runtime_version="unknown")

    assert values(oracle.files_after({"cpu_shares": 256}, {}, newer)) == {
        "cpu_shares": {"cpu.weight": ["35"]}
    }
    assert values(oracle.files_after({"cpu_shares": 256}, {}, nobody)) == {
        "cpu_shares": {"cpu.weight": ["10", "35"]}
    }


def test_quota_and_period_share_a_file_on_v2() -> None:
    files = oracle.files_after({"cpu_quota": 30_000, "cpu_period": 250_000}, V2_FILES, V2)

    assert values(files) == {
        "cpu_quota": {"cpu.max": ["30000 250000"]},
        "cpu_period": {"cpu.max": ["30000 250000"]},
    }


def test_what_was_not_asked_for_stays_in_the_report() -> None:
    before = {"cpu_shares": 512, "unified": {"a": "1", "b": "2"}}

    after = oracle.fields_after({"cpu_shares": 0, "cpu_quota": 5, "unified": {"b": "3"}}, before)

    assert after == {"cpu_shares": 512, "cpu_quota": 5, "unified": {"a": "1", "b": "3"}}


def test_the_swap_limit_may_follow_memory_and_may_stay() -> None:
    before = {"memory.memsw.limit_in_bytes": str(300 * MIB)}
    asked = {"memory_limit_in_bytes": 192 * MIB}

    follows = oracle.files_that_may_follow(asked, before, V1)

    assert [item.value for item in follows["memory.memsw.limit_in_bytes"]] == [
        str(192 * MIB),
        str(300 * MIB),
    ]
    both = asked | {"memory_swap_limit_in_bytes": 256 * MIB}
    assert oracle.files_that_may_follow(both, before, V1) == {}


def test_without_a_limit_of_memory_there_may_be_none_of_swap() -> None:
    """containerd asks for no limit of swap either, and runc writes it down."""
    before = {"memory.swap.max": "0"}

    follows = oracle.files_that_may_follow({"memory_limit_in_bytes": -1}, before, V2)

    assert [item.value for item in follows["memory.swap.max"]] == ["0", "max", "0"]
    limited = oracle.files_that_may_follow({"memory_limit_in_bytes": MIB}, before, V2)
    assert "max" not in [item.value for item in limited["memory.swap.max"]]


def test_the_kernels_own_copies_of_the_weight_may_move_with_it() -> None:
    before = {"cpu.weight": "20", "cpu.weight.nice": "7", "memory.swap.max": "0"}

    assert "cpu.weight.nice" in oracle.files_that_may_follow({"cpu_shares": 256}, before, V2)
    assert "cpu.weight.nice" not in oracle.files_that_may_follow({"cpu_quota": 256}, before, V2)
