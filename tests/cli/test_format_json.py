"""``--format json``: standard output is JSON alone, as the published schema says."""

from __future__ import annotations

import importlib.resources
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from tests.cli.conftest import OFFLINE
from tests.cli.forking import Forker, forker
from tests.reports import whole_run

from podresize.cli import commands
from podresize.cli.bundle import make_bundle
from podresize.cli.driving import run_pytest
from podresize.cli.output import Following, Output, is_json, plain
from podresize.evidence.records import RecordFile

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "schemas" / "terminal-1.json").read_text()
)
COMPARISON = json.loads(
    (importlib.resources.files("podresize_reports") / "schemas" / "comparison-1.json").read_text()
)
MEMORY = 2 << 30
WITH_FORMAT = {
    *("run", "certify-runtime", "list", "explain", "compare", "verify", "nightly", "doctor"),
}


@pytest.fixture(scope="module")
def call() -> Iterator[Forker]:
    with forker({**os.environ, **OFFLINE}) as running:
        yield running


@pytest.fixture
def bundles(tmp_path: Path) -> tuple[Path, Path]:
    """Two nights: the second has a new failure."""
    places = []
    for number, holds in ((1, True), (2, False)):
        seen = whole_run.records(holds=holds)
        seen[0] |= {"run": f"night-{number}", "started": f"2026-03-0{number}T00:00:00+00:00"}
        out = whole_run.write(tmp_path / f"out-{number}", seen)
        places.append(make_bundle(out, tmp_path / f"{number}.zip").path)
    return places[0], places[1]


def document(kind: str, text: str) -> dict[str, Any]:
    """Return the one document that was printed, which the schema knows as that kind."""
    assert text.count("\n") == 1, text
    found: dict[str, Any] = json.loads(text)
    jsonschema.validate(found, {"$ref": f"#/$defs/{kind}", "$defs": SCHEMA["$defs"]})
    return found


def test_the_commands_with_the_option_are_those_that_are_documented() -> None:
    having = {
        name
        for name, command in commands.commands.items()
        if any("--format" in option.opts for option in command.params)
    }

    assert having == WITH_FORMAT


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("catalogue", ("list",)),
        ("catalogue", ("list", "--kubernetes", "1.37")),
        ("requirement", ("explain", "ST-21")),
        ("deviation", ("explain", "C-01")),
        ("host", ("doctor",)),
    ],
)
def test_what_is_known_is_a_document(call: Forker, kind: str, words: tuple[str, ...]) -> None:
    _, text = call(*words, "--format", "json", memory=MEMORY)

    document(kind, text)


def test_every_entry_of_the_catalogue_fits_the_schema(call: Forker) -> None:
    listed = document("catalogue", call("list", "--format=json", memory=MEMORY)[1])

    of_st_21 = next(each for each in listed["requirements"] if each["id"] == "ST-21")
    assert of_st_21["checks"]
    assert listed["not_checked"]
    left_out = listed["not_checked"][0]["id"]
    document("not-checked", call("explain", left_out, "--format=json", memory=MEMORY)[1])


def test_a_verification_tells_what_the_text_tells(call: Forker, bundles: tuple[Path, Path]) -> None:
    good = document(
        "verification", call("verify", str(bundles[0]), "--format=json", memory=MEMORY)[1]
    )
    code, text = call("verify", str(bundles[0]), "--digest=x", "--format=json", memory=MEMORY)
    bad = document("verification", text)

    assert (good["complaints"], good["counts"]) == ([], {"passed": 3, "unsupported": 1})
    assert code == 1
    assert bad["complaints"] == [{"field": "its digest", "found": good["digest"], "wanted": "x"}]


def test_a_comparison_and_a_report_name_the_difference(
    call: Forker, tmp_path: Path, bundles: tuple[Path, Path]
) -> None:
    runs = [str(tmp_path / f"out-{number}") for number in (1, 2)]
    history = f"--history={tmp_path / 'history'}"
    call("history", "add", *map(str, bundles), history, memory=MEMORY)

    compared, text = call("compare", *runs, "--format=json", memory=MEMORY)
    reported, more = call("history", "report", history, "--format=json", memory=MEMORY)

    comparison = document("comparison", text)
    jsonschema.validate(comparison, COMPARISON)
    (section,) = comparison["stacks"][0]["sections"]
    (cause,) = section["causes"]
    assert section["section"] == "new failures"
    assert (cause["requirements"], cause["right"]) == (["API-30"], "failed")
    (stack,) = document("regressions", more)["stacks"]
    assert [each["requirement"] for each in stack["new_failures"]] == ["API-30"]
    assert stack["is_worse"]
    assert (compared, reported) == (1, 1)


@pytest.mark.parametrize(
    ("words", "what", "next_command"),
    [
        (("explain", "NO-1", "--format", "json"), "no such id", "podresize list"),
        (("verify", "/nowhere", "--format=json"), "no such bundle", "podresize bundle"),
        (("verify", "--format", "json"), "Missing argument", None),
        (("list", "--format", "json", "--nonsense"), "No such option", None),
        (("run", "--format", "json", "--profile", "cor"), "profile", "podresize"),
    ],
    ids=["id", "bundle", "missing", "option", "profile"],
)
def test_an_error_is_a_document_with_the_parts_of_the_message(
    call: Forker, words: tuple[str, ...], what: str, next_command: str | None
) -> None:
    code, text = call(*words, memory=MEMORY)

    error = document("error", text)["error"]
    assert what in error["what"]
    assert (error["next"] or "").startswith(next_command or "")
    assert (code, error["exit"]) == (2, 2)


def test_an_error_without_json_is_text(call: Forker) -> None:
    assert call("explain", "NO-1", memory=MEMORY)[1].startswith("error: ")
    assert not is_json(["explain", "--", "--format=json"])


def test_the_records_of_a_run_are_printed_as_they_are_written(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    records = RecordFile(tmp_path / "records.jsonl")
    seen = whole_run.records()
    with Following(records.path):
        for each in seen:
            records.append(each)
        with records.path.open("ab") as file:
            file.write(b'{"torn')

    out = capfd.readouterr().out
    assert [json.loads(line) for line in out.splitlines()] == json.loads(json.dumps(seen))


def test_what_pytest_prints_is_beside_the_json(capfd: pytest.CaptureFixture[str]) -> None:
    words = [sys.executable, "-c", "print('pytest says')"]

    code = run_pytest(words, run_id="x", output=Output(is_json=True))

    assert code == 0
    assert capfd.readouterr() == ("", "pytest says\n")


def test_numbers_that_json_has_not_are_texts() -> None:
    assert plain({"x": float("inf"), "y": {2, 1}, "z": Path("/a")}) == {
        "x": "inf",
        "y": [1, 2],
        "z": "/a",
    }


def test_a_pipe_that_is_closed_early_is_no_traceback() -> None:
    program = [sys.executable, "-m", "podresize", "list", "--format", "json"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as listing:
        assert listing.stdout is not None
        assert listing.stderr is not None
        listing.stdout.close()
        assert b"Traceback" not in listing.stderr.read()


def test_views_for_people_are_refused_as_json() -> None:
    done = CliRunner().invoke(commands, ["list", "--coverage", "--format", "json"])

    assert "as JSON the whole catalogue is listed" in str(done.exception)
