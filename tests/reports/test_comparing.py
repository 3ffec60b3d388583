"""Two targets beside each other: what counts as the same, and how a difference is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.reports import records_builder as build

from podresize.evidence.records import VerdictKind
from podresize_reports.comparing import Comparison, Difference, compare, comparison_table
from podresize_reports.loading import Run, TargetRecord, load_run

ON_KIND = f"{build.OLD}, provider kind"


def _run(path: Path, label: str, *verdicts: dict[str, Any]) -> tuple[Run, TargetRecord]:
    target = build.target_record(label)
    if label == ON_KIND:
        target["fingerprint"] |= {"provider": "kind", "cgroup_driver": "systemd"}
    records = [build.run_record(), target, *(each | {"target": label} for each in verdicts)]
    run = load_run(build.write(path, records))
    return run, run.targets[0]


def _compared(
    tmp_path: Path, local: list[dict[str, Any]], kind: list[dict[str, Any]]
) -> Comparison:
    return compare(
        _run(tmp_path / "local", build.OLD, *local), _run(tmp_path / "kind", ON_KIND, *kind)
    )


def test_the_same_verdicts_are_counted_by_kind(tmp_path: Path) -> None:
    told = [build.verdict("ST-21"), build.verdict("ST-9", VerdictKind.UNSUPPORTED)]

    found = _compared(tmp_path, told, told)

    assert found.same == {"passed": 1, "unsupported": 1}
    assert found.differences == ()


def test_a_difference_has_both_verdicts_and_the_words_of_the_one_that_did_not_pass(
    tmp_path: Path,
) -> None:
    failed = build.verdict("ST-21", VerdictKind.FAILED, reading="the kernel kept the old value")

    found = _compared(tmp_path, [build.verdict("ST-21")], [failed])

    assert found.differences == (
        Difference(
            requirement="ST-21",
            check=build.CHECK,
            left="passed",
            right="failed",
            reading="the kernel kept the old value",
        ),
    )


def test_the_worst_of_several_verdicts_of_one_check_counts(tmp_path: Path) -> None:
    twice = [build.verdict("ST-21"), build.verdict("ST-21", VerdictKind.FAILED)]

    found = _compared(tmp_path, [build.verdict("ST-21")], twice)

    assert [each.right for each in found.differences] == ["failed"]


def test_a_check_that_one_side_never_ran_is_a_difference(tmp_path: Path) -> None:
    other = build.verdict("ST-21", check="suites/x.py::test_x")

    found = _compared(tmp_path, [build.verdict("ST-21"), other], [build.verdict("ST-21")])

    assert [(each.check, each.left, each.right) for each in found.differences] == [
        ("suites/x.py::test_x", "passed", "absent")
    ]


def test_what_is_told_only_for_a_race_that_one_side_saw_is_none(tmp_path: Path) -> None:
    race = build.verdict("PR-10", deviation="PD-20")

    found = _compared(tmp_path, [build.verdict("ST-21"), race], [build.verdict("ST-21")])

    assert found.differences == ()


def test_what_was_broken_on_one_side_alone_is_a_difference(tmp_path: Path) -> None:
    broken = build.verdict("PR-10", VerdictKind.FAILED)

    found = _compared(tmp_path, [build.verdict("ST-21"), broken], [build.verdict("ST-21")])

    assert [(each.left, each.right) for each in found.differences] == [("failed", "absent")]


def test_the_table_names_what_was_detected_otherwise_and_each_difference(tmp_path: Path) -> None:
    failed = build.verdict("ST-21", VerdictKind.FAILED, reading="the kernel kept the old value")

    table = comparison_table(_compared(tmp_path, [build.verdict("ST-21")], [failed]))

    lines = table.splitlines()
    assert "  cgroup_driver  None | systemd" in lines
    assert f"  ST-21  passed | failed  {build.CHECK}" in lines
    assert "      the kernel kept the old value" in lines
    assert "0 verdicts the same on both: none" in lines


@pytest.mark.parametrize("is_asked", [True, False], ids=["asked for", "told"])
def test_what_lasts_for_milliseconds_may_be_missed(tmp_path: Path, *, is_asked: bool) -> None:
    seen = build.verdict("PR-01", VerdictKind.DEVIATION, deviation="PD-01", reading="a dip")
    calm = [build.verdict("PR-01")] if is_asked else [build.verdict("ST-21")]
    ours = [seen] if is_asked else [seen, *calm]

    for left, right in ((ours, calm), (calm, ours)):
        found = _compared(tmp_path, left, right)
        assert found.differences == ()
        assert [each.reading for each in found.missed] == ["a dip"]
        assert "since it lasts for milliseconds:\n  PR-01  " in comparison_table(found)


@pytest.mark.parametrize(
    ("deviation", "other"), [("C-01", VerdictKind.PASSED), ("PD-01", VerdictKind.FAILED)]
)
def test_no_other_deviation_is_missed_and_no_failure(
    tmp_path: Path, deviation: str, other: VerdictKind
) -> None:
    seen = build.verdict("PR-01", VerdictKind.DEVIATION, deviation=deviation)

    found = _compared(tmp_path, [seen], [build.verdict("PR-01", other)])

    assert len(found.differences) == 1
    assert found.missed == ()
