"""Does any verdict change from run to run? A profile, many times in a row, quiet and loaded.

    python benchmarks/stability.py --kubernetes 1.27.4 --containerd 1.6.36 --runs 10 --loaded 3

Prints one line for each run and, at the end, every check and requirement whose verdict was not the
same in all runs of its kind. Exit code 1 when there is one: what is not stable is not core. A
catalogued race changes no verdict; how often each was seen is printed beside the runs.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from podresize.cli.driving import suites_directory
from podresize.cli.run import workers_for
from podresize.evidence.records import read_records

Verdicts = dict[tuple[str, str], str]


def main() -> int:
    options = parse()
    kinds = [("quiet", options.runs), ("loaded", options.loaded)]
    found: dict[str, list[Verdicts]] = collections.defaultdict(list)
    for kind, number in kinds:
        burners = burn() if kind == "loaded" and number else []
        try:
            for each in range(1, number + 1):
                out = options.out / f"{kind}-{each}"
                began = time.monotonic()
                code = run_once(options, out)
                verdicts = verdicts_of(out / "records.jsonl")
                found[kind].append(verdicts)
                counts = collections.Counter(verdicts.values())
                said = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
                said += races_of(out / "records.jsonl")
                seconds = time.monotonic() - began
                print(f"{kind:<7} run {each:>2}: {seconds:5.0f} s, exit {code}; {said}", flush=True)
        finally:
            for burner in burners:
                burner.kill()
                burner.join()
    changed = changes(found)
    for line in changed:
        print(line)
    print(f"{len(changed)} verdicts changed between runs")
    return 1 if changed else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kubernetes", default="1.27.4")
    parser.add_argument("--containerd", default="1.6.36")
    parser.add_argument("--profile", default="core")
    parser.add_argument("--runs", type=int, default=10, help="runs on a quiet host")
    parser.add_argument("--loaded", type=int, default=3, help="runs with every processor busy")
    parser.add_argument("-n", "--workers", type=int)
    parser.add_argument("--out", type=Path, default=Path("reports/out/stability"))
    return parser.parse_args()


def run_once(options: argparse.Namespace, out: Path) -> int:
    suites = suites_directory()
    out.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "pytest", str(suites)),
        *(f"--config-file={suites / 'pytest.ini'}", f"--rootdir={suites}"),
        *("--provider=local", f"--kubernetes={options.kubernetes}"),
        *(f"--containerd={options.containerd}", f"--profile={options.profile}"),
        *("-n", str(options.workers or workers_for(options.kubernetes)), f"--out={out.resolve()}"),
    ]
    with (out / "screen.txt").open("w") as screen:
        return subprocess.run(command, stdout=screen, stderr=screen, check=False).returncode


def verdicts_of(records: Path) -> Verdicts:
    """Return the verdict of each requirement by each check; the worst where there are several."""
    order = ("unsupported", "skipped", "passed", "deviation", "flaky", "failed", "error")
    worst: Verdicts = {}
    for record in read_records(records):
        if record["type"] == "verdict":
            key = (record["check"], record["requirement"])
            worst[key] = max(worst.get(key, order[0]), record["verdict"], key=order.index)
    return worst


def races_of(records: Path) -> str:
    """Return how many timelines of a run showed each catalogued race, as the end of its line."""
    seen: dict[str, set[str]] = collections.defaultdict(set)
    for record in read_records(records):
        if record["type"] == "verdict" and record["verdict"] == "passed" and record["deviation"]:
            seen[record["deviation"]].add(record["timeline"])
    each = ", ".join(f"{id_} in {len(timelines)}" for id_, timelines in sorted(seen.items()))
    return f"; races: {each}" if each else ""


def changes(found: dict[str, list[Verdicts]]) -> list[str]:
    """Return a line for each verdict that was not the same in all runs, quiet and loaded.

    A requirement that a check does not ask for is told only where it was broken or a race was seen:
    untold in one run and passed in another is one verdict. A check without any verdict is absent.
    """
    runs = [run for kind in found for run in found[kind]]
    lines = []
    for key in sorted({key for run in runs for key in run}):
        seen = collections.Counter(_verdict(run, key) for run in runs)
        if len(seen) > 1 and set(seen) != {"untold", "passed"}:
            said = ", ".join(f"{name} {count}" for name, count in seen.most_common())
            lines.append(f"{key[1]:<8} {key[0]}: {said}")
    return lines


def _verdict(run: Verdicts, key: tuple[str, str]) -> str:
    told = any(check == key[0] for check, _ in run)
    return run.get(key, "untold" if told else "absent")


def burn() -> list[Any]:
    """Start one process for each processor that uses all of it."""
    burners = [multiprocessing.Process(target=_spin, daemon=True) for _ in os.sched_getaffinity(0)]
    for burner in burners:
        burner.start()
    return burners


def _spin() -> None:
    while True:
        pass


if __name__ == "__main__":
    sys.exit(main())
