"""How long the regression report and the page take, on a history of generated runs.

    python -m benchmarks.history [--runs 1000] [--requirements 300]

The runs are generated and say nothing of any stack: a verdict in fifty is a failure, at random, of
ten steps of a resize each has a time, and the kernel changes with every hundredth run.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize_reports.history.page import history_page
from podresize_reports.history.regression import regressions
from podresize_reports.history.report import report
from podresize_reports.history.store import History
from podresize_reports.loading import Run, TargetRecord
from podresize_reports.summary import STEPS

_LABEL = "kubernetes 1.37.2, containerd 2.1.4, generated"
_TIMES = 5
_RESIZES = 60  # of a run's checks, as of the core profile


def generated(number: int, requirements: int, chance: random.Random) -> Run:
    """Return a run of one night, in which nearly all is met."""
    verdicts = tuple(
        VerdictRecord(
            requirement=f"GEN-{each}",
            level="MUST",
            title="generated",
            clause="",
            check="suites/generated.py::test_generated",
            verdict=VerdictKind.FAILED if chance.random() < 1 / 50 else VerdictKind.PASSED,
            reading="generated",
            target=_LABEL,
            seconds=1.0,
            timeline=f"t{each}",
            facts={step: abs(chance.gauss(1.0, 0.05)) for step in STEPS} if each < _RESIZES else {},
        )
        for each in range(requirements)
    )
    target = TargetRecord(
        label=_LABEL, fingerprint={"kubernetes": "1.37.2", "kernel": f"6.{number // 100}"}
    )
    return Run(
        id=f"generated-{number}", started=f"{number:06}", targets=(target,), verdicts=verdicts
    )


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--requirements", type=int, default=300)
    arguments = parser.parse_args()
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory) / "history.sqlite"
        began = time.perf_counter()
        with History.open(place) as history:
            for number in range(arguments.runs):
                history.add(generated(number, arguments.requirements, chance), digest="generated")
        added = time.perf_counter() - began
        print(f"{arguments.runs} generated runs of {arguments.requirements} requirements")
        print(
            f"taken in: {1000 * added / arguments.runs:.1f} ms each; "
            f"{place.stat().st_size / (1 << 20):.0f} MiB"
        )
        for last in (20, arguments.runs):
            took, used = [], []
            for _ in range(_TIMES):
                began, spent = time.perf_counter(), time.process_time()
                with History.open(place) as history:
                    report(regressions(history, last=last))
                took.append(time.perf_counter() - began)
                used.append(time.process_time() - spent)
            print(
                f"report against the last {last}: median {1000 * statistics.median(took):.0f} ms, "
                f"{1000 * statistics.median(used):.0f} ms of it on a processor"
            )
        began = time.perf_counter()
        with History.open(place) as history:
            page = history_page(history, last=arguments.runs)
        print(f"page: {time.perf_counter() - began:.1f} s, {len(page) / (1 << 20):.1f} MiB")


if __name__ == "__main__":
    main()
