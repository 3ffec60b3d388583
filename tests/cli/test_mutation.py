"""``podresize mutation``: what is run, what is not run again, and what it ends with."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.reports import records_builder as build

from podresize.cli import mutation_runs
from podresize.cli.mutation_runs import Job
from podresize.errors import HarnessError, UsageError
from podresize.evidence.records import VerdictKind
from podresize.requirements.loader import load_catalogue
from podresize.requirements.mutants import parse_mutants

# The package has a command of this name in the place of its module.
module = importlib.import_module("podresize.cli.mutation")
GOOD = {"KL-30": VerdictKind.PASSED, "CRI-03": VerdictKind.PASSED}
SPOILT = {"KL-30": VerdictKind.FAILED, "CRI-03": VerdictKind.PASSED}
ONE = ("--only", "update-quota")


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs that were run, each with the records that its name stands for."""
    names: list[str] = []

    def run(job: Job, place: Path) -> int:
        names.append(job.name)
        seen = GOOD if job.mutant is None else SPOILT
        records = [build.verdict(id_, kind, guilty="CRI runtime") for id_, kind in seen.items()]
        build.write(place / "records.jsonl", [build.run_record(), build.target_record(), *records])
        return 0 if job.mutant is None else 1

    entry = (
        "- {id: update-quota, title: a title, kind: fault, guilty: [CRI runtime],\n"
        "   stacks: [1.37.2+2.1.4], faults: ['update-scaled:cpu=2'], caught_by: [KL-30]}\n"
        "- {id: other, title: another, kind: gate, guilty: [kubelet], tenth: true,\n"
        "   stacks: [1.27.4+1.6.36], gate_off_in: [kubelet], caught_by: [KL-30],\n"
        "   profile: core, only: [KL-30]}\n"
        "- {id: elsewhere, title: a third, kind: fault, guilty: [CRI runtime],\n"
        "   stacks: [1.37.2+2.1.4@vm], faults: [update-dropped], caught_by: [KL-30],\n"
        "   profile: core, only: [KL-30]}\n"
    )
    known = parse_mutants({"a.yaml": entry}, "[]", load_catalogue())
    monkeypatch.setattr(module, "load_mutants", lambda: known)
    monkeypatch.setattr(mutation_runs, "_run", run)
    return names


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., Result]:
    def invoke(*words: str) -> Result:
        return CliRunner().invoke(
            module.mutation, ["--out", str(tmp_path / "out"), *words], catch_exceptions=False
        )

    return invoke


def test_a_mutant_runs_after_its_good_stack_and_is_judged(
    ran: list[str], command: Callable[..., Result], tmp_path: Path
) -> None:
    done = command(*ONE)

    assert ran == ["good-headline", "update-quota"]
    assert done.exit_code == 0
    assert "| update-quota | 1.37.2+2.1.4 | killed | KL-30 |" in done.output
    table = json.loads((tmp_path / "out/mutation.json").read_text())
    assert table["results"][0]["fate"] == "killed"
    assert (tmp_path / "out/mutation.md").read_text() in done.output


