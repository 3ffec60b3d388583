"""How many checks a minute the suites run, and what they wait for: the harness or the target.

    python benchmarks/suite_throughput.py --kubernetes 1.37.2 --containerd 2.1.4 [--profile core]

Prints the checks per minute of wall time (the clusters' start and end included), the processor time
of the harness beside that of the clusters, and the ten slowest checks. The harness's share is what
it could still save: all else is the target's own time, or waiting for it.
"""

from __future__ import annotations

import argparse
import collections
import os
import subprocess
import sys
import time
from pathlib import Path

from comparison.processor_time import ProcessorTime
from podresize.cli.driving import suites_directory
from podresize.cli.run import workers_for
from podresize.evidence.records import read_records

_SLOWEST = 10


def main() -> int:
    options = parse()
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    (out / "records.jsonl").unlink(missing_ok=True)
    began = time.monotonic()
    with (out / "screen.txt").open("w") as screen:
        run = subprocess.Popen(command(options, out), stdout=screen, stderr=screen)
        with ProcessorTime(run.pid) as used:
            code = run.wait()
    seconds = time.monotonic() - began
    report(out / "records.jsonl", seconds, used)
    print(f"pytest ended with {code}; {out / 'screen.txt'}")
    return code


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kubernetes", default="1.37.2")
    parser.add_argument("--containerd", default="2.1.4")
    parser.add_argument("--profile", default="core")
    parser.add_argument("-n", "--workers", type=int)
    parser.add_argument("--out", type=Path, default=Path("reports/out/suite-throughput"))
    return parser.parse_args()


def command(options: argparse.Namespace, out: Path) -> list[str]:
    suites = suites_directory()
    return [
        *(sys.executable, "-m", "pytest", str(suites)),
        *(f"--config-file={suites / 'pytest.ini'}", f"--rootdir={suites}"),
        *("--provider=local", f"--kubernetes={options.kubernetes}"),
        *(f"--containerd={options.containerd}", f"--profile={options.profile}"),
        *("-n", str(options.workers or workers_for(options.kubernetes)), f"--out={out}"),
    ]


def report(records: Path, seconds: float, used: ProcessorTime) -> None:
    checks: dict[str, float] = {}
    verdicts: collections.Counter[str] = collections.Counter()
    executed = set()
    for record in read_records(records):
        if record["type"] == "target" and not checks:
            # The run's own; checks with clusters of their own change it.
            print(f"{record['target']}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
        if record["type"] == "verdict":
            name, verdict = record["check"], record["verdict"]
            checks[name] = max(record["seconds"], checks.get(name, 0.0))
            verdicts[verdict] += 1
            if verdict not in ("unsupported", "skipped"):
                executed.add(name)
    said = ", ".join(f"{number} {verdict}" for verdict, number in sorted(verdicts.items()))
    print(
        f"{len(executed)} checks in {seconds:.0f} s: {60 * len(executed) / seconds:.1f} a minute "
        f"({len(checks) - len(executed)} more cannot be shown by this target)\nverdicts: {said}"
    )
    available = seconds * len(os.sched_getaffinity(0))
    both = ((used.harness, "harness"), (used.clusters, f"{used.number_of_clusters} clusters"))
    for time_used, whose in both:
        print(
            f"{whose:<12}{time_used:8.1f} s of processor time, "
            f"{time_used / available:4.0%} of what the host has in that time"
        )
    print("slowest checks")
    for name in sorted(executed, key=checks.__getitem__, reverse=True)[:_SLOWEST]:
        print(f"{checks[name]:8.1f} s  {name}")


if __name__ == "__main__":
    sys.exit(main())
