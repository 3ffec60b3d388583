"""What a refused update leaves: each catalogued deviation, and what is near and something else."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tests.evidence.updates.stacks import (
    ALONE,
    CRUN,
    MOVED,
    OLD_RUNC,
    OTHER,
    RUNC,
    SYSTEMD,
    V2,
    explained,
)

from podresize.evidence.claims import Claim


def refused(fields: str) -> str:
    return f"settings that changed though the update of c1 ({fields}) was refused"


# What a refused update leaves, by the fields that were asked for.
CPUS = refused("cpuset_cpus 4096, memory_limit_in_bytes 100663296, cpu_shares 700")
QUOTA = refused("cpu_quota 500, cpu_period 1000, cpu_shares 700, memory_limit_in_bytes 201326592")
NEGATIVE = refused("memory_limit_in_bytes -5, cpu_shares 700, cpu_quota 20000")
OLD_ALONE = OLD_RUNC | ALONE | SYSTEMD
AMONG_OTHERS = {"cpu.weight": ["20", "27"], "memory.max": ["134217728", "100663296"]}
BOUND = {"cpuset.cpus": ["", "0"]}
LOST = {"memory.max": ["134217728", "max"]}
SHARES = refused("cpu_shares 1")
REPORTED = (
    "the kernel's cpu.shares, of which the runtime reports cpu_shares 5, after a refused update"
)
CASES: list[tuple[str, str, dict[str, Any], str, Any, Any]] = [
    ("PD-51", "RT-21", RUNC, SHARES, {"cpu.shares": ["512", "2"]}, {}),
    ("PD-51", "RT-22", RUNC, REPORTED, "2", "512"),
    ("PD-52", "RT-21", CRUN, SHARES, {"cpu.shares": ["512", "2"]}, {}),
    ("PD-52", "RT-22", CRUN, REPORTED, "700", "512"),
    ("PD-52", "RT-14", CRUN, MOVED, {"cpu.shares": ["512", "700"]}, {}),
    ("PD-77", "RT-14", OLD_ALONE, MOVED, {"cpu.weight": ["20", "27"]} | BOUND, {}),
    (
        *("PD-51", "RT-21", RUNC, QUOTA),
        {
            "cpu.cfs_period_us": ["100000", "1000"],
            "cpu.shares": ["512", "700"],
            "memory.limit_in_bytes": ["134217728", "201326592"],
            "memory.memsw.limit_in_bytes": ["134217728", "201326592"],
        },
        {},
    ),
    ("PD-51", "RT-21", RUNC | SYSTEMD, CPUS, AMONG_OTHERS | {"cpu.weight": ["59", "75"]}, {}),
    *(
        ("PD-51", "RT-21", RUNC | SYSTEMD, refused(fields), {"cpu.max": ["50000 100000", made]}, {})
        for fields, made in (
            ("cpu_quota 500, cpu_period 1000", "1000 2000"),
            ("cpu_period 10", "5000000 1000"),
            ("cpu_period 2000000", "30000 1000000"),
        )
    ),
    (
        *("PD-51", "RT-22", RUNC | SYSTEMD),
        "the kernel's cpu.max, of which the runtime reports cpu_quota 5, after a refused update",
        *("1000 2000", "50000 100000"),
    ),
    ("PD-52", "RT-21", CRUN | V2, CPUS, AMONG_OTHERS, {}),
    ("PD-77", "RT-21", OLD_RUNC | SYSTEMD, refused("cpuset_cpus 4096"), BOUND, {}),
    ("PD-77", "RT-21", OLD_ALONE, CPUS, dict(sorted((AMONG_OTHERS | BOUND).items())), {}),
    (
        *("PD-77", "RT-21", OLD_ALONE, refused("cpuset_mems 64")),
        *({"cpuset.mems": ["", "0"]}, {}),
    ),
    ("PD-77", "RT-14", OLD_RUNC | SYSTEMD, MOVED, BOUND, {}),
    ("PD-78", "RT-21", RUNC | ALONE | SYSTEMD, refused("memory_limit_in_bytes -5"), LOST, {}),
    (
        *("PD-78", "RT-21", OLD_ALONE, NEGATIVE),
        {"cpu.max": ["50000 100000", "20000 100000"], "cpu.weight": ["20", "27"]} | LOST,
        {},
    ),
    (
        *("PD-78", "RT-21", RUNC | ALONE | {"cgroup_driver": "systemd"}, NEGATIVE),
        {
            "cpu.cfs_quota_us": ["50000", "20000"],
            "cpu.shares": ["512", "700"],
            "memory.limit_in_bytes": ["134217728", "9223372036854771712"],
        },
        {},
    ),
]


@pytest.mark.parametrize(("deviation", "id_", "stack", "what", "got", "want"), CASES)
def test_what_it_explains_and_where(
    deviation: str, id_: str, stack: dict[str, Any], what: str, got: Any, want: Any
) -> None:
    claim = Claim(requirement=id_, what=what, got=got, want=want)

    assert explained(id_, stack, claim) == deviation
    assert explained(id_, OTHER, claim) is None
    assert explained(id_, stack, dataclasses.replace(claim, what="anything else")) is None


@pytest.mark.parametrize(
    ("id_", "stack", "what", "got"),
    [
        # What nobody asked for is no half of an update that was refused.
        ("RT-21", RUNC, SHARES, {"cpu.shares": ["512", "300"]}),
        ("RT-21", RUNC, SHARES, {"cpu.shares": ["512", "2"], "memory.swappiness": ["60", "5"]}),
        ("RT-21", RUNC, SHARES, {"cpu.shares": ["512", None]}),
        ("RT-21", CRUN, SHARES, {"cpu.shares": ["512", "300"]}),
        ("RT-22", RUNC, REPORTED, "300"),
        # A limit that is gone, where systemd was not told or took it from nobody.
        ("RT-21", RUNC | V2, refused("memory_limit_in_bytes -5"), LOST),
        ("RT-21", RUNC | SYSTEMD, refused("memory_limit_in_bytes -5"), LOST),
        ("RT-21", CRUN | SYSTEMD | ALONE, refused("memory_limit_in_bytes -5"), LOST),
        ("RT-21", RUNC | ALONE | SYSTEMD, refused("memory_limit_in_bytes 5"), LOST),
        ("RT-21", RUNC | ALONE | SYSTEMD, NEGATIVE, LOST | {"cpu.max": ["5 9", "max 9"]}),
        # Other cpus, of a runc that has the bytes in order, and of one that nobody asked for any.
        ("RT-21", RUNC | ALONE | SYSTEMD, refused("cpuset_cpus 4096"), BOUND),
        ("RT-21", OLD_ALONE, SHARES, BOUND),
        ("RT-21", OLD_ALONE, refused("cpuset_cpus 4096"), {"cpuset.cpus": ["", "1"]}),
        # Another setting that moved by itself is not what a refused update left.
        ("RT-14", CRUN, MOVED, {"cpu.shares": ["512", "300"]}),
    ],
)
def test_what_is_near_and_something_else(
    id_: str, stack: dict[str, Any], what: str, got: Any
) -> None:
    assert explained(id_, stack, Claim(requirement=id_, what=what, got=got, want=0)) is None
