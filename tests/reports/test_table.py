"""The closing table and what a run comes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.reports import records_builder as build

from podresize.evidence.records import VerdictKind
from podresize_reports.loading import Run, load_run
from podresize_reports.summary import detail, headline, rows, silent, step_times, tone
from podresize_reports.table import closing_table
from podresize_reports.text import columns


def _run(path: Path, *records: dict[str, Any], ended: bool = True) -> Run:
    all_records = [build.run_record(), *records, *([build.end_record()] if ended else [])]
    return load_run(build.write(path / "records.jsonl", all_records))


def test_a_requirement_is_one_row_with_its_worst_verdict(tmp_path: Path) -> None:
    departure = {"deviation": "C-01", "reading": "the runtime does not report it"}
    run = _run(
        tmp_path,
        build.verdict("ST-21", seconds=1.0),
        build.verdict("ST-21", VerdictKind.DEVIATION, seconds=100.3, **departure),
        build.verdict("ST-9", seconds=0.5),
    )

    table = closing_table(run, width=120)

    lines = [" ".join(line.split()) for line in table.splitlines()]
    assert lines[2].startswith("ST-9 passed 0.50 s 1 check all three witnesses")
    assert lines[3] == (
        "ST-21 deviation C-01 100.3 s 1 deviation, 1 passed the runtime does not report it"
    )
    assert table.endswith("\n3 verdicts: 1 deviation, 2 passed\n")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(tmp_path: Path, width: int) -> None:
    run = load_run(build.write(tmp_path / "r", build.two_targets()))

    lines = closing_table(run, width=width).splitlines()
    if width >= 80:
        assert max(columns(line) for line in lines) <= width
    # Below, only the rows' own cells may stick out; texts are always broken.
    assert all(columns(line) <= max(width, 66) for line in lines)
    assert "\x1b" not in "".join(lines)


def test_wide_characters_keep_the_columns(tmp_path: Path) -> None:
    run = _run(tmp_path, build.verdict(reading="容器的资源没有更新" * 20))

    assert max(map(columns, closing_table(run, width=80).splitlines())) <= 80


def test_colour_is_only_laid_over(tmp_path: Path) -> None:
    run = load_run(build.write(tmp_path / "r", build.two_targets()))

    coloured = closing_table(run, width=100, colour=True)
    for code in ("\x1b[33m", "\x1b[32m", "\x1b[1m", "\x1b[0m"):
        coloured = coloured.replace(code, "")
    assert coloured == closing_table(run, width=100)


def test_what_a_pod_printed_does_not_reach_the_terminal(tmp_path: Path) -> None:
    run = _run(tmp_path, build.verdict("X\x1b[2J", reading="\x1b]0;owned\x07 \u202eright"))

    table = closing_table(run, width=100)
    assert not {"\x1b", "\x07", "\u202e"} & set(table)
    assert "␛" in table


def test_step_times_count_a_resize_once(tmp_path: Path) -> None:
    run = load_run(build.write(tmp_path / "r", build.two_targets()))

    steps = {step.step: step for step in step_times(run, build.OLD)}
    assert (steps["InProgress"].seen, steps["InProgress"].of) == (3, 3)
    assert (steps["resize done"].seen, steps["resize done"].median) == (0, None)
    table = closing_table(run, width=100)
    assert "  status.resources follows      –       –      –  0 of 3 resizes" in table
    assert "  status.resources follows   1.81    1.81   1.81  3 of 3 resizes" in table


def test_step_times_are_spread(tmp_path: Path) -> None:
    run = _run(
        tmp_path,
        *(build.verdict(check=f"c[{t}]", facts={"kernel": t}) for t in (0.3, 0.1, 0.2, 9.0)),
    )

    (kernel,) = [step for step in step_times(run, build.OLD) if step.seen]
    assert (kernel.least, kernel.median, kernel.most) == (0.1, 0.25, 9.0)


@pytest.mark.parametrize(
    ("kinds", "says", "stands_for"),
    [
        ([VerdictKind.PASSED], "Every requirement is met.", VerdictKind.PASSED),
        ([VerdictKind.PASSED, VerdictKind.FAILED], "R-1 did not hold.", VerdictKind.FAILED),
        ([VerdictKind.ERROR], "R-0 could not be judged.", VerdictKind.ERROR),
        ([VerdictKind.ERROR, VerdictKind.FLAKY], "R-1 did not hold.", VerdictKind.ERROR),
        ([VerdictKind.FAILED] * 3, "R-0, R-1 and R-2 did not hold.", VerdictKind.FAILED),
        ([VerdictKind.FAILED] * 9, "9 requirements did not hold.", VerdictKind.FAILED),
        ([VerdictKind.PASSED, VerdictKind.DEVIATION], "Nothing unexpected.", VerdictKind.DEVIATION),
        ([VerdictKind.PASSED, VerdictKind.UNSUPPORTED], "Nothing unexpected.", VerdictKind.PASSED),
        ([VerdictKind.SKIPPED], "Nothing was executed.", VerdictKind.ERROR),
        ([], "Nothing was executed.", VerdictKind.ERROR),
    ],
)
def test_the_sentence(
    tmp_path: Path, kinds: list[VerdictKind], says: str, stands_for: VerdictKind
) -> None:
    run = _run(tmp_path, *(build.verdict(f"R-{n}", kind) for n, kind in enumerate(kinds)))

    assert headline(run) == says
    assert tone(run) is stands_for


def test_a_run_that_died_never_reads_as_met(tmp_path: Path) -> None:
    run = _run(tmp_path, build.verdict(), ended=False)

    assert headline(run) == "The run died half way."
    assert "died" in detail(run)
    assert tone(run) is VerdictKind.ERROR
    assert "The run died half way" in closing_table(run, width=100)


def test_where_it_did_not_hold(tmp_path: Path) -> None:
    run = _run(
        tmp_path,
        build.verdict(kind=VerdictKind.FAILED),
        build.verdict(target=build.NEW),
    )

    assert headline(run) == "ST-21 did not hold on 1 of 2 targets."
    assert [row.target for row in rows(run)] == [build.OLD, build.NEW]


def test_nothing_executed_is_said(tmp_path: Path) -> None:
    skipped = _run(tmp_path, build.verdict(kind=VerdictKind.SKIPPED))

    assert closing_table(skipped, width=90).endswith("1 verdict: 1 skipped; nothing was executed\n")
    empty = load_run(build.write(tmp_path / "empty", []))
    assert closing_table(empty, width=90).endswith("no verdicts: nothing was executed\n")


def test_what_no_check_put_to_a_target_is_named(tmp_path: Path) -> None:
    run = _run(
        tmp_path,
        build.verdict("ST-21"),
        build.verdict("KL-11", VerdictKind.SKIPPED),
        build.verdict("KL-12", VerdictKind.UNSUPPORTED),
        # Skipped by one check and put to the target by another.
        build.verdict("KL-10", VerdictKind.SKIPPED),
        build.verdict("KL-10"),
        # Skipped on one target, not to be shown on the other.
        build.verdict("KL-9", VerdictKind.SKIPPED),
        build.verdict("KL-9", VerdictKind.UNSUPPORTED, target=build.NEW),
    )

    assert silent(run) == ("KL-9", "KL-11")
    table = closing_table(run, width=90)
    assert "supported, and put to no target by any check: KL-9, KL-11" in table
    assert "no check put KL-9 and KL-11 to a target" in detail(run)


def test_a_known_race_stands_beside_what_is_met_but_for_it(tmp_path: Path) -> None:
    run = _run(
        tmp_path,
        build.verdict("ST-02"),
        build.verdict("ST-02", deviation="K-22", reading="cleared early. Race K-22"),
    )

    (row,) = rows(run)
    assert (row.verdict, row.deviations, row.checks) == (
        VerdictKind.PASSED,
        ("K-22",),
        "2 checks, 1 race",
    )
    assert row.reading == "cleared early. Race K-22"
    assert headline(run) == "Every requirement is met."
    assert "1 of them but for a known race (K-22)" in detail(run)
    assert "passed K-22" in closing_table(run, width=120)
