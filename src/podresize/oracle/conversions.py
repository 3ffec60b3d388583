"""From millicores to what the kernel is given, and from cpu.shares to cpu.weight.

Each formula is the integer arithmetic of the component that applies it, not its real-valued ideal:
the rounding is part of what a cgroup file shows.
"""

from __future__ import annotations

import math

MIN_SHARES = 2
MAX_SHARES = 262144
SHARES_PER_CORE = 1024
QUOTA_PERIOD = 100_000
"""Microseconds; another period needs the gate CustomCPUCFSQuotaPeriod."""
MIN_QUOTA = 1_000
"""Microseconds per period: the kernel takes no smaller quota, so 10m is the least limit."""
SYSTEMD_QUOTA_STEP = 10_000
"""systemd keeps quotas as microseconds per second in steps of 10 000, which is 10m."""
MIN_WEIGHT = 1
MAX_WEIGHT = 10_000


def cpu_shares(millicores: int) -> int:
    """Return cpu.shares for a request (kubelet cm MilliCPUToShares)."""
    return min(MAX_SHARES, max(MIN_SHARES, millicores * SHARES_PER_CORE // 1000))


def cpu_quota(millicores: int, period: int = QUOTA_PERIOD) -> int | None:
    """Return the CFS quota in microseconds for a limit; None for 0, which means no limit.

    Source: kubelet cm MilliCPUToQuota.
    """
    if millicores <= 0:
        return None
    return max(MIN_QUOTA, millicores * period // 1000)


def systemd_quota(quota: int, period: int = QUOTA_PERIOD) -> int:
    """Return the quota after systemd's rounding up (opencontainers/cgroups; runc#4622)."""
    per_second = quota * 1_000_000 // period
    rounded = -(-per_second // SYSTEMD_QUOTA_STEP) * SYSTEMD_QUOTA_STEP
    return rounded * period // 1_000_000


def linear_weight(shares: int) -> int:
    """Return cpu.weight by the straight line from 2..262144 to 1..10000.

    Used by the kubelet for the pod (KL-39; still in 1.37), and for the container by runc before
    1.3.2 and crun before 1.23. Source: KEP-2254.
    """
    shares = min(MAX_SHARES, max(MIN_SHARES, shares))
    return 1 + ((shares - MIN_SHARES) * 9999) // 262142


def quadratic_weight(shares: int) -> int:
    """Return cpu.weight by the curve that maps 1024 shares to weight 100.

    Used for the container by runc 1.3.2 and crun 1.23 and later (opencontainers/cgroups v0.0.3).
    0 shares mean "unset" and stay 0.
    """
    if shares == 0:
        return 0
    if shares <= MIN_SHARES:
        return MIN_WEIGHT
    if shares >= MAX_SHARES:
        return MAX_WEIGHT
    logarithm = math.log2(shares)
    exponent = (logarithm * logarithm + 125 * logarithm) / 612 - 7 / 34
    return math.ceil(10**exponent)


def shares_from_linear_weight(weight: int) -> int:
    """Return the shares that the kubelet takes a pod's weight for (cm cpuWeightToCPUShares).

    Up to 27 shares have one weight, so what comes out is not what went in: for comparison with what
    somebody shows, never for what must be shown.
    """
    return (weight - 1) * 262142 // 9999 + MIN_SHARES


def status_millicores_from_shares(shares: int) -> int:
    """Return the millicores that the kubelet reads back from cpu.shares (SharesToMilliCPU)."""
    return -(-shares * 1000 // SHARES_PER_CORE)


def status_millicores_from_quota(quota: int, period: int = QUOTA_PERIOD) -> int:
    """Return the millicores that the kubelet reads back from a quota (QuotaToMilliCPU)."""
    return quota * 1000 // period


def page_floor(size: int, page: int = 4096) -> int:
    """Return a memory limit as the kernel keeps it: whole pages, rounded down."""
    return size // page * page
