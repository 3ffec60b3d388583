"""One field of LinuxContainerResources at a time (CRI UpdateContainerResources).

Each value is another than the container was created with, in every witness, so that a field that
was left out, swapped or scaled shows.
"""

from __future__ import annotations

from typing import Any

import pytest

from podresize_fixtures import (
    Containers,
    cannot_show,
    claim,
    requirement,
    unsupported,
    verify_update,
)

MIB = 1 << 20
WITNESSES = requirement("RT-11", "RT-12", "RT-13", "RT-14", "RT-16", "RT-17", "RT-22")
SHARES = requirement("RT-01")
QUOTA = requirement("RT-02")
CPUSET = requirement("RT-03")
MEMORY = requirement("RT-04")
SWAP = requirement("RT-05")

FIELDS = [
    pytest.param({"cpu_shares": 1024}, marks=SHARES, id="shares-up"),
    pytest.param({"cpu_shares": 256}, marks=SHARES, id="shares-down"),
    pytest.param({"cpu_shares": 2}, marks=SHARES, id="shares-smallest"),
    pytest.param({"cpu_shares": 262_144}, marks=SHARES, id="shares-largest"),
    # Where the two formulas of cpu.weight differ most: seven times as much, and by 533.
    pytest.param({"cpu_shares": 28}, marks=SHARES, id="shares-of-seven-weights"),
    pytest.param({"cpu_shares": 78_495}, marks=SHARES, id="shares-far-apart"),
    pytest.param({"cpu_quota": 80_000}, marks=QUOTA, id="quota-up"),
    pytest.param({"cpu_quota": 20_000}, marks=QUOTA, id="quota-down"),
    pytest.param({"cpu_quota": 1_000}, marks=QUOTA, id="quota-smallest"),
    pytest.param({"cpu_quota": -1}, marks=QUOTA, id="quota-none"),
    pytest.param({"cpu_period": 200_000}, marks=QUOTA, id="period-up"),
    pytest.param({"cpu_period": 50_000}, marks=QUOTA, id="period-down"),
    pytest.param({"cpu_quota": 30_000, "cpu_period": 250_000}, marks=QUOTA, id="quota-and-period"),
    pytest.param({"cpuset_cpus": "0"}, marks=CPUSET, id="one-processor"),
    pytest.param({"cpuset_mems": "0"}, marks=CPUSET, id="one-memory-node"),
    pytest.param({"memory_limit_in_bytes": 192 * MIB}, marks=MEMORY, id="memory-up"),
    pytest.param({"memory_limit_in_bytes": 96 * MIB}, marks=MEMORY, id="memory-down"),
    pytest.param({"memory_limit_in_bytes": 160 * MIB + 1}, marks=MEMORY, id="memory-no-page"),
    pytest.param({"memory_limit_in_bytes": -1}, marks=MEMORY, id="memory-none"),
    pytest.param({"memory_swap_limit_in_bytes": 256 * MIB}, marks=SWAP, id="swap-up"),
]


@WITNESSES
@pytest.mark.parametrize("fields", FIELDS)
def test_the_update_is_done_and_told(containers: Containers, fields: dict[str, Any]) -> None:
    """The kernel has it with the answer, every witness says the same, and nothing else moved."""
    container = containers.running()

    update = container.update(fields)

    for field, file in (("cpuset_cpus", "cpuset.cpus"), ("cpuset_mems", "cpuset.mems")):
        if field in fields and update.before.kernel.get(file) == fields[field]:
            # As on cgroup v1, where the host has one of them: who writes nothing has it as well.
            cannot_show("RT-03", f"{file} is {fields[field]} before it is asked for")
    verify_update(update)


@requirement("RT-03", "RT-11", "RT-14", "RT-22")
def test_more_processors_again(containers: Containers) -> None:
    """From one processor to two, by a list: the kernel prints it as a range."""
    if containers.processors < 2:
        unsupported("the host has one processor")
    container = containers.running(cpuset_cpus="0")

    update = container.update(cpuset_cpus="0,1")

    verify_update(update)


