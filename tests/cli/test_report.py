"""``podresize report``: the reports of a run that could not draw them itself."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result
from tests.reports import records_builder as build
from tests.reports.test_junit_schema import complaints

from podresize.cli.report import report
from podresize.errors import HostError, PodresizeError, UsageError
from podresize.evidence.records import VerdictKind
from podresize_reports.write import write_reports

DIED = "The run died half way: this is what it had recorded."


def invoke(*words: object, github: Path | None = None) -> Result:
    variables = {"GITHUB_ACTIONS": "false"}
    if github is not None:
        variables = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(github)}
    return CliRunner(env=variables).invoke(report, list(map(str, words)), catch_exceptions=False)


@pytest.fixture
def died(tmp_path: Path) -> Path:
    """The directory of a run that was killed while it wrote a line."""
    out = tmp_path / "out"
    out.mkdir()
    build.write(out / "records.jsonl", build.two_targets()[:-2], torn='{"type":"verdict","requi')
    return out


def test_every_report_of_a_run_that_died_is_valid_and_says_so(tmp_path: Path, died: Path) -> None:
    summary = tmp_path / "github.md"

    done = invoke(died, github=summary)

    assert done.exit_code == 0
    assert f"::error title=podresize::{DIED}" in done.output.splitlines()
    junit = (died / "junit.xml").read_bytes()
    assert list(complaints(junit)) == []
    (harness,) = ET.fromstring(junit).findall("testsuite[@name='podresize']/testcase/error")
    assert "line 27 is torn" in str(harness.text)
    for text in ((died / "index.html").read_text(), (died / "summary.md").read_text()):
        assert DIED in text
        assert "line 27 is torn" in text
    assert summary.read_text() == (died / "summary.md").read_text()


def test_the_reports_of_a_whole_run_are_those_that_it_drew(tmp_path: Path) -> None:
    records = build.write(tmp_path / "records.jsonl", build.two_targets())
    write_reports(records, tmp_path)
    names = ("junit.xml", "index.html")
    drawn = [(tmp_path / name).read_bytes() for name in names]

    done = invoke(records, "--out", tmp_path / "again")

    assert done.exit_code == 0
    assert [(tmp_path / "again" / name).read_bytes() for name in names] == drawn
    assert DIED not in done.output
    assert done.output.splitlines()[-1] == "written: " + ", ".join(
        str(tmp_path / "again" / name) for name in (*names, "summary.md")
    )


def test_what_a_pod_printed_is_no_command_of_githubs(tmp_path: Path) -> None:
    verdict = build.verdict(
        "::set-output name=x::y", VerdictKind.FAILED, reading="##[error]x\n::stop-commands::x"
    )
    build.write(tmp_path / "records.jsonl", [build.run_record(), verdict, build.end_record()])

    lines = invoke(tmp_path, github=tmp_path / "s.md").output.splitlines()

    stop = next(n for n, line in enumerate(lines) if line.startswith("::stop-commands::"))
    token = lines[stop].removeprefix("::stop-commands::")
    go_on = lines.index(f"::{token}::")
    assert len(token) == 32
    read = lines[:stop] + lines[go_on + 1 :]
    assert [line.partition(" ")[0] for line in read] == ["::error", "written:"]


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, UsageError, "the records cannot be read: No such file or directory"),
        (b"", UsageError, "there is no record of a run in this file"),
        (b"\x89PNG\r\n\x1a\n\x00\n" * 100, UsageError, "there is no record of a run in this file"),
    ],
    ids=["none", "empty", "rubbish"],
)
def test_what_is_no_run_is_one_message_and_no_report(
    tmp_path: Path, content: bytes | None, error: type[PodresizeError], message: str
) -> None:
    if content is not None:
        (tmp_path / "records.jsonl").write_bytes(content)
    before = list(tmp_path.iterdir())

    with pytest.raises(error, match=message):
        invoke(tmp_path)

    assert list(tmp_path.iterdir()) == before


def test_a_bundle_is_left_as_it_was_made(died: Path) -> None:
    (died / "manifest.json").write_text("{}")

    with pytest.raises(UsageError, match="a bundle's reports are those that it was made with"):
        invoke(died)

    assert not (died / "junit.xml").exists()


def test_a_place_that_cannot_be_written_is_one_message(tmp_path: Path, died: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(HostError, match="the reports cannot be written"):
        invoke(died, "--out", tmp_path / "file" / "below")
