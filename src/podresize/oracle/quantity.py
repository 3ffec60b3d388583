"""Kubernetes quantities as exact decimals.

``0.1`` is not a binary fraction and ``1Ei`` does not fit 28 digits, so quantities are parsed into
``Decimal`` under a context that is wide enough to be exact. Comparing texts would call ``1000m``
and ``1`` different; comparing floats would call different values equal.
"""

from __future__ import annotations

import decimal
import functools
import re
from decimal import Decimal

from podresize.errors import UsageError

_EXACT = decimal.Context(prec=4000, Emax=4000, Emin=-4000, traps=[decimal.Inexact])
_LONGEST = 300  # characters; keeps every sum of two quantities within the context
_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))"
    r"(?P<suffix>[KMGTPE]i|[eE][+-]?\d{1,3}|[numkMGTPE])?",
)
_DECIMAL_POWERS = dict(zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True))
_BINARY_POWERS = {f"{letter}i": 10 * power for power, letter in enumerate("KMGTPE", start=1)}


def parse_quantity(text: str | int | float) -> Decimal:
    """Return the exact value of a quantity (``100m``, ``64Mi``, ``1e3``, ``0.5``, ``1k``).

    Cores for cpu, bytes for memory. Numbers, as YAML delivers them, are taken by their text. Raises
    ``UsageError`` for anything else (grammar: k8s.io/apimachinery resource.Quantity).
    """
    value = _parsed(str(text).strip())
    if value is None:
        raise UsageError(
            "this is not a Kubernetes quantity",
            value=str(text),
            causes=("a quantity is a number with a suffix like m, k, Mi or e3",),
        )
    return value


@functools.lru_cache(maxsize=4096)  # a run has few of them and compares them all the time
def _parsed(text: str) -> Decimal | None:
    found = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return None
    number, suffix = Decimal(found["number"]), found["suffix"] or ""
    if suffix in _BINARY_POWERS:
        return _EXACT.multiply(number, Decimal(2 ** _BINARY_POWERS[suffix]))
    power = int(suffix[1:]) if len(suffix) > 1 else _DECIMAL_POWERS.get(suffix, 0)
    return number.scaleb(power, context=_EXACT)


def add(left: Decimal, right: Decimal) -> Decimal:
    """Return the exact sum (the default context of ``+`` would round)."""
    return _EXACT.add(left, right)


def millicores(value: Decimal) -> int:
    """Return cores as millicores, rounded up as ``Quantity.MilliValue`` does."""
    return _ceil(value.scaleb(3, context=_EXACT))


def whole_bytes(value: Decimal) -> int:
    """Return bytes, rounded up as ``Quantity.Value`` does."""
    return _ceil(value)


def format_cpu(value: Decimal) -> str:
    """Return cores in the shortest exact form, as Kubernetes prints them: ``2``, ``150m``."""
    for power, suffix in ((0, ""), (3, "m"), (6, "u"), (9, "n")):
        scaled = value.scaleb(power, context=_EXACT)
        if scaled == scaled.to_integral_value(context=_EXACT):
            return f"{int(scaled)}{suffix}"
    return f"{_ceil(value.scaleb(9, context=_EXACT))}n"  # the apiserver keeps no finer step


def format_memory(value: Decimal) -> str:
    """Return bytes with the largest binary suffix that stays exact: ``64Mi``, ``1000``."""
    if value != value.to_integral_value(context=_EXACT):
        return format_cpu(
            value
        )  # fractions of a byte: legal, and written with the decimal suffixes
    whole = int(value)
    for suffix, power in reversed(_BINARY_POWERS.items()):
        if whole and whole % (1 << power) == 0:
            return f"{whole >> power}{suffix}" if whole > 0 else f"-{-whole >> power}{suffix}"
    return str(whole)


def _ceil(value: Decimal) -> int:
    return int(value.to_integral_value(rounding=decimal.ROUND_CEILING, context=_EXACT))
