"""Two targets beside each other: what counts as the same, and how a difference is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.reports import records_builder as build

from podresize.evidence.records import VerdictKind
from podresize_reports.comparing import Comparison, compare
from podresize_reports.comparison_text import comparison_json, comparison_table
from podresize_reports.differing import Difference, Section
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
            section=Section.NEW_FAILURES,
            cause="the kernel kept the old value",
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
    assert "  cgroup_driver  – | systemd" in lines
    assert "new failures: 1 verdict of 1 requirement" in lines
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


PASSED, FAILED = VerdictKind.PASSED, VerdictKind.FAILED
DEVIATION, UNSUPPORTED, SKIPPED = (
    *(VerdictKind.DEVIATION, VerdictKind.UNSUPPORTED),
    VerdictKind.SKIPPED,
)


@pytest.mark.parametrize(
    ("left", "right", "section"),
    [
        (PASSED, FAILED, Section.NEW_FAILURES),
        (UNSUPPORTED, FAILED, Section.NEW_FAILURES),
        (DEVIATION, VerdictKind.ERROR, Section.NEW_FAILURES),
        (FAILED, PASSED, Section.FIXED),
        (FAILED, DEVIATION, Section.EXCUSED),
        (FAILED, VerdictKind.FLAKY, Section.STILL_FAILING),
        (FAILED, FAILED, Section.STILL_FAILING),
        (PASSED, DEVIATION, Section.CAME),
        (DEVIATION, PASSED, Section.VANISHED),
        (PASSED, UNSUPPORTED, Section.LEFT_SUPPORTS),
        (FAILED, UNSUPPORTED, Section.LEFT_SUPPORTS),
        (UNSUPPORTED, PASSED, Section.RIGHT_SUPPORTS),
        (PASSED, SKIPPED, Section.LEFT_ALONE),
        (SKIPPED, DEVIATION, Section.RIGHT_ALONE),
        (SKIPPED, UNSUPPORTED, Section.NEITHER),
        (None, FAILED, Section.NEW),
        (PASSED, None, Section.GONE),
    ],
)
def test_a_difference_is_told_by_what_it_means(
    tmp_path: Path, left: VerdictKind | None, right: VerdictKind | None, section: Section
) -> None:
    ours, theirs = (
        [] if kind is None else [build.verdict("ST-21", kind, deviation=_deviation(kind))]
        for kind in (left, right)
    )
    other = build.verdict("ST-9", check="suites/x.py::test_other")

    found = _compared(tmp_path, [*ours, other], [*theirs, other])

    assert [each for each, _ in found.sections] == [section]
    assert len(found.differences) == (left != right)


def _deviation(kind: VerdictKind) -> str | None:
    return "C-01" if kind is DEVIATION else None


def test_a_failure_of_a_check_that_the_left_run_lacks_is_a_new_failure(tmp_path: Path) -> None:
    other = build.verdict("ST-21", FAILED, check="suites/x.py::test_x")

    found = _compared(tmp_path, [build.verdict("ST-21")], [build.verdict("ST-21"), other])

    assert [each for each, _ in found.sections] == [Section.NEW_FAILURES]


def test_one_root_cause_is_one_line_with_its_requirements(tmp_path: Path) -> None:
    """Forty checks of two requirements show the same deviation."""
    checks = [f"suites/x.py::test_x[{number}]" for number in range(40)]
    ids = ("ST-21", "ST-9")
    departed = [
        build.verdict(id_, DEVIATION, check=check, deviation="C-01", reading=f"it reads {check}")
        for check in checks
        for id_ in ids
    ]
    met = [build.verdict(id_, check=check) for check in checks for id_ in ids]

    found = _compared(tmp_path, departed, met)

    ((section, (cause,)),) = found.sections
    assert section is Section.VANISHED
    assert (cause.requirements, cause.checks) == (("ST-9", "ST-21"), 40)
    text = comparison_table(found)
    assert "  ST-9, ST-21  deviation | passed  80 verdicts of 40 checks" in text.splitlines()
    assert "test_x[7]" not in text
    assert text.count("test_x[") == 1
    assert "  ST-21  suites/x.py::test_x[7]" in comparison_table(found, checks=True)


def test_what_one_release_lacks_has_one_reason(tmp_path: Path) -> None:
    reason = "{} holds for Kubernetes 1.32 and later; this is 1.27.4"
    ids = ("API-06", "API-07")
    lacks = [build.verdict(id_, UNSUPPORTED, reading=reason.format(id_)) for id_ in ids]

    found = _compared(tmp_path, lacks, [build.verdict(id_) for id_ in ids])

    lines = comparison_table(found).splitlines()
    assert "supported on the right alone: 2 verdicts of 2 requirements" in lines
    assert "  API-06, API-07  unsupported | passed  2 verdicts of 1 check" in lines
    assert "      it holds for Kubernetes 1.32 and later; this is 1.27.4" in lines


def test_another_deviation_is_told_and_is_no_difference_of_verdicts(tmp_path: Path) -> None:
    sides = [[build.verdict("ST-21", DEVIATION, deviation=id_)] for id_ in ("C-01", "PD-09")]

    found = _compared(tmp_path, *sides)

    assert [each for each, _ in found.sections] == [Section.OTHER_DEVIATION]
    assert found.differences == ()


def test_a_step_that_is_slower_is_named(tmp_path: Path) -> None:
    sides = [
        [
            build.verdict("ST-21", timeline=f"t{number}", facts={"done": by + number / 100})
            for number in range(12)
        ]
        for by in (1.0, 2.0)
    ]

    table = comparison_table(_compared(tmp_path, *sides))

    (line,) = [each for each in table.splitlines() if "resize done" in each]
    assert line.split()[-3:] == ["12,", "12", "SLOWER"]


def test_hostile_text_is_shown_as_a_picture_of_itself(tmp_path: Path) -> None:
    hostile = build.verdict("ST-21", FAILED, reading="\x1b[2J\u202e", check="a\x1b]0;b\x07")

    found = _compared(tmp_path, [build.verdict("ST-21")], [hostile])

    assert "\x1b" not in comparison_table(found, checks=True)
    assert comparison_json(found)["left"] == build.OLD
