"""``podresize nightly``: each cell is a run, and the regression is named."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result
from tests.reports import whole_run

from podresize.cli.bundle import make_bundle
from podresize.cli.matrix_file import read_matrix
from podresize.errors import UsageError
from podresize.manifests import manifests

# The package has a command of this name in the place of its module.
module = importlib.import_module("podresize.cli.nightly")
ROOT = Path(__file__).parents[2]
MATRIX = """
[[cell]]
name = "one"
command = ["run", "--profile=core"]
[[cell]]
name = "two"
command = ["certify-runtime"]
"""


@pytest.fixture
def nights(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command of a cell does: its exit code, and how its run ends."""
    said: dict[str, Any] = {"ran": [], "code": 0, "holds": True, "number": 0}

    def call(command: Sequence[str], screen: io.TextIOWrapper) -> int:
        words = dict(word.partition("=")[::2] for word in command)
        said["ran"].append(command[0])
        said["number"] += 1
        screen.write("what the command said\n")
        if said["code"] in (2, 3):
            return int(said["code"])
        seen = whole_run.records(holds=said["holds"])
        started = f"2026-03-01T00:00:{said['number']:02}+00:00"
        seen[0] |= {"run": f"night-{said['number']}", "started": started}
        out = whole_run.write(Path(words["--out"]), seen)
        make_bundle(out, Path(words["--bundle"]))
        return 0 if said["holds"] else 1

    monkeypatch.setattr(module, "_call", call)
    return said


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., Result]:
    (tmp_path / "matrix.toml").write_text(MATRIX)

    def invoke(*words: str) -> Result:
        places = [f"--matrix={tmp_path / 'matrix.toml'}", f"--out={tmp_path / 'out'}"]
        places.append(f"--history={tmp_path / 'history'}")
        return CliRunner().invoke(module.nightly, [*places, *words], catch_exceptions=False)

    return invoke


def test_the_second_night_names_what_is_worse(
    nights: dict[str, Any], command: Callable[..., Result], tmp_path: Path
) -> None:
    first = command("--only", "one")
    nights["holds"] = False
    second = command("--only", "one")

    assert first.exit_code == 0
    assert "the first run here" in first.output
    assert second.exit_code == 1
    assert "  NEW FAILURES (1)\n    API-30  passed -> failed\n" in second.output
    # Two nights of one second have no order by their names.
    written = [each.read_text() for each in (tmp_path / "out").glob("*/nightly.txt")]
    assert sum("API-30  passed -> failed" in text for text in written) == 1
    assert len(list((tmp_path / "out").glob("*/one.zip"))) == 2
    pages = [each.read_text() for each in (tmp_path / "out").glob("*/history.html")]
    assert sum("1 of 1 stack worse than before" in page for page in pages) == 1


def test_a_history_that_cannot_be_read_is_said_before_the_night(
    nights: dict[str, Any], command: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "history").write_text("no database at all, and longer than a header of one is")

    with pytest.raises(UsageError, match="no history of podresize"):
        command()

    assert nights["ran"] == []


def test_a_night_is_a_document_for_machines(
    nights: dict[str, Any], command: Callable[..., Result]
) -> None:
    command("--only", "one")
    nights["holds"] = False

    done = command("--only", "one", "--format=json")

    night = json.loads(done.stdout)
    schema = json.loads((ROOT / "docs/schemas/terminal-1.json").read_text(encoding="utf-8"))
    jsonschema.validate(night, {"$ref": "#/$defs/night", "$defs": schema["$defs"]})
    assert night["is_worse"]
    assert [(each["name"], each["exit"]) for each in night["cells"]] == [("one", 1)]
    (stack,) = night["stacks"]
    assert [each["requirement"] for each in stack["new_failures"]] == ["API-30"]
    assert "[1 of 1] one" in done.stderr


def test_every_cell_is_run(nights: dict[str, Any], command: Callable[..., Result]) -> None:
    done = command()

    assert nights["ran"] == ["run", "certify-runtime"]
    assert "[1 of 2] one" in done.output
    assert "[2 of 2] two" in done.output


@pytest.mark.parametrize(("code", "exit_code"), [(2, 0), (3, 1)])
def test_a_cell_without_a_bundle_is_told(
    nights: dict[str, Any], command: Callable[..., Result], code: int, exit_code: int
) -> None:
    """What this host cannot run is no regression; a harness that failed is for somebody to see."""
    nights["code"] = code

    done = command("--only", "one")

    assert done.exit_code == exit_code
    assert f"one: no bundle (exit code {code}): see its screen.txt" in done.output


def test_a_bundle_with_a_complaint_stays_outside(
    nights: dict[str, Any], command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    make = whole_run.records

    def forged(**options: Any) -> list[dict[str, Any]]:
        seen = make(**options)
        seen[4]["verdict"] = "failed"
        return seen

    monkeypatch.setattr(whole_run, "records", forged)
    done = command("--only", "one")

    assert nights["ran"]
    assert done.exit_code == 1
    assert "one: its bundle has a complaint" in done.output
    assert "the history holds no run" in done.output


@pytest.mark.parametrize(
    ("shard", "ran"),
    [("1/2", ["run"]), ("2/2", ["certify-runtime"]), ("1/1", ["run", "certify-runtime"])],
)
def test_a_shard_is_every_nth_cell(
    nights: dict[str, Any], command: Callable[..., Result], shard: str, ran: list[str]
) -> None:
    command("--shard", shard)

    assert nights["ran"] == ran


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b"])
def test_a_shard_that_is_none_is_refused(
    nights: dict[str, Any], command: Callable[..., Result], shard: str
) -> None:
    with pytest.raises(UsageError, match="a shard is the Ith of N"):
        command("--shard", shard)
    assert nights["ran"] == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it has no [[cell]]"),
        ("[[cell]", "it cannot be read"),
        ("[[cell]]\nname = 'x'", "a cell has name and command"),
        ("[[cell]]\nname = '../x'\ncommand = ['run']", "a name is of letters"),
        ("[[cell]]\nname = 'x'\ncommand = 'run'", "is a list of words"),
        ("[[cell]]\nname = 'x'\ncommand = ['cluster', 'up']", "begins with run or certify"),
        ("[[cell]]\nname = 'x'\ncommand = ['run', '--out=/']", "is the night's: --out=/"),
        (MATRIX + MATRIX, "two cells are named one"),
    ],
)
def test_a_matrix_that_is_malformed_is_said(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "m").write_text(text)

    with pytest.raises(UsageError, match="this is no matrix of cells") as error:
        read_matrix(tmp_path / "m")
    assert why in str(error.value)


def test_a_cell_that_there_is_not_is_refused(command: Callable[..., Result]) -> None:
    with pytest.raises(UsageError) as error:
        command("--only", "three")
    assert "there is no cell three; all: one, two" in str(error.value)


def test_the_matrix_that_podresize_brings_can_be_read() -> None:
    cells = read_matrix(manifests("matrix.toml"))

    assert len(cells) >= 4
    assert json.dumps([cell.command for cell in cells])
