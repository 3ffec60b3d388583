"""Quantities are exact, and say no to everything else."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podresize.errors import UsageError
from podresize.oracle import quantity
from podresize.oracle.resources import resources_equal, same_quantity

few = settings(max_examples=80, deadline=None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100m", "0.1"),
        ("64Mi", "67108864"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("1E", "1000000000000000000"),
        ("0.5", "0.5"),
        ("1k", "1000"),
        (".5", "0.5"),
        ("5.", "5"),
        ("-1Ki", "-1024"),
        ("+2", "2"),
        ("1.5Gi", "1610612736"),
        ("15n", "0.000000015"),
        (2, "2"),
        ("0", "0"),
    ],
)
def test_values(text: str, value: str) -> None:
    assert quantity.parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["", "m", "1 Mi", "1mi", "1K", "0x10", "1e", "1e9999", "NaN", "1_0"]
)
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(UsageError, match="not a Kubernetes quantity"):
        quantity.parse_quantity(text)


def test_rounding_is_up() -> None:
    assert quantity.millicores(quantity.parse_quantity("1.0001")) == 1001
    assert quantity.whole_bytes(quantity.parse_quantity("1500m")) == 2


@few
@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_cpu_round_trip(nanocores: int) -> None:
    value = Decimal(nanocores).scaleb(-9)
    assert quantity.parse_quantity(quantity.format_cpu(value)) == value


@few
@given(st.integers(min_value=-(1 << 62), max_value=1 << 62))
def test_memory_round_trip(size: int) -> None:
    assert quantity.parse_quantity(quantity.format_memory(Decimal(size))) == size


@few
@given(st.integers(0, 1 << 40), st.sampled_from(["", "Ki", "Mi", "Gi", "k", "M", "m", "n", "e3"]))
def test_a_sum_is_exact(number: int, suffix: str) -> None:
    big, small = quantity.parse_quantity("9E"), quantity.parse_quantity(f"{number}{suffix}")
    assert quantity.add(quantity.add(big, small), -big) == small


def test_equality_is_by_value() -> None:
    assert same_quantity("1000m", 1)
    assert same_quantity("1Gi", "1024Mi")
    assert not same_quantity("1", None)
    assert resources_equal({"limits": {"cpu": "1"}}, {"limits": {"cpu": "1000m"}, "requests": {}})
    assert not resources_equal({"limits": {"cpu": "1"}}, {"limits": {"cpu": "1", "memory": "1"}})
