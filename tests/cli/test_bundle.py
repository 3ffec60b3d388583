"""``podresize bundle``, ``verify`` and ``rejudge``: what they say, and what they end with."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.reports import whole_run
from tests.reports.test_merging import part

from podresize.cli.bundle import bundle, merge, rejudge, verify
from podresize.errors import HostError, UsageError
from podresize_reports.loading import load_run


def invoke(command: object, *words: object) -> Result:
    return CliRunner().invoke(command, list(map(str, words)), catch_exceptions=False)  # type: ignore[arg-type]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return whole_run.write(tmp_path / "out", whole_run.records())


def test_a_bundle_is_made_and_verified(tmp_path: Path, out: Path) -> None:
    place = tmp_path / "b.zip"

    made = invoke(bundle, out, place)
    digest = made.output.split("digest: ")[1].strip()
    done = invoke(verify, place, "--digest", digest)

    assert made.exit_code == 0
    assert f"bundle: {place}, 5 files" in made.output
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        "3 verdicts derived again from their evidence, 1 for which nothing was put to the target",
        "7f3a: 3 passed, 1 unsupported",
        f"digest: {digest}",
        f"0 complaints: {place}",
    ]


def test_a_complaint_is_exit_code_1(tmp_path: Path, out: Path) -> None:
    invoke(bundle, out, tmp_path / "b")
    (tmp_path / "b" / "junit.xml").unlink()

    done = invoke(verify, tmp_path / "b")

    assert done.exit_code == 1
    assert done.output.splitlines()[0] == (
        "junit.xml: found nothing, wanted the file that manifest.json lists"
    )
    assert done.output.splitlines()[-1] == f"1 complaint: {tmp_path / 'b'}"


def test_a_bundle_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    for command in (verify, rejudge):
        words = [tmp_path / "none"] + (["--out", tmp_path] if command is rejudge else [])
        with pytest.raises(UsageError, match="there is no such bundle"):
            invoke(command, *words)


def test_verdicts_of_today_are_written_and_changes_told(tmp_path: Path) -> None:
    seen = whole_run.records()
    before = next(each for each in seen if each.get("requirement") == "ST-21")
    before.update(verdict="failed", reading="as it was judged once")
    end = next(each for each in seen if each["type"] == "end")
    before_counts = Counter(each["verdict"] for each in seen if each["type"] == "verdict")
    end.update(exit=1, counts=dict(before_counts))
    out = whole_run.write(tmp_path / "out", seen)
    invoke(bundle, out, tmp_path / "b.zip")

    done = invoke(rejudge, tmp_path / "b.zip", "--out", tmp_path / "again")

    assert done.exit_code == 1
    assert "ST-21  failed | passed  suites/x.py::test_x" in done.output
    assert "1 verdict changed" in done.output
    after = load_run(tmp_path / "again/records.jsonl")
    assert {str(each.verdict) for each in after.verdicts} == {"passed", "unsupported"}
    assert after.timelines.keys() == load_run(out / "records.jsonl").timelines.keys()
    assert (tmp_path / "again/index.html").exists()
    assert json.loads((tmp_path / "again/records.jsonl").read_text().splitlines()[0])["run"]
    # And that is a run as good as any: its end tells of today's verdicts.
    assert (after.exit, after.counts["passed"]) == (0, before_counts["passed"] + 1)
    invoke(bundle, tmp_path / "again", tmp_path / "again.zip")
    assert invoke(verify, tmp_path / "again.zip").exit_code == 0


def test_what_is_judged_as_it_was_is_exit_code_0(tmp_path: Path, out: Path) -> None:
    invoke(bundle, out, tmp_path / "b")

    done = invoke(rejudge, tmp_path / "b", "--out", tmp_path / "again")

    assert done.exit_code == 0
    assert "0 verdicts changed" in done.output


def test_a_run_is_not_judged_again_over_itself(tmp_path: Path, out: Path) -> None:
    invoke(bundle, out, tmp_path / "b")

    with pytest.raises(UsageError, match="there are records where those of today are to go"):
        invoke(rejudge, tmp_path / "b", "--out", out)


def test_what_is_no_bundle_cannot_be_judged(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_text("no archive")

    with pytest.raises(UsageError, match="the bundle's records cannot be read"):
        invoke(rejudge, tmp_path / "b.zip", "--out", tmp_path / "again")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="the bundle's records cannot be read"):
        invoke(rejudge, tmp_path / "empty", "--out", tmp_path / "again")


def test_shards_are_merged(tmp_path: Path) -> None:
    places = []
    for number in (1, 2):
        place = tmp_path / f"out-{number}"
        place.mkdir()
        (place / "records.jsonl").write_bytes(b"".join(part(number).lines))
        places.append(tmp_path / f"{number}.zip")
        invoke(bundle, place, places[-1])

    done = invoke(merge, *places, "--out", tmp_path / "whole")

    assert done.exit_code == 0
    assert "2 shards merged" in done.output
    assert len(load_run(tmp_path / "whole/records.jsonl").verdicts) == 4
    with pytest.raises(UsageError, match="there are records where those of the whole"):
        invoke(merge, *places, "--out", tmp_path / "whole")
    places[0].write_bytes(places[0].read_bytes()[:-9])
    with pytest.raises(UsageError, match="a bundle with complaints cannot be merged"):
        invoke(merge, *places, "--out", tmp_path / "again")


def test_a_place_that_cannot_be_written_is_one_message(tmp_path: Path, out: Path) -> None:
    (tmp_path / "file").write_text("no directory")

    with pytest.raises(HostError, match="the bundle cannot be written"):
        invoke(bundle, out, tmp_path / "file" / "b.zip")


def test_a_place_that_may_not_be_entered_is_one_message(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may enter every directory, so the answer to anybody else is made up here."""
    invoke(bundle, out, tmp_path / "b")

    def refused(_path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", refused)
    for command in (rejudge, merge):
        with pytest.raises(HostError, match="nothing can be written there: Permission denied"):
            invoke(command, tmp_path / "b", "--out", tmp_path / "locked")
