"""What the tap costs a call, on a real runtime: each call directly and through it, in turns.

    python -m benchmarks.tap [--calls 2000] [--cri-endpoint unix:///run/containerd/containerd.sock]

Without an endpoint a containerd is started: a cluster's own work beside it would be measured as
well. The calls only read. For each: the median and the 99th percentile of both ways in
milliseconds, and the difference, which is the cost.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
from cri_api.v1 import api_pb2, api_pb2_grpc

from podresize.providers.runtimes import provider
from podresize.requirements.runtime_target import RuntimeTarget

WARM_UP = 50
_SECONDS = 20.0

Ask = Callable[[], object]


@contextlib.contextmanager
def some_runtime() -> Iterator[str]:
    """Yield the endpoint of a containerd of its own."""
    handle = provider.up(RuntimeTarget(), owner=os.getpid())
    try:
        assert handle.endpoint is not None
        yield handle.endpoint
    finally:
        provider.end(handle)


@contextlib.contextmanager
def tapped(runtime: str) -> Iterator[str]:
    """Yield the endpoint of a tap in a process of its own."""
    with tempfile.TemporaryDirectory() as directory:
        listen, calls = Path(directory) / "tap.sock", Path(directory) / "calls.jsonl"
        words = [f"--listen={listen}", f"--runtime={runtime}", f"--calls={calls}"]
        process = subprocess.Popen([sys.executable, "-m", "podresize.cri.tapping", *words])
        try:
            yield f"unix://{listen}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_SECONDS)


def questions(endpoint: str, opened: contextlib.ExitStack) -> dict[str, Ask]:
    """Return calls that only read, from the smallest answer to the largest."""
    channel = opened.enter_context(grpc.insecure_channel(endpoint))
    grpc.channel_ready_future(channel).result(timeout=_SECONDS)
    # The published stubs carry no types.
    stub = api_pb2_grpc.RuntimeServiceStub(channel)  # type: ignore[no-untyped-call]
    return {
        "Version": lambda: stub.Version(api_pb2.VersionRequest()),
        "ListContainers": lambda: stub.ListContainers(api_pb2.ListContainersRequest()),
        "Status, verbose": lambda: stub.Status(api_pb2.StatusRequest(verbose=True)),
    }


def measure(direct: Ask, through: Ask, calls: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each call of both ways, which take turns."""
    took: tuple[list[float], list[float]] = ([], [])
    for number in range(WARM_UP + calls):
        for times, ask in zip(took, (direct, through), strict=True):
            began = time.perf_counter()
            ask()
            if number >= WARM_UP:
                times.append((time.perf_counter() - began) * 1000)
    return took


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--cri-endpoint")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as opened:
        runtime = arguments.cri_endpoint or opened.enter_context(some_runtime())
        direct = questions(runtime, opened)
        through = questions(opened.enter_context(tapped(runtime)), opened)
        print(f"{arguments.calls} calls each way, {os.cpu_count()} processors; milliseconds")
        print(f"{'':<18}{'directly':>16}{'through the tap':>18}{'cost':>16}")
        print(f"{'call':<18}" + f"{'p50':>8}{'p99':>8}" * 3)
        for name, ask in direct.items():
            ways = [figures(each) for each in measure(ask, through[name], arguments.calls)]
            (p50, p99), (tap50, tap99) = ways
            row = (p50, p99, tap50, tap99, tap50 - p50, tap99 - p99)
            print(f"{name:<18}" + "".join(f"{each:8.2f}" for each in row), flush=True)


def figures(times: list[float]) -> tuple[float, float]:
    """Return median and 99th percentile."""
    return statistics.median(times), statistics.quantiles(times, n=100)[98]


if __name__ == "__main__":
    main()
