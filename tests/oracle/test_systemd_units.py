"""What systemd would write, by its properties as `systemctl show` prints them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podresize.oracle import conversions
from podresize.oracle.cgroups import V1_UNLIMITED_MEMORY
from podresize.oracle.systemd_units import agrees, rounded, would_write

NOTHING = {
    "CPUQuotaPerSecUSec": "infinity",
    "CPUQuotaPeriodUSec": "infinity",
    "CPUWeight": "[not set]",
    "CPUShares": "[not set]",
    "MemoryMax": "infinity",
    "MemoryLimit": "infinity",
}


@pytest.mark.parametrize(
    ("properties", "file", "content"),
    [
        ({}, "cpu.max", "max 100000"),
        ({"CPUQuotaPerSecUSec": "420ms"}, "cpu.max", "42000 100000"),
        ({"CPUQuotaPerSecUSec": "10ms"}, "cpu.max", "1000 100000"),
        ({"CPUQuotaPerSecUSec": "1.500000s"}, "cpu.max", "150000 100000"),
        ({"CPUQuotaPerSecUSec": "2s"}, "cpu.max", "200000 100000"),
        ({"CPUQuotaPerSecUSec": "1min 4s"}, "cpu.max", "6400000 100000"),
        (
            {"CPUQuotaPerSecUSec": "500ms", "CPUQuotaPeriodUSec": "50ms"},
            *("cpu.max", "25000 50000"),
        ),
        ({}, "cpu.weight", "100"),
        ({"CPUWeight": "4"}, "cpu.weight", "4"),
        ({"CPUWeight": "idle"}, "cpu.weight", "0"),
        ({"CPUShares": "512"}, "cpu.weight", "50"),
        ({"CPUShares": "2"}, "cpu.weight", "1"),
        ({}, "memory.max", "max"),
        ({"MemoryMax": "67108864"}, "memory.max", "67108864"),
        ({"MemoryLimit": "67108864"}, "memory.max", "67108864"),
    ],
)
def test_on_cgroup_v2(properties: dict[str, str], file: str, content: str) -> None:
    assert would_write(NOTHING | properties, cgroup_version=2)[file] == content


@pytest.mark.parametrize(
    ("properties", "file", "content"),
    [
        ({}, "cpu.cfs_quota_us", "-1"),
        ({"CPUQuotaPerSecUSec": "420ms"}, "cpu.cfs_quota_us", "42000"),
        ({}, "cpu.shares", "1024"),
        ({"CPUShares": "204"}, "cpu.shares", "204"),
        ({"CPUWeight": "50"}, "cpu.shares", "512"),
        ({}, "memory.limit_in_bytes", str(V1_UNLIMITED_MEMORY)),
        ({"MemoryLimit": "67108864"}, "memory.limit_in_bytes", "67108864"),
    ],
)
def test_on_cgroup_v1(properties: dict[str, str], file: str, content: str) -> None:
    assert would_write(NOTHING | properties, cgroup_version=1)[file] == content


def test_a_property_that_a_release_does_not_know_is_not_set() -> None:
    assert would_write({}, cgroup_version=2) == would_write(NOTHING, cgroup_version=2)
    assert would_write({}, cgroup_version=1) == would_write(NOTHING, cgroup_version=1)


def test_what_is_no_time_is_told() -> None:
    with pytest.raises(ValueError, match="3 fortnights"):
        would_write({"CPUQuotaPerSecUSec": "3 fortnights"}, cgroup_version=2)


@pytest.mark.parametrize(
    ("file", "written", "held", "fits"),
    [
        ("cpu.max", "42000 100000", "42000 100000", True),
        ("cpu.max", "42000 100000", "41700 100000", True),
        ("cpu.max", "42000 100000", "40900 100000", False),
        ("cpu.max", "41700 100000", "42000 100000", False),
        ("cpu.max", "max 100000", "42000 100000", False),
        ("cpu.max", "42000 100000", "max 100000", False),
        ("cpu.cfs_quota_us", "42000", "41700", True),
        ("cpu.cfs_quota_us", "42000", "-1", False),
        ("memory.max", "67108865", "67108864", True),
        ("memory.max", "67112960", "67108864", True),  # pages of 64 KiB
        ("memory.max", "67108864", "67108865", False),
        ("memory.max", "max", "67108864", False),
        ("cpu.weight", "4", "5", False),
    ],
)
def test_what_the_kernel_may_hold(file: str, written: str, held: str, *, fits: bool) -> None:
    assert agrees(file, written, held) is fits


@given(st.integers(1, 64_000))
def test_a_quota_and_its_rounding_agree_and_nothing_less(millicores: int) -> None:
    quota = conversions.cpu_quota(millicores)
    assert quota is not None
    written = rounded("cpu.max", f"{quota} 100000")

    assert written is not None
    assert agrees("cpu.max", written, f"{quota} 100000")
    assert rounded("cpu.max", written) == written
    assert quota <= int(written.split()[0]) < quota + 1000
