"""The least cpu that the kernel holds: 2 shares and a quota of 1 ms.

What is asked for below it is enacted as the least, so the kernel and the runtime cannot say how
much was asked for (ST-23, ST-25).
"""

from __future__ import annotations

from podresize.oracle.change import CPU
from podresize.oracle.quantity import parse_quantity
from podresize.oracle.resources import LIMITS, REQUESTS, Resources, amount

LEAST = {REQUESTS: "2m", LIMITS: "10m"}
"""By kind, the cpu that 2 shares and a quota of 1000 us in a period of 100000 us stand for."""


def minimal_keys(resources: Resources) -> list[str]:
    """Return the kinds (requests, limits) whose cpu is there and below or at the least."""
    found = []
    for kind, least in LEAST.items():
        value = amount(resources, kind, CPU)
        if value is not None and value <= parse_quantity(least):
            found.append(kind)
    return found
