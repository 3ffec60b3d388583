"""How long a node image takes from its verified parts, and what bounds each step.

    python -m benchmarks.node_image_build [--runs 3] [--kubernetes 1.27.4] [--containerd 1.6.36]
    scripts/docker-engine run python -m benchmarks.node_image_build

The programs come from the cache; the OS is put together anew each time. For each step: seconds as
minimum, median and maximum over the runs, its share, and how busy it keeps one processor (100 %);
what is missing to that is waiting, for the OS's archive in the first step and for the disk in the
others. Where an engine answers, it is given the image too; its own work is not this process's, and
is not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from tests.end_to_end.part_caches import caches_with_parts

from podresize.artifacts.artifact import Component
from podresize.artifacts.cache import Cache
from podresize.artifacts.node_image import NodeImage, node_image
from podresize.artifacts.store import Store
from podresize.errors import HostError
from podresize.providers.kind.engine import Engine, find_engine
from podresize.requirements.target import Target

T = TypeVar("T")

THE_OS, PACKING, LOADING = "the OS", "packing", "loading"


def processor_seconds() -> float:
    """Return what this process and its ended children have used so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def timed(work: Callable[[], T]) -> tuple[tuple[float, float], T]:
    """Return wall and processor seconds, and what the work returns."""
    before, began = processor_seconds(), time.monotonic()
    result = work()
    return (time.monotonic() - began, processor_seconds() - before), result


def measure(store: Store, target: Target, engine: Engine | None) -> dict[str, tuple[float, float]]:
    """Make one image; return wall and processor seconds of each step."""
    steps: dict[str, tuple[float, float]] = {}
    steps[THE_OS], _ = timed(lambda: store.get(Component.NODE_BASE))
    steps[PACKING], image = timed(
        lambda: node_image(target.kubernetes, target.containerd, store=store)
    )
    if engine is not None:
        with without(engine, image):
            steps[LOADING], _ = timed(lambda: engine.load_image(image.archive))
    return steps


@contextlib.contextmanager
def without(engine: Engine, image: NodeImage) -> Iterator[None]:
    """Have the engine not know the image before, and no longer afterwards."""

    def forget() -> None:
        if engine.has_image(image.name):
            engine.run("rmi", "--force", image.name)

    forget()
    try:
        yield
    finally:
        forget()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--kubernetes", default=Target().kubernetes)
    parser.add_argument("--containerd", default=Target().containerd)
    arguments = parser.parse_args()
    target = Target(
        provider="kind", kubernetes=arguments.kubernetes, containerd=arguments.containerd
    )
    try:
        engine = find_engine()
    except HostError as error:
        print(f"not loaded into an engine: {error.what}")
        engine = None
    runs = []
    for number in range(arguments.runs):
        with caches_with_parts(("one",), target.kubernetes, target.containerd) as (place,):
            runs.append(measure(Store(Cache(place / "podresize")), target, engine))
        whole = sum(wall for wall, _ in runs[-1].values())
        print(f"run {number + 1} of {arguments.runs}: {whole:.1f} s", flush=True)
    show(runs, title=f"{target}, {os.cpu_count()} processors, {arguments.runs} runs")


def show(runs: list[dict[str, tuple[float, float]]], *, title: str) -> None:
    """Print each step's figures."""
    print(f"\n{title}")
    print(f"{'step':<10}{'min':>8}{'median':>8}{'max':>8}   share   busy")
    whole = statistics.median(sum(wall for wall, _ in run.values()) for run in runs)
    for step in runs[0]:
        walls = [run[step][0] for run in runs]
        median = statistics.median(walls)
        busy = statistics.median(run[step][1] / run[step][0] for run in runs)
        figures = "".join(f"{each:8.1f}" for each in (min(walls), median, max(walls)))
        of_it = "      " if step == LOADING else f"{busy:6.0%}"
        print(f"{step:<10}{figures}  {median / whole:6.0%} {of_it}")


if __name__ == "__main__":
    main()
