"""A records file is read whatever happened to the run that wrote it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.reports import records_builder as build

from podresize.evidence.records import VerdictKind
from podresize_reports.loading import load_run


def test_a_whole_run_is_read_in_order(tmp_path: Path) -> None:
    run = load_run(build.write(tmp_path / "records.jsonl", build.two_targets()))

    assert run.complete
    assert run.executed
    assert [target.label for target in run.targets] == [build.OLD, build.NEW]
    assert len(run.verdicts) == 18
    assert run.timelines["old-0"].target == build.OLD
    assert (run.id, run.exit, run.problems) == ("7f3a", 0, ())


def test_a_torn_last_line_is_left_out_and_said(tmp_path: Path) -> None:
    records = [build.run_record(), build.target_record(), build.verdict()]
    run = load_run(build.write(tmp_path / "r", records, torn='{"type":"verdict","requi'))

    assert not run.complete
    assert len(run.verdicts) == 1
    assert run.problems == ("line 4 is torn: the run died while writing it",)


def test_an_empty_file_is_a_run_that_says_nothing(tmp_path: Path) -> None:
    run = load_run(build.write(tmp_path / "r", []))

    assert not run.complete
    assert not run.executed
    assert run.targets == ()
    assert "no run record" in run.problems[0]


def test_unknown_types_are_passed_over(tmp_path: Path) -> None:
    records = [build.run_record(), {"type": "weather", "rain": True}, build.end_record()]

    assert load_run(build.write(tmp_path / "r", records)).problems == ()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("not json", "not JSON"),
        ("[1, 2]", "not a JSON object"),
        ("[" * 100_000, "nested too deeply"),
        (json.dumps(build.verdict() | {"verdict": "splendid"}), "splendid"),
        (json.dumps(build.verdict() | {"reading": 7}), "reading is not a text"),
        (json.dumps(build.verdict() | {"seconds": float("nan")}), "not a number of seconds"),
        (json.dumps(build.verdict() | {"facts": {"kernel": "soon"}}), "not a number of seconds"),
        ('{"type":"verdict"}', "requirement is missing"),
        ('{"type":"timeline","id":"x","pod":"a/b","started":""}', "ended is missing"),
        (json.dumps(build.run_record()), "a second run record"),
        (json.dumps(build.claims(build.claim(relation="~"))), "no such relation: '~'"),
        (json.dumps(build.claims(build.claim(colour="red"))), "colour"),
        (json.dumps(build.claims(build.claim(what=7))), "what is not a text"),
        (json.dumps(build.claims("x")), "requirement is missing"),  # type: ignore[arg-type]
        (json.dumps(build.claims(claims=3)), "not iterable"),
        ('{"type":"claims"}', "check is missing"),
        ("\x00\x01\xff", "not JSON"),
    ],
)
def test_a_broken_line_costs_only_itself(tmp_path: Path, line: str, reason: str) -> None:
    path = build.write(tmp_path / "r", [build.run_record()])
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n" + json.dumps(build.verdict()) + "\n")

    run = load_run(path)

    assert len(run.verdicts) == 1
    assert len(run.problems) == 1
    assert run.problems[0].startswith("line 2 was left out: ")
    assert reason in run.problems[0]


def test_rubbish_is_counted_not_listed(tmp_path: Path) -> None:
    run = load_run(build.write(tmp_path / "r", [], torn="rubbish\n" * 500))

    assert len(run.problems) == 21
    assert run.problems[-1] == "and 481 more"


def test_a_newer_schema_is_said(tmp_path: Path) -> None:
    run = load_run(build.write(tmp_path / "r", [build.run_record(schema=9)]))

    assert run.problems == ("the records are of schema 9, this report knows schema 1",)


def test_a_target_that_only_a_verdict_names_is_there(tmp_path: Path) -> None:
    run = load_run(build.write(tmp_path / "r", [build.verdict(target="elsewhere")]))

    assert [target.label for target in run.targets] == ["elsewhere"]


def test_half_a_surrogate_pair_cannot_break_a_writer(tmp_path: Path) -> None:
    record: dict[str, Any] = build.verdict(reading="half \ud83d", witnesses={"api": "\udc00"})
    (read,) = load_run(build.write(tmp_path / "r", [record])).verdicts

    assert read.reading == "half \ufffd"
    assert read.witnesses == {"api": "\ufffd"}


def test_facts_come_back_and_older_records_have_none(tmp_path: Path) -> None:
    older = build.verdict()
    del older["facts"]
    records = [build.verdict(facts={"kernel": 0.11}), older]
    run = load_run(build.write(tmp_path / "r", records))

    assert [verdict.facts for verdict in run.verdicts] == [{"kernel": 0.11}, {}]
    assert run.verdicts[0].verdict is VerdictKind.PASSED


def test_claims_are_kept_by_check_and_target(tmp_path: Path) -> None:
    records = [
        build.claims(build.claim()),
        build.claims(build.claim(got=200), build.claim(got="a b", want="b", relation="contains")),
        build.claims(build.claim(), target=build.NEW),
    ]
    run = load_run(build.write(tmp_path / "r", [build.run_record(), *records]))

    assert run.problems == ()
    made = run.claims[build.CHECK, build.OLD]
    assert [claim.holds for claim in made] == [True, False, True]
    assert len(run.claims[build.CHECK, build.NEW]) == 1


@pytest.mark.parametrize("line", ["17", 1.5, True, [17]])
def test_a_line_that_is_no_number_leaves_the_verdict_out(tmp_path: Path, line: Any) -> None:
    records = [build.run_record(), build.verdict() | {"line": line}, build.end_record()]
    run = load_run(build.write(tmp_path / "r", records))

    assert run.verdicts == ()
    assert "is not a line of a file" in run.problems[0]


def test_clusters_of_checks_own_come_after_those_of_the_run(tmp_path: Path) -> None:
    own = [build.target_record(f"own {number}", own=True) for number in (10, 9)]
    records = [build.target_record("z"), own[0], build.target_record("a"), own[1]]
    run = load_run(build.write(tmp_path / "r", [build.run_record(), *records]))

    assert [target.label for target in run.targets] == ["z", "a", "own 9", "own 10"]
