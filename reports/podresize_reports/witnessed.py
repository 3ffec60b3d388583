"""Which witnesses disagree, read from the phrases that a verdict keeps of them.

Each phrase names values as its witness spells them (``limits.cpu 600m``, ``cpu_quota 60000``,
``cpu.max 60000 100000``). Brought to one unit they can be compared with no timeline at hand.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal

_STATED = re.compile(
    r"(?P<name>[a-z_.]+) (?P<value>-?[0-9.]+(?:[a-zA-Z]{1,2})?)(?P<period> [0-9]+)?(?=$|[ ,])"
)
_UNITS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
}
_CPU_LIMIT = {"limits.cpu", "cpu_quota", "cpu.cfs_quota_us", "cpu.max"}
_MEMORY_LIMIT = {
    "limits.memory",
    "memory",
    "memory_limit_in_bytes",
    "memory.limit_in_bytes",
    "memory.max",
}
_PERIOD = Decimal(100_000)
_SILENT = ("no resources reported", "no resources in status")


def disagreeing(witnesses: Mapping[str, str]) -> tuple[str, ...]:
    """Return who takes part in a disagreement, or is silent where another speaks; sorted.

    Empty when all that were heard agree.
    """
    said: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for name, phrase in witnesses.items():
        for quantity, amount in _amounts(phrase):
            said[quantity][name] = amount
    silent = {name for name, phrase in witnesses.items() if phrase.startswith(_SILENT)}
    found = silent if said else set()
    for by_witness in said.values():
        if len(set(by_witness.values())) > 1:
            found |= by_witness.keys()
    return tuple(sorted(found))


def _amounts(phrase: str) -> Iterator[tuple[str, Decimal]]:
    for match in _STATED.finditer(phrase):
        number, unit = re.fullmatch(r"(-?[0-9.]+)([a-zA-Z]*)", match["value"]).groups()  # type: ignore[union-attr]
        if number.count(".") > 1 or not number.strip("-.") or unit not in _UNITS:
            continue
        amount, name = Decimal(number) * _UNITS[unit], match["name"]
        if name in _CPU_LIMIT:
            period = Decimal(match["period"] or 0) or _PERIOD
            yield "cpu limit", amount if name == "limits.cpu" else amount / period
        elif name in _MEMORY_LIMIT:
            yield "memory limit", amount
        else:
            yield name.replace(".", "_"), amount
