"""Updates that cannot be done: an error, and everything as it was (KEP-1287, "CRI Changes")."""

from __future__ import annotations

from typing import Any

import pytest

from podresize_fixtures import (
    Containers,
    claim,
    requirement,
    unsupported,
    verify_end,
    verify_update,
)

MIB = 1 << 20
IMPOSSIBLE = [
    pytest.param({"cpuset_cpus": "4096"}, id="no-such-processor"),
    pytest.param({"cpuset_mems": "64"}, id="no-such-memory-node"),
    pytest.param({"cpuset_cpus": "none"}, id="processors-not-a-list"),
    # The kernel's least quota is 1 ms, its periods are 1 ms to 1 s (sched-bwc). Half a processor is
    # a whole number of percents: of 0.5 % systemd's driver makes 1 %, which the kernel takes.
    pytest.param({"cpu_quota": 500, "cpu_period": 1_000}, id="quota-too-small"),
    pytest.param({"cpu_period": 10}, id="period-too-small"),
    pytest.param({"cpu_period": 2_000_000}, id="period-too-large"),
    pytest.param({"memory_limit_in_bytes": -5}, id="memory-negative"),
    # cgroup v1 takes 2 to 262144 and makes the nearest of any other; v2 has weights, and a runtime
    # may take what lies beyond the ends for these (opencontainers/cgroups
    # ConvertCPUSharesToCgroupV2Value).
    pytest.param({"cpu_shares": 1}, id="shares-too-few"),
    pytest.param({"cpu_shares": 300_000}, id="shares-too-many"),
]
WITH_OTHERS = [
    pytest.param(
        {"cpuset_cpus": "4096", "memory_limit_in_bytes": 96 * MIB, "cpu_shares": 700},
        id="processor-among-others",
    ),
    pytest.param(
        {
            "cpu_quota": 500,
            "cpu_period": 1_000,
            "cpu_shares": 700,
            "memory_limit_in_bytes": 192 * MIB,
        },
        id="quota-among-others",
    ),
    pytest.param(
        {"memory_limit_in_bytes": -5, "cpu_shares": 700, "cpu_quota": 20_000},
        id="memory-among-others",
    ),
]


@requirement("RT-20", "RT-21", "RT-22", "RT-17", "CRI-08")
@pytest.mark.parametrize("fields", [*IMPOSSIBLE, *WITH_OTHERS])
def test_what_cannot_be_is_refused(containers: Containers, fields: dict[str, Any]) -> None:
    """An error; and every setting, every report and the process are what they were."""
    if fields.keys() == {"cpu_shares"} and containers.fingerprint.cgroup_version == 2:
        unsupported("cgroup v2 has no shares, so that none are impossible")
    container = containers.running()

    update = container.update(fields)

    verify_update(update)


@requirement("RT-20", "RT-21", "CRI-08")
@pytest.mark.parametrize("more", [{}, {"cpu_shares": 700}], ids=["alone", "with-cpu"])
def test_unified_settings_on_cgroup_v1(containers: Containers, more: dict[str, Any]) -> None:
    """There is no file that they could be written to."""
    if containers.fingerprint.cgroup_version != 1:
        unsupported("on cgroup v2 unified settings can be done")
    container = containers.running()

    update = container.update({"unified": {"memory.high": str(112 * MIB)}} | more)

    verify_update(update)


@requirement("RT-20")
def test_huge_pages_that_the_kernel_does_not_limit(containers: Containers) -> None:
    """Without the controller there is no limit that could be set."""
    if not any(each.startswith("no hugetlb") for each in containers.fingerprint.host_limits):
        unsupported("this host limits huge pages")
    container = containers.running()

    update = container.update(hugepage_limits={"2MB": 4 * MIB})

    verify_update(update)


@requirement("RT-04", "RT-14", "RT-22")
def test_an_update_after_a_refused_one(containers: Containers) -> None:
    """What was refused does not come with the next update that is granted."""
    container = containers.running()
    before = container.now()
    container.ask({"cpuset_cpus": "4096", "cpu_shares": 700})
    fields = {"memory_limit_in_bytes": 192 * MIB}

    answer = container.ask(fields)

    verify_update(container.observed(before, fields, answer))


@requirement("RT-23", "RT-22", "CRI-08")
def test_memory_below_what_is_in_use(containers: Containers) -> None:
    """48 MiB are held, and 32 MiB asked for: nothing of it can be reclaimed."""
    container = containers.running(arguments=["serve", "--hold-mib", "48"]).uses(48 * MIB)

    update = container.update(memory_limit_in_bytes=32 * MIB)

    verify_update(update)
    verify_end(container, update)


@requirement("RT-23", "RT-21", "RT-22", "CRI-08")
def test_memory_below_what_is_in_use_with_cpu(containers: Containers) -> None:
    """Where the memory cannot be had, cpu is not given either."""
    container = containers.running(arguments=["serve", "--hold-mib", "48"]).uses(48 * MIB)

    update = container.update(memory_limit_in_bytes=32 * MIB, cpu_shares=1024, cpu_quota=80_000)

    verify_update(update)
    verify_end(container, update)


@requirement("RT-19", "RT-24")
@pytest.mark.parametrize(
    ("container", "codes"),
    [
        ("0123456789abcdef" * 4, ["NOT_FOUND"]),
        ("no-such-container", ["NOT_FOUND"]),
        ("", ["NOT_FOUND", "INVALID_ARGUMENT"]),
    ],
    ids=["an-id-like-others", "no-id", "empty"],
)
def test_no_such_container(containers: Containers, container: str, codes: list[str]) -> None:
    """An id that nobody has."""
    bystander = containers.running()
    before = bystander.now()

    answer = containers.ask(container, {"cpu_shares": 1024})

    claim(
        "RT-24", "whether it was refused", got=not answer.is_ok, want=True, guilty=containers.party
    )
    claim(
        "RT-19",
        "the code of the answer",
        got=answer.code,
        want=codes,
        relation="in",
        guilty=containers.party,
    )
    claim(
        "RT-24",
        "what another container has",
        got=bystander.now().to_json(),
        want=before.to_json(),
        guilty=containers.party,
    )


@requirement("RT-19", "RT-24")
def test_a_container_that_was_removed(containers: Containers) -> None:
    """An id that was one."""
    container = containers.running()
    container.remove()

    answer = container.ask({"cpu_shares": 1024})

    claim(
        "RT-24", "whether it was refused", got=not answer.is_ok, want=True, guilty=containers.party
    )
    claim(
        "RT-19",
        "the code of the answer",
        got=answer.code,
        want="NOT_FOUND",
        guilty=containers.party,
    )
