"""``podresize history``: what is taken in, and what the report ends with."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.reports import whole_run

from podresize.cli.bundle import make_bundle
from podresize.cli.history import history
from podresize.errors import HostError, UsageError


def invoke(tmp_path: Path, command: str, *words: object) -> Result:
    place = f"--history={tmp_path / 'history'}"
    return CliRunner().invoke(history, [command, place, *map(str, words)], catch_exceptions=False)


def bundle(tmp_path: Path, number: int, *, holds: bool = True) -> Path:
    seen = whole_run.records(holds=holds)
    seen[0] |= {"run": f"night-{number}", "started": f"2026-03-0{number}T00:00:00+00:00"}
    out = whole_run.write(tmp_path / f"out-{number}", seen)
    return make_bundle(out, tmp_path / f"{number}.zip").path


def test_bundles_are_taken_in_and_compared(tmp_path: Path) -> None:
    good, bad = bundle(tmp_path, 1), bundle(tmp_path, 2, holds=False)

    added = invoke(tmp_path, "add", good, bad)
    told = invoke(tmp_path, "report")

    assert added.exit_code == 0
    assert added.output == f"{good}: night-1\n{bad}: night-2\n"
    assert told.exit_code == 1
    assert "API-30  passed -> failed" in told.output
    assert invoke(tmp_path, "add", good).output == f"{good}: night-1, anew\n"


def test_a_history_is_built_anew(tmp_path: Path) -> None:
    good, bad = bundle(tmp_path, 1), bundle(tmp_path, 2, holds=False)
    invoke(tmp_path, "add", bad)

    invoke(tmp_path, "add", good, "--rebuild")

    told = invoke(tmp_path, "report")
    assert told.exit_code == 0
    assert "night-1: the first run here" in told.output


def test_a_history_that_is_built_anew_gives_the_same_report(tmp_path: Path) -> None:
    bundles = [bundle(tmp_path, n, holds=n % 3 > 0) for n in range(1, 6)]
    invoke(tmp_path, "add", *bundles[2:], *bundles[:2])
    before = invoke(tmp_path, "report").output

    invoke(tmp_path, "add", *bundles, "--rebuild")

    assert invoke(tmp_path, "report").output == before
    assert "known to be flaky" in before or "flaky: API-30" in before


def test_another_file_is_never_replaced_by_a_history(tmp_path: Path) -> None:
    good = bundle(tmp_path, 1)
    (tmp_path / "history").write_text("what somebody wrote")

    with pytest.raises(UsageError, match="no history of podresize"):
        invoke(tmp_path, "add", good, "--rebuild")

    assert (tmp_path / "history").read_text() == "what somebody wrote"
    assert not list(tmp_path.glob(".history*"))


def test_a_bundle_with_a_complaint_stays_outside(tmp_path: Path) -> None:
    good, cut = bundle(tmp_path, 1), bundle(tmp_path, 2)
    cut.write_bytes(cut.read_bytes()[:-9])

    added = invoke(tmp_path, "add", good, cut)

    assert added.exit_code == 1
    assert f"{good}: night-1" in added.output
    assert "neither a directory nor a whole archive" in added.output
    assert "1 bundle left out" in added.output


def test_what_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such history"):
        invoke(tmp_path, "report")
    with pytest.raises(UsageError, match="there is no such bundle"):
        invoke(tmp_path, "add", tmp_path / "none.zip")


@pytest.mark.parametrize("name", ["", "deeper/page.html"], ids=["directory", "file"])
def test_the_page_is_written(tmp_path: Path, name: str) -> None:
    invoke(tmp_path, "add", bundle(tmp_path, 1), bundle(tmp_path, 2, holds=False))

    told = invoke(tmp_path, "page", "--out", tmp_path / name)

    written = tmp_path / (name or "history.html")
    assert (told.exit_code, told.output) == (0, f"written: {written}\n")
    assert "1 new failure" in written.read_text()


def test_a_page_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    invoke(tmp_path, "add", bundle(tmp_path, 1))
    (tmp_path / "file").write_text("no directory")

    with pytest.raises(HostError, match="the page cannot be written"):
        invoke(tmp_path, "page", "--out", tmp_path / "file" / "page.html")