def test_what_was_run_with_this_code_is_not_run_again(
    ran: list[str], command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    command(*ONE)
    ran.clear()

    assert command(*ONE).exit_code == 0
    assert ran == []
    command(*ONE, "--fresh")
    assert ran == ["good-headline", "update-quota"]
    ran.clear()
    monkeypatch.setattr(mutation_runs, "code_version", lambda: "another")
    assert command(*ONE, "--no-run").exit_code == 0
    assert ran == []
    command(*ONE)
    assert ran == ["good-headline", "update-quota"]


def test_the_tenth_is_what_the_data_says(ran: list[str], command: Callable[..., Result]) -> None:
    command("--tenth")

    assert ran == ["good-core", "other"]


def test_each_run_says_how_far_it_is_and_how_long_yet(
    ran: list[str], command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(0, 6000, 90))
    monkeypatch.setattr("time.monotonic", lambda: next(seconds))

    lines = command().output.splitlines()

    assert len(ran) == 4
    assert [each.split("] ")[0] for each in lines[:4]] == [
        "[1 of 4",
        "[2 of 4, about 4 min left",
        "[3 of 4, about 3 min left",
        "[4 of 4, about 2 min left",
    ]
    assert "[" not in command().output.splitlines()[0]


def test_runs_side_by_side_are_all_made_and_each_is_told(
    ran: list[str], command: Callable[..., Result]
) -> None:
    done = command("--at-a-time=2")

    assert sorted(ran) == ["good-core", "good-headline", "other", "update-quota"]
    assert done.output.count("| killed |") == 2
    for name in ran:
        assert f"{name} ...\n" in done.output
        assert f"{name}: 0 s, exit code" in done.output


def test_an_interrupted_run_ends_the_others(
    ran: list[str], command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mutation_runs._run

    def interrupted(job: Job, place: Path) -> int:
        run(job, place)
        return 130

    monkeypatch.setattr(mutation_runs, "_run", interrupted)

    assert command().exit_code == 130
    assert ran == ["good-core"]
    assert command("--at-a-time=2").exit_code == 130
    assert set(ran) <= {"good-core", "other"}


def test_a_mutant_that_survives_is_no_success(
    ran: list[str], command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SPOILT, "KL-30", VerdictKind.PASSED)

    done = command(*ONE)

    assert done.exit_code == 1
    assert "**survived**" in done.output
    assert ran


def test_the_command_says_how_the_stack_is_made(
    ran: list[str], command: Callable[..., Result], tmp_path: Path
) -> None:
    command()

    note = json.loads((tmp_path / "out/1.27.4+1.6.36/other/run.json").read_text())
    assert {"KL-30", "--gate-off-in=kubelet", "--profile=core", "--tap"} <= set(note["command"])
    assert len(ran) == 4


def test_what_another_provider_makes_is_run_by_its_name_alone(
    ran: list[str], command: Callable[..., Result], tmp_path: Path
) -> None:
    assert "left out, for --only on a host that can make them: elsewhere" in command().output
    assert "elsewhere" not in ran
    assert "1.37.2+2.1.4@vm" in command("--list").output
    ran.clear()

    command("--only", "elsewhere")

    # A whole profile takes a node that may be emulated too long.
    assert ran == ["good-core-KL-30", "elsewhere"]
    note = json.loads((tmp_path / "out/1.37.2+2.1.4@vm/elsewhere/run.json").read_text())
    assert {"--provider=vm", "--workers=2", "KL-30"} <= set(note["command"])


def test_mutants_are_listed(ran: list[str], command: Callable[..., Result]) -> None:
    done = command("--list", "--tenth")

    assert done.output.split()[:2] == ["other", "1.27.4+1.6.36"]
    assert ran == []


def test_a_stack_that_cannot_be_made_is_no_verdict(
    ran: list[str], command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutation_runs, "_run", lambda *_: 2)

    with pytest.raises(HarnessError, match="a stack cannot be made here"):
        command(*ONE)
    assert ran == []


def test_a_run_in_which_nothing_was_asked_is_a_fate(
    ran: list[str], command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command ends with 2 then as well, and the mutants after it are run."""
    run = mutation_runs._run
    monkeypatch.setitem(SPOILT, "KL-30", VerdictKind.SKIPPED)
    monkeypatch.setitem(SPOILT, "CRI-03", VerdictKind.SKIPPED)
    monkeypatch.setattr(mutation_runs, "_run", lambda job, place: 2 * bool(run(job, place)))

    done = command()

    assert ran == ["good-core", "other", "good-headline", "update-quota"]
    assert done.output.count("**not judged**") == 2


def test_without_records_there_is_nothing_to_judge(command: Callable[..., Result]) -> None:
    with pytest.raises(UsageError, match="no records of a mutant"):
        command("--no-run", "--only", "update-dropped")


def test_the_code_of_other_files_is_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before: Any = mutation_runs.code_version()
    assert mutation_runs.code_version() == before
    (tmp_path / "test_new.py").write_text("")

    monkeypatch.setattr(mutation_runs, "suites_directory", lambda: tmp_path)

    assert mutation_runs.code_version() != before
