"""Several fields in one UpdateContainerResources, and none."""

from __future__ import annotations

from typing import Any

import pytest

from podresize_fixtures import Containers, requirement, verify_update

MIB = 1 << 20
TOGETHER = requirement("RT-09", "RT-11", "RT-12", "RT-13", "RT-14", "RT-16", "RT-17", "RT-22")
UPDATES = [
    pytest.param(
        {
            "cpu_shares": 1024,
            "cpu_quota": 150_000,
            "cpu_period": 100_000,
            "memory_limit_in_bytes": 192 * MIB,
        },
        id="all-up",
    ),
    pytest.param(
        {
            "cpu_shares": 256,
            "cpu_quota": 20_000,
            "cpu_period": 50_000,
            "memory_limit_in_bytes": 96 * MIB,
        },
        id="all-down",
    ),
    pytest.param({"cpu_shares": 1024, "memory_limit_in_bytes": 96 * MIB}, id="cpu-up-memory-down"),
    pytest.param({"cpu_quota": 20_000, "memory_limit_in_bytes": 192 * MIB}, id="quota-down"),
    pytest.param(
        {"cpuset_cpus": "0", "cpu_shares": 1024, "memory_limit_in_bytes": 192 * MIB},
        id="with-processors",
    ),
    # What the kubelet sends: the whole of cpu, memory as it is (CRI-06).
    pytest.param(
        {
            "cpu_shares": 768,
            "cpu_quota": 75_000,
            "cpu_period": 100_000,
            "memory_limit_in_bytes": 128 * MIB,
            "oom_score_adj": 0,
        },
        id="as-the-kubelet",
    ),
]


@TOGETHER
@pytest.mark.parametrize("fields", UPDATES)
def test_all_fields_are_done(containers: Containers, fields: dict[str, Any]) -> None:
    """Each is in the kernel and in every report when the answer is there."""
    container = containers.running()

    update = container.update(fields)

    verify_update(update)


@TOGETHER
@requirement("RT-05")
@pytest.mark.parametrize(
    ("memory", "swap"), [(192, 256), (96, 128), (192, 192)], ids=["up", "down", "no-swap"]
)
def test_memory_and_swap(containers: Containers, memory: int, swap: int) -> None:
    """In the order that the kernel takes: v1 never has a smaller sum than the memory limit."""
    container = containers.running(memory_swap_limit_in_bytes=160 * MIB)

    update = container.update(
        memory_limit_in_bytes=memory * MIB, memory_swap_limit_in_bytes=swap * MIB
    )

    verify_update(update)


@requirement("CRI-01", "RT-17")
def test_the_same_update_again(containers: Containers) -> None:
    """What is asked for a second time is there already."""
    container = containers.running()
    fields = {"cpu_shares": 1024, "cpu_quota": 80_000, "memory_limit_in_bytes": 192 * MIB}
    container.update(fields)

    again = container.update(fields)

    verify_update(again)


@requirement("RT-15", "RT-16", "RT-17")
@pytest.mark.parametrize("how", ["zeros", "nothing"])
def test_nothing_is_asked_for(containers: Containers, how: str) -> None:
    """Resources of which each field is unset, and no resources at all."""
    container = containers.running()

    update = container.update({}) if how == "zeros" else container.update_without_resources()

    verify_update(update)


@TOGETHER
def test_one_field_after_the_other(containers: Containers) -> None:
    """What earlier updates asked for outlives later ones of other fields."""
    container = containers.running()

    for fields in (
        {"cpu_shares": 1024},
        {"memory_limit_in_bytes": 192 * MIB},
        {"cpu_quota": 80_000},
        {"cpu_period": 200_000},
        {"memory_limit_in_bytes": 96 * MIB},
        {"cpu_shares": 300},
    ):
        verify_update(container.update(fields))


@requirement("RT-09", "RT-16")
def test_the_neighbour_in_the_pod_stays(containers: Containers) -> None:
    """Another container of the sandbox, and the sandbox itself, have what they had."""
    sandbox = containers.sandbox()
    containers.running(sandbox)
    container = containers.running(sandbox)

    update = container.update(
        cpu_shares=1024, cpu_quota=80_000, memory_limit_in_bytes=192 * MIB, cpuset_cpus="0"
    )

    verify_update(update)
