"""The workload as a witness: its own heartbeat, read from its log.

The probe prints a line per beat with a number, the kernel's monotonic clock and an identity that it
drew when it started. A gap says that it did not run; a second identity says that it was started
again, whatever the statuses say. Only gaps since the patch speak of the resize: many pods that
started at once on a busy host stood still for more than a second each, before anything was asked of
them. And only a stall speaks of the stack: a gap without the time in which the probe was ready to
run and had no processor. On a busy host two pods with a tenth of a processor stood still for 2 s at
once; in a cgroup with 2 shares beside one with 262144 it was 4.2 s, of which 4.1 were waited.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Iterable
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """One beat: its number, CLOCK_MONOTONIC in seconds, and the instance that printed it.

    ``waited`` is how long in all, in seconds, it had been ready to run without a processor.
    """

    beat: int
    monotonic: float
    instance: str
    waited: float = 0.0


def parse_beats(lines: Iterable[str]) -> tuple[list[Beat], int]:
    """Return the beats in the order of the log, and how many lines were none.

    A line is ``{"beat": N, "monotonic": seconds, "waited": seconds, "instance": hex}``, without
    ``waited`` where the kernel does not count that. Anything else, a torn last line included, is
    counted; blank lines are not.
    """
    beats: list[Beat] = []
    others = 0
    for line in lines:
        if not line.strip():
            continue
        try:
            raw = json.loads(line)
            beats.append(
                Beat(
                    beat=int(raw["beat"]),
                    monotonic=float(raw["monotonic"]),
                    instance=str(raw["instance"]),
                    waited=float(raw.get("waited", 0.0)),
                )
            )
        except (ValueError, KeyError, TypeError):
            others += 1
    return beats, others


def summarise(lines: Iterable[str], *, since: float = -math.inf) -> dict[str, Any]:
    """Return the data of a ``workload`` observation for the lines of one container's log.

    ``since`` is the time of the patch on the beats' clock.

    ``first_seq``, ``last_seq``: the numbers of the first and the last beat; ``beats``: how many
    different ones; ``max_gap_seconds``: the longest time between two that followed each other, a
    restart included, of those that ended after ``since`` (None where there is none);
    ``max_stall_seconds``: likewise, without what it waited for a processor between the two;
    ``instance``: the last one; ``instances``: all, in the order of their appearance; ``lost``:
    numbers missing within an instance; ``duplicates``: beats that were there already;
    ``other_lines``: lines that are no beat. Without any beat the numbers and ``instance`` are None.
    """
    beats, others = parse_beats(lines)
    unique: dict[tuple[str, int], Beat] = {}
    for beat in beats:
        unique.setdefault((beat.instance, beat.beat), beat)
    # All instances read the same clock, so their beats have one order, whatever the log's is.
    ordered = sorted(unique.values(), key=lambda beat: beat.monotonic)
    pairs = [each for each in itertools.pairwise(ordered) if each[1].monotonic > since]
    gaps = [later.monotonic - earlier.monotonic for earlier, later in pairs]
    stalls = [gap - _waited(*each) for gap, each in zip(gaps, pairs, strict=True)]
    instances = list(dict.fromkeys(beat.instance for beat in ordered))
    lost = 0
    for instance in instances:
        numbers = [beat.beat for beat in ordered if beat.instance == instance]
        lost += max(numbers) - min(numbers) + 1 - len(numbers)
    return {
        "first_seq": ordered[0].beat if ordered else None,
        "last_seq": ordered[-1].beat if ordered else None,
        "beats": len(ordered),
        "max_gap_seconds": round(max(gaps), 6) if gaps else None,
        "max_stall_seconds": round(max(stalls), 6) if stalls else None,
        "instance": instances[-1] if instances else None,
        "instances": instances,
        "lost": lost,
        "duplicates": len(beats) - len(ordered),
        "other_lines": others,
    }


def _waited(earlier: Beat, later: Beat) -> float:
    """Return how long a process waited for a processor between two beats: one that is new did not
    exist before."""
    if earlier.instance != later.instance:
        return 0.0
    waited = later.waited - earlier.waited
    return min(max(waited, 0.0), later.monotonic - earlier.monotonic)
