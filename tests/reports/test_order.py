"""Checks end in another order in each run with workers: no report may show which."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.reports import records_builder as build

from podresize.evidence.records import VerdictKind
from podresize_reports.allure_files import categories, environment
from podresize_reports.github import commands
from podresize_reports.html import html_page
from podresize_reports.junit import junit_xml
from podresize_reports.loading import Run, load_run
from podresize_reports.markdown import markdown
from podresize_reports.table import closing_table

REPORTS: dict[str, Callable[[Run], Any]] = {
    "junit.xml": junit_xml,
    "index.html": html_page,
    "markdown": markdown,
    "github": commands,
    "table": lambda run: closing_table(run, width=100, colour=False),
    "environment": environment,
    "categories": categories,
}


def check(number: int) -> list[dict[str, Any]]:
    """What one check records, on a cluster of its own where its number is even."""
    own = f"{build.OLD}, sync {number} s"
    shared: dict[str, Any] = {
        "check": f"suites/x.py::test_x[{number}]",
        "target": build.OLD if number % 2 else own,
        "timeline": f"t-{number}",
    }
    kinds = [VerdictKind.PASSED, VerdictKind.FAILED, VerdictKind.DEVIATION, VerdictKind.ERROR]
    kind = kinds[number % len(kinds)]
    records = [] if number % 2 else [build.target_record(own, own=True)]
    return [
        *records,
        build.timeline(f"t-{number}") | {key: shared[key] for key in ("check", "target")},
        build.verdict("ST-20", reading=f"as {number} says", **shared),
        build.verdict("ST-21", kind, deviation="C-01", reading=f"as {number} says", **shared),
    ]


@pytest.mark.parametrize("name", REPORTS)
def test_the_order_in_which_checks_end_is_in_no_report(tmp_path: Path, name: str) -> None:
    drawn = []
    for seed in range(4):
        checks = [check(number) for number in range(12)]
        if seed:
            random.Random(seed).shuffle(checks)
        records = [build.run_record(), build.target_record(build.OLD)]
        records += [record for own in checks for record in own] + [build.end_record()]
        run = load_run(build.write(tmp_path / f"{seed}.jsonl", records))
        assert len(run.verdicts) == 24
        drawn.append(REPORTS[name](run))

    assert drawn[1:] == drawn[:1] * 3
