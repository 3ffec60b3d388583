"""How long the page of a run takes to be written, to open in Chromium, and to be filtered.

    python benchmarks/page.py [--verdicts 10000] [--times 5] [--records FILE]

Without ``--records`` the run is generated (``benchmarks/generated_run.py``) and says nothing of any
stack. With it, the verdicts and timelines of a real run are repeated under further targets until
there are as many. Beside each time stands that of the processor alone (in Chromium of the page's
main thread), and at the end the load average: a machine does other things too.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from playwright.sync_api import Browser, CDPSession, sync_playwright

from generated_run import generated_run
from podresize_reports.html import html_page
from podresize_reports.loading import Run, TargetRecord, load_run

_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
# Ends when the frame after the layout has been made.
_LAID_OUT = """() => new Promise((done) => {
    document.body.getBoundingClientRect();
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())));
})"""
_FILTER = """(word) => new Promise((done) => {
    const began = performance.now(), field = document.querySelector("[type=search]");
    field.value = word;
    field.dispatchEvent(new Event("input", {bubbles: true}));
    document.body.getBoundingClientRect();
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
})"""


def repeated(run: Run, verdicts: int) -> Run:
    """Return the run with all of it repeated under further targets, cut to so many verdicts."""
    targets, found, timelines, claims = [], [], {}, {}
    for turn in range(-(-verdicts // len(run.verdicts))):

        def name(label: str, turn: int = turn) -> str:
            return f"{label}, repeated {turn}" if turn else label

        targets += [TargetRecord(label=name(target.label)) for target in run.targets]
        for identity, record in run.timelines.items():
            timeline = dataclasses.replace(record.timeline, id=f"{identity}.{turn}")
            timelines[timeline.id] = dataclasses.replace(
                record, timeline=timeline, target=name(record.target)
            )
        for (check, target), made in run.claims.items():
            claims[check, name(target)] = made
        found += [
            dataclasses.replace(
                verdict,
                target=name(verdict.target),
                timeline=verdict.timeline and f"{verdict.timeline}.{turn}",
            )
            for verdict in run.verdicts
        ]
    return dataclasses.replace(
        run,
        targets=tuple(targets),
        verdicts=tuple(found[:verdicts]),
        timelines=timelines,
        claims=claims,
    )


def opened(browser: Browser, page: Path) -> list[tuple[float, float]]:
    """Return milliseconds from navigation to the first complete layout, and of two filterings.

    Of each the time that passed, and that of the processor. The first filtering makes the index of
    all verdicts, the second only uses it.
    """
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    session = tab.context.new_cdp_session(tab)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def timed(do: Callable[[], float]) -> tuple[float, float]:
        before = _worked(session)
        took = do()
        return took, _worked(session) - before

    def navigated() -> float:
        tab.goto(page.as_uri(), wait_until="load")
        return float(tab.evaluate(_LAID_OUT))

    times = [timed(navigated)]
    for word in ("kernel", "not in any of them"):
        times.append(timed(functools.partial(tab.evaluate, _FILTER, word)))
    tab.close()
    return times


def _worked(session: CDPSession) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return 1000 * sum(float(each["value"]) for each in metrics if each["name"] == "TaskDuration")


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--verdicts", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--records", type=Path)
    parser.add_argument("--browser", default=shutil.which("chromium"))
    arguments = parser.parse_args()
    if arguments.records:
        run = repeated(load_run(arguments.records), arguments.verdicts)
        print(f"a real run, repeated: {arguments.records.name}")
    else:
        run = generated_run(arguments.verdicts)
        print("a generated run: it says nothing of any stack")
    print(
        f"{len(run.verdicts)} verdicts, {len(run.timelines)} timelines, {len(run.targets)} targets"
    )
    content, wrote = b"", []
    for _ in range(arguments.times):
        began, worked = time.perf_counter(), time.process_time()
        content = html_page(run)
        took = time.perf_counter() - began, time.process_time() - worked
        wrote.append((1000 * took[0], 1000 * took[1]))
    print(f"{'written':>24}: {_told(wrote)}; {len(content) / (1 << 20):.1f} MiB")
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        page = Path(directory) / "index.html"
        page.write_bytes(content)
        browser = playwright.chromium.launch(
            executable_path=arguments.browser, args=_ARGUMENTS, headless=True
        )
        times = [opened(browser, page) for _ in range(arguments.times)]
        browser.close()
    names = ("loaded and laid out", "filtered, first time", "filtered again")
    for name, each in zip(names, zip(*times, strict=True), strict=True):
        print(f"{name:>24}: {_told(each)}")
    print("load average:", *(f"{load:.1f}" for load in os.getloadavg()))


def _told(times: Sequence[tuple[float, float]]) -> str:
    passed, processor = zip(*times, strict=True)
    return (
        f"best {min(passed):.0f} ms, median {statistics.median(passed):.0f} ms; "
        f"processor {min(processor):.0f} ms"
    )


if __name__ == "__main__":
    main()
