"""How long a cluster takes from the command to a running pod, and where the time goes.

    python benchmarks/cluster_up.py [--runs 10] [--kubernetes 1.27.4] [--containerd 1.6.36]
    scripts/docker-engine run python benchmarks/cluster_up.py --provider kind --runs 3

Prints, for each step, when it was reached (seconds since the call) as minimum, median and maximum
over the runs, and its share: the time since the step that it waited for, as a part of the whole.
Artifacts come from the cache; a run that had to build something would measure that instead.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import time

from podresize.cluster.api import Api
from podresize.cluster.kubeconfig import read_kubeconfig
from podresize.cri.client import CALL_TIMEOUT, RuntimeClient
from podresize.providers.registry import provider_of
from podresize.requirements.target import PROVIDERS, Target
from podresize.resizing.building import container_resources, pod_body
from podresize.resizing.reach import Reach
from podresize.resizing.running_pod import RunningPod

# What each step had to wait for; a share is counted from there. kind's steps follow one another.
WAITS_FOR = {
    "artifacts ready": None,
    "files written": "artifacts ready",
    "namespaces made": "files written",
    "etcd up": "namespaces made",
    "apiserver-port up": "etcd up",
    "apiserver up": "etcd up",
    "containerd up": "namespaces made",
    "load-pause done": "containerd up",
    "load-workload done": "containerd up",
    "node Ready": "apiserver up",
    "fingerprint taken": "node Ready",
    "pod Running": "fingerprint taken",
}
# kind puts the node image's name into a step's, which makes the table wider than a screen.
_IMAGE = re.compile(r" \([^()]*[/:][^()]*\)")


def measure(target: Target) -> tuple[dict[str, float], float]:
    """Start one cluster and one pod; return each step's time and how long the removal took."""
    steps: dict[str, float] = {}
    began = time.monotonic()
    provider = provider_of(target.provider)
    handle = provider.up(
        target,
        owner=os.getpid(),
        tell=lambda step, seconds: steps.__setitem__(_IMAGE.sub("", step), seconds),
    )
    try:
        patience = handle.fingerprint.patience(CALL_TIMEOUT)
        with (
            Api(read_kubeconfig(handle.kubeconfig)) as api,
            RuntimeClient(handle.nodes[0].runtime_endpoint, timeout=patience) as cri,
        ):
            resources = container_resources("Guaranteed", allocatable={"cpu": "2", "memory": "4Gi"})
            body = pod_body("first", image=handle.workload_image, resources=[resources], labels={})
            reach = Reach(api=api, runtime=cri, handle=handle, run_id="bench")
            RunningPod.create(reach, namespace="default", body=body)
        steps["pod Running"] = time.monotonic() - began
    finally:
        ending = time.monotonic()
        provider.down(handle.name)
        removal = time.monotonic() - ending
    return steps, removal


def in_a_row(steps: dict[str, float]) -> dict[str, str | None]:
    """Return what each step waited for where each waits for the one before it."""
    order = sorted(steps, key=steps.__getitem__)
    return dict(zip(order, [None, *order], strict=False))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--provider", default=Target().provider, choices=PROVIDERS)
    parser.add_argument("--kubernetes", default=Target().kubernetes)
    parser.add_argument("--containerd", default=Target().containerd)
    parser.add_argument("--tap", action="store_true")
    arguments = parser.parse_args()
    target = Target(
        provider=arguments.provider,
        kubernetes=arguments.kubernetes,
        containerd=arguments.containerd,
        tap=arguments.tap,
    )
    provider_of(target.provider).gather(target)
    runs: list[dict[str, float]] = []
    removals: list[float] = []
    for number in range(arguments.runs):
        steps, removal = measure(target)
        runs.append(steps)
        removals.append(removal)
        print(f"run {number + 1} of {arguments.runs}: {steps['pod Running']:.2f} s", flush=True)
    print(f"\n{target}, {os.cpu_count()} processors, {arguments.runs} runs, warm cache")
    whole = statistics.median(run["pod Running"] for run in runs)
    waits_for = WAITS_FOR if arguments.provider == "local" else in_a_row(runs[0])
    room = max(map(len, waits_for)) + 2
    print(f"{'step':<{room}}{'min':>8}{'median':>8}{'max':>8}   since the step it waits for")
    for step, before in waits_for.items():
        times = [run[step] for run in runs]
        spent = statistics.median(run[step] - (run[before] if before else 0.0) for run in runs)
        since = f"{spent:6.2f} s {spent / whole:5.0%}" + (f"  of {before}" if before else "")
        print(f"{step:<{room}}{spread(times)}   {since}")
    print(f"{'down':<{room}}{spread(removals)}")


def spread(times: list[float]) -> str:
    """Return minimum, median and maximum as three columns."""
    return "".join(f"{each:8.2f}" for each in (min(times), statistics.median(times), max(times)))


if __name__ == "__main__":
    main()
