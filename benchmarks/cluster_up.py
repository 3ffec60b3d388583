"""How long a local cluster takes from the command to a running pod, and where the time goes.

    python benchmarks/cluster_up.py [--runs 10] [--kubernetes 1.27.4] [--containerd 1.6.36]

Prints, for each step, when it was reached (seconds since the call) as minimum, median and maximum
over the runs, and its share: the time since the step that it waited for, as a part of the whole.
Artifacts come from the cache; a run that had to build something would measure that instead.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

from podresize.cluster.api import Api
from podresize.cluster.kubeconfig import read_kubeconfig
from podresize.cri.client import RuntimeClient
from podresize.providers.local import provider
from podresize.requirements.target import Target
from podresize.resizing.building import container_resources, pod_body
from podresize.resizing.reach import Reach
from podresize.resizing.running_pod import RunningPod

# What each step had to wait for; a share is counted from there.
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


def measure(target: Target) -> tuple[dict[str, float], float]:
    """Start one cluster and one pod; return each step's time and how long the removal took."""
    steps: dict[str, float] = {}
    began = time.monotonic()
    handle = provider.up(
        target, owner=os.getpid(), tell=lambda step, seconds: steps.__setitem__(step, seconds)
    )
    try:
        with (
            Api(read_kubeconfig(handle.kubeconfig)) as api,
            RuntimeClient(handle.nodes[0].cri_endpoint) as cri,
        ):
            resources = container_resources("Guaranteed", allocatable={"cpu": "2", "memory": "4Gi"})
            body = pod_body("first", image=handle.workload_image, resources=[resources], labels={})
            reach = Reach(api=api, cri=cri, handle=handle, run_id="bench")
            RunningPod.create(reach, namespace="default", body=body)
        steps["pod Running"] = time.monotonic() - began
    finally:
        ending = time.monotonic()
        provider.down(handle.name)
        removal = time.monotonic() - ending
    return steps, removal


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--kubernetes", default=Target().kubernetes)
    parser.add_argument("--containerd", default=Target().containerd)
    arguments = parser.parse_args()
    target = Target(kubernetes=arguments.kubernetes, containerd=arguments.containerd)
    provider.gather(target)
    runs: list[dict[str, float]] = []
    removals: list[float] = []
    for number in range(arguments.runs):
        steps, removal = measure(target)
        runs.append(steps)
        removals.append(removal)
        print(f"run {number + 1} of {arguments.runs}: {steps['pod Running']:.2f} s", flush=True)
    print(f"\n{target}, {os.cpu_count()} processors, {arguments.runs} runs, warm cache")
    print(f"{'step':<22}{'min':>8}{'median':>8}{'max':>8}   since the step it waits for")
    whole = statistics.median(run["pod Running"] for run in runs)
    for step, before in WAITS_FOR.items():
        times = [run[step] for run in runs]
        spent = statistics.median(run[step] - (run[before] if before else 0.0) for run in runs)
        since = f"{spent:6.2f} s {spent / whole:5.0%}" + (f"  of {before}" if before else "")
        print(
            f"{step:<22}{min(times):8.2f}{statistics.median(times):8.2f}{max(times):8.2f}   {since}"
        )
    print(f"{'down':<22}{min(removals):8.2f}{statistics.median(removals):8.2f}{max(removals):8.2f}")


if __name__ == "__main__":
    main()
