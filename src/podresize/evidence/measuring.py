"""Repeated measurements: the times of many resizes in one record, with the load beside them.

A number without its load says nothing: the same kubelet is ten times slower on a busy host.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

PERCENTILES = (50, 95, 99)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the node did beside: the host's load average of one minute, its processors, its pods."""

    load_average: float
    processors: int
    pods: int

    def __str__(self) -> str:
        return f"load {self.load_average:.2f} on {self.processors} processors, {self.pods} pods"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Seconds after the patch by step, one value for each resize in which the step was seen.

    ``what`` says in one line what was repeated; ``before`` and ``after`` are the loads then;
    ``unit`` what the seconds are counted from, where it is no patch.
    """

    what: str
    steps: Mapping[str, tuple[float, ...]]
    before: Load
    after: Load
    unit: str = "seconds after the patch"

    def percentile(self, step: str, percent: float) -> float | None:
        """Return a percentile of one step's seconds; None when the step was never seen."""
        values = self.steps.get(step)
        return percentile(values, percent) if values else None

    def to_json(self) -> dict[str, Any]:
        """Return a ``measurement`` record; the percentiles are there for readers."""
        return {
            "type": "measurement",
            "what": self.what,
            "unit": self.unit,
            "steps": {
                step: {
                    "values": [round(value, 4) for value in values],
                    "percentiles": {
                        str(each): round(percentile(values, each), 4) for each in PERCENTILES
                    },
                }
                for step, values in self.steps.items()
                if values
            },
            "load": {
                "before": dataclasses.asdict(self.before),
                "after": dataclasses.asdict(self.after),
            },
        }


def by_step(times: Iterable[Mapping[str, float | None]]) -> dict[str, tuple[float, ...]]:
    """Return the values of each step over many resizes, in their order, without those not seen."""
    steps: dict[str, tuple[float, ...]] = {}
    for each in times:
        for step, value in each.items():
            if value is not None:
                steps[step] = (*steps.get(step, ()), value)
    return steps


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that ``percent`` of 100 values do not exceed (nearest rank)."""
    if not values:
        raise ValueError("there is no percentile of nothing")
    rank = math.ceil(percent / 100 * len(values))
    return sorted(values)[max(rank, 1) - 1]