@requirement("RT-06")
@pytest.mark.parametrize("limit", [8 * MIB, 4 * MIB], ids=["up", "down"])
def test_huge_pages(containers: Containers, limit: int) -> None:
    """The kernel has it, and everyone who reports it; one entry for one page size."""
    # Whole pages, since the kernel rounds down: neither limit is there before it is asked for.
    container = containers.running(hugepage_limits={"2MB": 6 * MIB})

    update = container.update(hugepage_limits={"2MB": limit})

    verify_update(update)
    if update.after.status is not None:  # that there is a report is RT-11's
        claim(
            "RT-06",
            "the limits that are reported",
            got=update.after.status.get("hugepage_limits"),
            want={"2MB": limit},
            guilty=containers.party,
        )
    for report, entries in container.hugepage_entries().items():
        claim(
            "RT-06",
            f"how many limits of huge pages are in {report}",
            got=entries,
            want=1,
            guilty=containers.party,
        )


@requirement("RT-07")
@pytest.mark.parametrize("file", ["memory.high", "memory.low", "memory.min"])
def test_unified(containers: Containers, file: str) -> None:
    """A setting of cgroup v2 by its name, which the kernel keeps in whole pages."""
    container = containers.running()

    update = container.update(unified={file: str(96 * MIB)})

    verify_update(update)


@requirement("RT-08")
def test_oom_score_adj(containers: Containers) -> None:
    """A value that needs no capability: above the one that the container has."""
    container = containers.running()

    update = container.update(oom_score_adj=500)

    verify_update(update)


@requirement("RT-05", "RT-11", "RT-14", "RT-22")
@pytest.mark.parametrize("swap", [224 * MIB, 160 * MIB], ids=["up", "down"])
def test_swap_with_memory_as_it_is(containers: Containers, swap: int) -> None:
    """Both ways from a limit that lets the container swap; the memory limit stays."""
    container = containers.running(memory_swap_limit_in_bytes=192 * MIB)

    update = container.update(memory_swap_limit_in_bytes=swap)

    verify_update(update)


@requirement("RT-01", "RT-14", "RT-22")
@pytest.mark.parametrize(("old", "new"), [(2, 28), (28, 2), (28, 262_144), (262_144, 28)])
def test_weights_from_end_to_end(containers: Containers, old: int, new: int) -> None:
    """From the least and from the greatest, and back, by way of where the formulas differ most."""
    container = containers.running(cpu_shares=old)

    update = container.update(cpu_shares=new)

    verify_update(update)


@requirement("RT-04", "RT-14", "RT-17", "RT-22")
@pytest.mark.parametrize("quota", [40_000, 0], ids=["with-quota", "without-quota"])
@pytest.mark.parametrize("memory", [192 * MIB, 96 * MIB], ids=["up", "down"])
def test_memory_alone_keeps_a_period_of_ones_own(
    containers: Containers, quota: int, memory: int
) -> None:
    """Another period than the default, with a quota and without (runc#4225)."""
    container = containers.running(cpu_quota=quota, cpu_period=200_000)

    update = container.update(memory_limit_in_bytes=memory)

    file, period = "cpu.cfs_period_us", "200000"
    if containers.fingerprint.cgroup_version == 2:
        file, period = "cpu.max", f"{quota or 'max'} 200000"
    # What was not there cannot be kept.
    claim(
        "RT-14",
        f"the kernel's {file} before the update",
        got=update.before.kernel.get(file),
        want=period,
        guilty=containers.party,
    )
    verify_update(update)


@requirement("RT-02", "RT-04", "RT-14", "RT-17", "RT-22")
def test_a_period_that_was_updated_outlives_an_update_of_memory(containers: Containers) -> None:
    """The thread's own steps: a container without a quota, its period, then its memory."""
    container = containers.running(cpu_quota=0, cpu_period=0)

    for fields in ({"cpu_period": 200_000}, {"memory_limit_in_bytes": 192 * MIB}):
        verify_update(container.update(fields))
