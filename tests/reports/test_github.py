"""What CI is told: one annotation for one cause, nothing that a pod printed as a command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.reports import records_builder as build

from podresize.evidence.records import VerdictKind
from podresize_reports.github import MOST, SUMMARY_BYTES, commands, tell
from podresize_reports.loading import Run, load_run
from podresize_reports.markdown import summary, text


@pytest.fixture
def run(tmp_path: Path) -> Any:
    def make(*verdicts: dict[str, Any], ends: bool = True) -> Run:
        records = [build.run_record(), build.target_record(build.OLD), *verdicts]
        end = [build.end_record()] if ends else []
        return load_run(build.write(tmp_path / "r", [*records, *end]))

    return make


def test_what_is_as_it_should_be_is_no_annotation(run: Any) -> None:
    kinds = (VerdictKind.PASSED, VerdictKind.DEVIATION, VerdictKind.UNSUPPORTED)

    assert commands(run(*(build.verdict("ST-21", kind) for kind in kinds))) == []


def test_one_cause_is_one_annotation(run: Any) -> None:
    failed = [
        build.verdict("ST-21", VerdictKind.FAILED, check=f"suites/x.py::{name}", reading="stale")
        for name in ("a", "b", "c")
    ]
    (line,) = commands(run(*failed))

    assert line == (
        "::error file=suites/x.py,title=ST-21 failed on kubernetes 1.27.4%2C containerd 1.6.8%2C "
        "runc 1.1.5%2C cgroup v1 cgroupfs%2C gate on::stale (3 checks)"
    )


def test_the_worst_is_first_and_the_rest_is_counted(run: Any) -> None:
    wrong = [build.verdict(f"ST-{number}", VerdictKind.ERROR) for number in range(12)]
    lines = commands(run(*wrong, build.verdict("ST-99", VerdictKind.FAILED)))

    assert lines[0].startswith("::error ")
    assert "title=ST-99 failed" in lines[0]
    assert lines[1].startswith("::warning ")
    assert lines[-1] == "::notice title=podresize::and 2 more, in the report"


def test_of_each_kind_there_are_no_more_than_github_shows(run: Any) -> None:
    kinds = (VerdictKind.FAILED, VerdictKind.ERROR, VerdictKind.FLAKY)
    wrong = [build.verdict(f"ST-{number}", kind) for number in range(30) for kind in kinds]
    lines = commands(run(*wrong, ends=False))

    shown = [line.partition(" ")[0] for line in lines]
    assert shown == ["::error"] * MOST + ["::warning"] * MOST + ["::notice"]
    assert lines[0] == (
        "::error title=podresize::The run died half way: this is what it had recorded."
    )
    assert lines[-1].endswith("::and 71 more, in the report")


def test_a_run_that_showed_nothing_is_an_error(run: Any) -> None:
    lines = commands(run(build.verdict("ST-21", VerdictKind.UNSUPPORTED)))

    assert lines == ["::error title=podresize::Nothing was executed."]


def test_an_annotation_names_the_line_of_the_check(run: Any) -> None:
    (line,) = commands(run(build.verdict("ST-21", VerdictKind.FAILED, line=17)))

    assert line.startswith("::error file=suites/status_fields/test_status.py,line=17,title=ST-21 ")


def test_what_came_first_does_not_decide_which_check_is_named(run: Any) -> None:
    wrong = [
        build.verdict("ST-21", VerdictKind.FAILED, check=f"suites/{name}.py::x", reading=name)
        for name in ("c", "a", "b")
    ]

    assert commands(run(*wrong)) == commands(run(*reversed(wrong)))
    assert commands(run(*wrong))[0].startswith("::error file=suites/a.py,")


def test_what_was_printed_is_no_command(run: Any) -> None:
    hostile = "100%\n::set-output name=x::y\r::stop-commands::t"
    verdict = build.verdict(
        "ST-21", VerdictKind.FAILED, reading=hostile, check="suites/a,b:c.py::x"
    )

    (line,) = commands(run(verdict))

    assert "\n" not in line
    assert "file=suites/a%2Cb%3Ac.py," in line
    assert line.endswith("::100%25 ::set-output name=x::y\u240d::stop-commands::t")


def test_a_title_of_any_length_leaves_room_for_the_message(run: Any) -> None:
    (line,) = commands(run(build.verdict("x" * 10_000, VerdictKind.FAILED, reading="y" * 10_000)))

    assert len(line) < 1200
    assert line.endswith("y…")


def test_a_summary_fits_what_github_takes_and_says_what_it_left_out(
    tmp_path: Path, run: Any
) -> None:
    place = tmp_path / "summary.md"
    before = "x" * (SUMMARY_BYTES - 3000) + "\n"
    place.write_text(before)
    failed = [
        build.verdict(f"ST-{number}", VerdictKind.FAILED, reading="💥" * 200)
        for number in range(40)
    ]
    github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(place)}

    tell(run(*failed), github)

    assert place.stat().st_size <= SUMMARY_BYTES
    added = place.read_text().removeprefix(before).splitlines()
    assert added[0].startswith("## podresize: ")
    assert added[-1] == "What did not fit here is in the report."
    rows = [line for line in added if line.startswith("| ST-")]
    assert 0 < len(rows) < 40
    assert all(line.endswith(" |") for line in rows)
    tell(run(*failed), github)
    assert place.stat().st_size <= SUMMARY_BYTES


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("@kubernetes/everybody", "@<!-- -->kubernetes/everybody"),
        ("see #1", r"see \#1"),
        ("https://a.example", "https<!-- -->://a.example"),
        ("www.a.example", "www<!-- -->.a.example"),
        ("~~x~~ $y$ `z` [a](b) ![c]", r"\~\~x\~\~ \$y\$ \`z\` \[a\](b) !\[c\]"),
        ("<img src=x onerror=y>", "&lt;img src=x onerror=y&gt;"),
        ("a|b\nc\x1b[0m", r"a\|b c␛\[0m"),
        ("100 m at +0.3 s: 400m, expected 600m", "100 m at +0.3 s: 400m, expected 600m"),
    ],
)
def test_no_text_becomes_markup_or_a_link_or_a_mention(raw: str, shown: str) -> None:
    assert text(raw) == shown


def test_a_job_has_a_summary_where_there_is_one(tmp_path: Path, run: Any) -> None:
    place = tmp_path / "summary.md"
    place.write_text("before\n")
    seen = run(build.verdict("ST-21", VerdictKind.FAILED, reading="<b>|stale|"))
    github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(place)}

    assert tell(seen, {}) == []
    assert len(tell(seen, github)) == 1

    text = place.read_text()
    assert text.startswith("before\n## podresize: ST-21 did not hold.")
    assert r"| &lt;b&gt;\|stale\| |" in text


def test_a_summary_of_a_run_that_died_says_so(run: Any) -> None:
    assert "died half way" in summary(run(build.verdict("ST-21"), ends=False))


def test_what_is_not_met_comes_before_what_is_known(run: Any) -> None:
    seen = run(
        build.verdict("ST-20", VerdictKind.DEVIATION, deviation="C-01"),
        build.verdict("ST-21", VerdictKind.FAILED),
        build.verdict("ST-22"),
    )
    text = summary(seen)

    assert text.index("| ST-21 ") < text.index("| ST-20 ")
    assert "| deviation C-01 |" in text
    assert "| ST-22 " not in text
