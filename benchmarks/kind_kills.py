"""What is left of a kind cluster when a process of it is killed at a random moment.

    scripts/docker-engine run python -m benchmarks.kind_kills [--kills 10] [--seed 5]

A whole start is timed first; each kill then comes at a moment of one more start, or shortly after
it, drawn from an equal part of that time for each. The victims take turns: the cluster's owner, its
keeper, the keeper's guardian, the process that calls kind, and keeper and guardian at once, which
the next command has to sweep. Counted as left is what the engine has more than before (containers,
networks, volumes), every process and every cgroup of the cluster, and its directory. The exit code
is 1 where anything is.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import sys
import time

from tests.end_to_end import kind_kills
from tests.end_to_end.engines import RealEngine
from tests.end_to_end.real_clusters import own_name, until

from podresize.providers.kind.engine import find_engine
from podresize.providers.kind.removing import sweep
from podresize.requirements.target import Target

VICTIMS = (
    ("owner",),
    ("keeper",),
    ("guardian",),
    ("creator",),
    ("keeper", "guardian"),
)
# Moments are drawn from so much more than the start, to have some on a cluster that is there.
_BEYOND = 1.25
# A victim that is not there yet is waited for; one that has ended is not there either.
_MISSED_SECONDS = 1.0
_SWEPT_SECONDS = 5.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill: when (seconds since the owner's start), whom it hit, and what it left."""

    at: float
    step: str
    hit: tuple[str, ...]
    gone_after: float
    left: tuple[str, ...]


def kill(engine: RealEngine, target: Target, victims: tuple[str, ...], at: float) -> Kill:
    """Start a cluster, kill at a moment of it, and look until nothing is left."""
    with kind_kills.started(
        *(engine, own_name("kill")), kubernetes=target.kubernetes, containerd=target.containerd
    ) as run:
        time.sleep(at)  # the moment itself, not a wait
        hit: list[str] = []

        def is_hit() -> bool:
            hit.extend(run.kill(*victims))
            return bool(hit)

        until(is_hit, deadline=_MISSED_SECONDS, every=0.001)
        killed = time.monotonic()
        steps = run.steps()
        if not hit:
            # The creator's work was done: the owner is killed, or the cluster would stay.
            hit = [f"{each} (not there)" for each in victims] + run.kill("owner")
        if "guardian" in hit and "keeper" in hit:
            # As the next command would: not in the moment before the kernel has ended them.
            until(lambda: run.name in sweep(), deadline=_SWEPT_SECONDS)
        left = run.leftovers_after()
        gone_after = time.monotonic() - killed
    return Kill(
        at=at,
        step=steps[-1] if steps else "nothing yet",
        hit=tuple(hit),
        gone_after=gone_after,
        left=tuple(left),
    )


def whole_start(engine: RealEngine, target: Target) -> float:
    """Return how long a start takes that nobody kills, in seconds."""
    began = time.monotonic()
    with kind_kills.started(
        *(engine, own_name("whole")), kubernetes=target.kubernetes, containerd=target.containerd
    ) as run:
        run.wait_for(kind_kills.READY)
        took = time.monotonic() - began
        run.kill("owner")
        run.leftovers_after()
    return took


def moments(count: int, span: float, seed: int) -> list[float]:
    """Return a moment of each of ``count`` equal parts of a span of seconds, in random order."""
    draw = random.Random(seed)
    found = [(part + draw.random()) * span / count for part in range(count)]
    draw.shuffle(found)
    return found


def main() -> int:
    """Print a line for each kill, and the total."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--kubernetes", default=Target().kubernetes)
    parser.add_argument("--containerd", default=Target().containerd)
    arguments = parser.parse_args()
    target = Target(
        provider="kind", kubernetes=arguments.kubernetes, containerd=arguments.containerd
    )
    find_engine()  # what is wrong with it is told once, and not for each kill
    engine = RealEngine()
    took = whole_start(engine, target)
    print(f"{target}: a whole start takes {took:.1f} s", flush=True)
    print(f"{'at':>7}  {'gone after':>10}  {'left':>4}  killed, and the step that was reached")
    kills = []
    for number, at in enumerate(moments(arguments.kills, _BEYOND * took, arguments.seed)):
        each = kill(engine, target, VICTIMS[number % len(VICTIMS)], at)
        kills.append(each)
        print(
            f"{each.at:5.1f} s  {each.gone_after:8.1f} s  {len(each.left):>4}  "
            f"{' and '.join(each.hit)}: {each.step}",
            flush=True,
        )
        for what in each.left:
            print(f"{'':25}{what}", flush=True)
    left = sum(len(each.left) for each in kills)
    print(f"{len(kills)} kills, {left} leftovers after {kind_kills.GONE_SECONDS:.0f} s")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
