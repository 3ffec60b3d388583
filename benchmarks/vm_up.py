"""How long a guest takes to boot, how long a cluster takes that goes on from it, and where it goes.

    python benchmarks/vm_up.py [--runs 3] [--boots 1] [--accelerator auto|kvm|tcg] [--cgroup v2]

Two tables. The first is of a guest that is booted to be kept: until its agent answers, its images
are imported, its speed is measured, its memory is written. The second is of a cluster from the call
to a running pod, whose node is that guest. Each step with minimum, median and maximum over the runs
in seconds since the call, and the time since the step before it. Artifacts come from the cache; a
run that had to build something would measure that instead.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import time

from cluster_up import measure, spread
from podresize.artifacts.progress import Silent
from podresize.providers.local.order import make_order
from podresize.providers.vm import host as guest_host
from podresize.providers.vm import provider
from podresize.providers.vm.kept import keep_guest
from podresize.requirements.target import ACCELERATORS, CGROUP_DRIVERS, CGROUP_VERSIONS, Target

Steps = dict[str, float]


def boot(target: Target) -> tuple[Steps, float]:
    """Boot a guest anew; return each step's time, and how slow it is."""
    gathered = provider.gather(target)
    machine, _ = guest_host.machine_for(target, gathered.parts, guest_host.check())
    order = dataclasses.asdict(make_order(gathered.artifacts, None))
    began = time.monotonic()
    kept = keep_guest(
        *(machine, gathered.parts, order), progress=Silent(), tell=lambda _: None, anew=True
    )
    return dict(kept.steps) | {"in the cache": time.monotonic() - began}, kept.slowness


def table(title: str, runs: list[Steps]) -> list[str]:
    """Return the lines of a table of the steps that all runs have, by their medians."""
    common = set.intersection(*map(set, runs))
    median = {step: statistics.median(run[step] for run in runs) for step in common}
    order = sorted(common, key=median.__getitem__)
    whole = median[order[-1]]
    room = max(map(len, order)) + 2
    lines = [f"{title}, {len(runs)} runs"]
    lines.append(f"{'step':<{room}}{'min':>8}{'median':>8}{'max':>8}   since the step before")
    before: str | None = None
    for step in order:
        times = [run[step] for run in runs]
        spent = statistics.median(run[step] - (run[before] if before else 0.0) for run in runs)
        lines.append(f"{step:<{room}}{spread(times)}   {spent:6.2f} s {spent / whole:5.0%}")
        before = step
    return lines


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="clusters (default: %(default)s)")
    parser.add_argument("--boots", type=int, default=1, help="boots (default: %(default)s)")
    parser.add_argument("--accelerator", default=Target().accelerator, choices=ACCELERATORS)
    parser.add_argument("--cgroup", default="v2", choices=CGROUP_VERSIONS)
    parser.add_argument("--cgroup-driver", choices=CGROUP_DRIVERS)
    parser.add_argument("--kernel")
    parser.add_argument("--kubernetes", default=Target().kubernetes)
    parser.add_argument("--containerd", default=Target().containerd)
    arguments = parser.parse_args()
    target = Target(
        provider="vm",
        kubernetes=arguments.kubernetes,
        containerd=arguments.containerd,
        cgroup=arguments.cgroup,
        cgroup_driver=arguments.cgroup_driver,
        kernel=arguments.kernel,
        accelerator=arguments.accelerator,
    )
    provider.check_target(target)
    boots: list[Steps] = []
    for number in range(arguments.boots):
        steps, slowness = boot(target)
        boots.append(steps)
        print(f"boot {number + 1} of {arguments.boots}: slowness {slowness:g}", flush=True)
    runs: list[Steps] = []
    removals: list[float] = []
    for number in range(arguments.runs):
        steps, removal = measure(target)
        runs.append(steps)
        removals.append(removal)
        print(f"run {number + 1} of {arguments.runs}: {steps['pod Running']:.2f} s", flush=True)
    print(f"\n{target}, {os.cpu_count()} processors, warm cache")
    for title, found in (("a guest that is booted to be kept", boots), ("a cluster", runs)):
        if found:
            print("\n" + "\n".join(table(title, found)))
    if removals:
        print(f"{'down':<24}{spread(removals)}")


if __name__ == "__main__":
    main()
