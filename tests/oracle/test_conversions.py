"""The conversions against a second derivation: a table worked out elsewhere, and exact bounds."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracle import second_derivation as second

from podresize.oracle import conversions

# millicores, shares, linear weight, quadratic weight, quota, quota as systemd rounds it
TABLE = [
    (1, 2, 1, 1, 1000, 1000),
    (2, 2, 1, 1, 1000, 1000),
    (5, 5, 1, 2, 1000, 1000),
    (10, 10, 1, 4, 1000, 1000),
    (15, 15, 1, 5, 1500, 2000),
    (20, 20, 1, 6, 2000, 2000),
    (25, 25, 1, 6, 2500, 3000),
    (35, 35, 2, 8, 3500, 4000),
    (100, 102, 4, 17, 10000, 10000),
    (250, 256, 10, 35, 25000, 25000),
    (500, 512, 20, 59, 50000, 50000),
    (1000, 1024, 39, 100, 100000, 100000),
    (1500, 1536, 59, 138, 150000, 150000),
    (2000, 2048, 79, 174, 200000, 200000),
    (4000, 4096, 157, 303, 400000, 400000),
    (8000, 8192, 313, 532, 800000, 800000),
    (256000, 262144, 10000, 10000, 25600000, 25600000),
    (300000, 262144, 10000, 10000, 30000000, 30000000),
]
few = settings(max_examples=60, deadline=None)
millicores = st.integers(min_value=1, max_value=400_000)
shares = st.integers(min_value=2, max_value=300_000)


@pytest.mark.parametrize(("cpu", "share", "linear", "curve", "quota", "rounded"), TABLE)
def test_the_table(cpu: int, share: int, linear: int, curve: int, quota: int, rounded: int) -> None:
    assert conversions.cpu_shares(cpu) == share
    assert conversions.linear_weight(share) == linear
    assert conversions.quadratic_weight(share) == curve
    assert conversions.cpu_quota(cpu) == quota
    assert conversions.systemd_quota(quota) == rounded


def test_zero() -> None:
    assert conversions.cpu_shares(0) == 2
    assert conversions.cpu_quota(0) is None
    assert conversions.quadratic_weight(0) == 0


def test_the_formulas_tell_as_many_values_apart_as_computed_elsewhere() -> None:
    every = [conversions.cpu_shares(cpu) for cpu in range(1, 4001)]
    assert len({conversions.linear_weight(value) for value in every}) == 157
    assert len({conversions.quadratic_weight(value) for value in every}) == 303


def test_status_reads_back_what_was_asked_from_2m_on() -> None:
    for cpu in range(2, 100_001):
        assert conversions.status_millicores_from_shares(conversions.cpu_shares(cpu)) == cpu
    assert conversions.status_millicores_from_shares(conversions.cpu_shares(1)) == 2
    for cpu in range(10, 5000):
        assert conversions.status_millicores_from_quota(conversions.cpu_quota(cpu) or -1) == cpu


@few
@given(shares, shares)
def test_weights_never_fall_and_stay_in_bounds(one: int, other: int) -> None:
    low, high = sorted((one, other))
    for formula in (conversions.linear_weight, conversions.quadratic_weight):
        assert 1 <= formula(low) <= formula(high) <= 10_000


@few
@given(millicores, millicores)
def test_shares_and_quota_never_fall(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert 2 <= conversions.cpu_shares(low) <= conversions.cpu_shares(high) <= 262144
    assert 1000 <= (conversions.cpu_quota(low) or 0) <= (conversions.cpu_quota(high) or 0)


@few
@given(millicores)
def test_shares_are_the_floor_of_the_exact_ratio(cpu: int) -> None:
    exact = Fraction(cpu * 1024, 1000)
    assert conversions.cpu_shares(cpu) == min(262144, max(2, exact.__floor__()))


@few
@given(millicores)
def test_systemd_rounds_up_by_less_than_one_step(cpu: int) -> None:
    quota = conversions.cpu_quota(cpu) or 0
    rounded = conversions.systemd_quota(quota)
    assert rounded % 1000 == 0
    assert 0 <= rounded - quota < 1000
    assert conversions.systemd_quota(rounded) == rounded


@few
@given(st.integers(min_value=0, max_value=1 << 50))
def test_memory_is_kept_in_whole_pages(size: int) -> None:
    assert 0 <= size - conversions.page_floor(size) < 4096
    assert conversions.page_floor(100_000_000) == 99_999_744


@pytest.mark.parametrize(("cpu", "share", "linear", "curve", "quota", "rounded"), TABLE)
def test_the_second_derivation_gives_the_table_too(
    cpu: int, share: int, linear: int, curve: int, quota: int, rounded: int
) -> None:
    assert second.shares(cpu) == share
    assert second.linear_weight(share) == linear
    assert second.curved_weight(share) == curve
    assert second.quota(cpu) == quota
    assert second.systemd_quota(quota) == rounded


def test_both_derivations_agree_on_every_small_size() -> None:
    for cpu in range(2001):
        share, quota = second.shares(cpu), second.quota(cpu)
        assert conversions.cpu_shares(cpu) == share
        assert conversions.cpu_quota(cpu) == quota
        assert conversions.linear_weight(share) == second.linear_weight(share)
        assert conversions.quadratic_weight(share) == second.curved_weight(share), share
        assert conversions.status_millicores_from_shares(share) == second.millicores_from_shares(
            share
        )
        if quota is not None:
            assert conversions.systemd_quota(quota) == second.systemd_quota(quota)
            assert conversions.status_millicores_from_quota(quota) == (
                second.millicores_from_quota(quota)
            )


@pytest.mark.parametrize("power", range(1, 19))
def test_both_derivations_agree_around_the_powers_of_two(power: int) -> None:
    """There the curve has exact values, which floating point may miss by one."""
    for share in (2**power - 1, 2**power, 2**power + 1):
        if share >= 2:
            assert conversions.quadratic_weight(share) == second.curved_weight(share), share


@few
@given(millicores, shares)
def test_both_derivations_agree_on_every_size(cpu: int, share: int) -> None:
    assert conversions.cpu_shares(cpu) == second.shares(cpu)
    assert conversions.cpu_quota(cpu) == second.quota(cpu)
    assert conversions.linear_weight(share) == second.linear_weight(share)
    assert conversions.quadratic_weight(share) == second.curved_weight(share)


@few
@given(st.integers(min_value=0, max_value=1 << 50), st.sampled_from([4096, 65536]))
def test_both_derivations_agree_on_pages(size: int, page: int) -> None:
    assert conversions.page_floor(size, page) == second.whole_pages(size, page)


def test_a_weight_is_turned_back_into_other_shares() -> None:
    back = conversions.shares_from_linear_weight
    assert [back(weight) for weight in (1, 2, 4, 39, 10_000)] == [2, 28, 80, 998, 262_144]
    for share in range(2, 3000):
        assert 0 <= share - back(conversions.linear_weight(share)) < 28


def test_where_the_formulas_of_weights_differ_most() -> None:
    """The values that suites/cgroup_v2 and suites/cri ask for."""

    def pair(share: int) -> tuple[int, int]:
        return conversions.linear_weight(share), conversions.quadratic_weight(share)

    every = range(2, 262_145)
    assert pair(28) == (1, 7)
    assert max(pair(share)[1] / pair(share)[0] for share in every) == 7
    assert max(every, key=lambda share: pair(share)[1] - pair(share)[0]) == 78_495
    assert [pair(share) for share in (2, 262_144)] == [(1, 1), (10_000, 10_000)]
    assert pair(10) == pair(11) == (1, 4)
