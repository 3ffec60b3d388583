"""The conversions derived a second time, by other means than the oracle's.

The oracle divides integers and takes floating-point logarithms, as the components do. Here each
number is the solution of the inequality that defines it, found by search or in exact fractions and
60-digit decimals. Nothing of podresize is imported.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

_DIGITS = decimal.Context(prec=60)
# Powers of two have logarithms without a fraction: 40 digits bring them back after the division.
_KEPT = Decimal(1).scaleb(-40)


def _last(holds: Callable[[int], bool], low: int, high: int) -> int:
    """Return the greatest number of [low, high] for which a falling condition holds."""
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def shares(millicores: int) -> int:
    """The greatest number of shares, of 2 to 262144, that is no more than 1024 a core."""
    return _last(lambda found: Fraction(found, 1024) <= Fraction(millicores, 1000), 2, 262_144)


def quota(millicores: int) -> int | None:
    """The microseconds of each 100 ms that this part of a core is, at least 1 ms; 0: no limit."""
    if millicores == 0:
        return None
    part = Decimal(millicores) / 1000
    return max(1000, int(part * Decimal("0.1") * 10**6))


def systemd_quota(microseconds: int) -> int:
    """The next multiple of 10 ms in a second, which is 1 ms in each 100 ms."""
    return next(each for each in range(microseconds, microseconds + 1000) if each % 1000 == 0)


def linear_weight(cpu_shares: int) -> int:
    """The last whole step below the line from (2, 1) to (262144, 10000)."""

    def is_below(weight: int) -> bool:
        return Fraction(weight - 1, 9999) <= Fraction(cpu_shares - 2, 262_142)

    return _last(is_below, 1, 10_000)


def curved_weight(cpu_shares: int) -> int:
    """The least weight whose logarithm reaches the curve through (2, 1) and (1024, 100)."""
    if cpu_shares <= 2:
        return 1
    if cpu_shares >= 262_144:
        return 10_000
    with decimal.localcontext(_DIGITS):
        exponent = (Decimal(cpu_shares).ln() / Decimal(2).ln()).quantize(_KEPT)
        height = (exponent * exponent + 125 * exponent) / 612 - Decimal(7) / 34
        return 1 + _last(
            lambda weight: weight == 0 or Decimal(weight).log10() + _KEPT * 10 < height, 0, 10_000
        )


def millicores_from_shares(cpu_shares: int) -> int:
    """The least number of millicores that is no less than the shares."""
    return math.ceil(Fraction(cpu_shares, 1024) * 1000)


def millicores_from_quota(microseconds: int) -> int:
    """The whole millicores in a quota for 100 ms."""
    return math.floor(Fraction(microseconds, 100_000) * 1000)


def whole_pages(size: int, page: int) -> int:
    """The bytes of the pages that fit."""
    return math.floor(Fraction(size, page)) * page
