"""What becomes of a mutant: its run beside that of the good stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.reports import records_builder as build

from podresize.evidence.records import VerdictKind
from podresize.requirements.model import Party
from podresize.requirements.mutants import Kind, Mutant
from podresize_reports.judging_again import judged_again
from podresize_reports.loading import Run, load_run
from podresize_reports.mutation import Fate, Result, is_right, judge_mutant, markdown, totals

FAILED, ERROR, DEVIATION = VerdictKind.FAILED, VerdictKind.ERROR, VerdictKind.DEVIATION


def mutant(**changes: Any) -> Mutant:
    facts: dict[str, Any] = {
        "id": "update-dropped",
        "title": "a title",
        "kind": Kind.FAULT,
        "guilty": frozenset({Party.CRI_RUNTIME}),
        "stacks": ("1.37.2+2.1.4",),
        "caught_by": frozenset({"KL-30"}),
        "also": frozenset({"ST-21"}),
    }
    return Mutant(**facts | changes)


def run(path: Path, verdicts: dict[str, VerdictKind], **more: Any) -> Run:
    records = [build.verdict(id_, kind, **more) for id_, kind in verdicts.items()]
    return load_run(build.write(path, [build.run_record(), build.target_record(), *records]))


GOOD = dict.fromkeys(("KL-30", "ST-21", "PR-01"), VerdictKind.PASSED)
WITHSTANDS = {"caught_by": frozenset(), "also": frozenset(), "withstood": "so it says"}
ENDS = {"caught_by": frozenset(), "also": frozenset(), "error": "the runtime's"}


@pytest.mark.parametrize(
    ("changes", "seen", "fate"),
    [
        ({}, {"KL-30": FAILED}, Fate.KILLED),
        ({}, {"KL-30": DEVIATION}, Fate.KILLED),
        ({}, {"KL-30": FAILED, "ST-21": FAILED}, Fate.KILLED),
        ({}, {}, Fate.SURVIVED),
        ({}, {"ST-21": FAILED}, Fate.SURVIVED),
        ({}, {"KL-30": FAILED, "PR-01": FAILED}, Fate.MISATTRIBUTED),
        ({}, {"PR-01": FAILED}, Fate.SURVIVED),
        ({}, {"KL-30": ERROR}, Fate.UNJUDGED),
        (WITHSTANDS, {}, Fate.WITHSTOOD),
        (WITHSTANDS, {"KL-30": FAILED}, Fate.MISATTRIBUTED),
        (WITHSTANDS, {"KL-30": ERROR}, Fate.UNJUDGED),
        (ENDS, {"KL-30": ERROR}, Fate.ENDED),
        (ENDS, {"KL-30": ERROR, "ST-21": FAILED}, Fate.MISATTRIBUTED),
        (ENDS, {}, Fate.SURVIVED),
    ],
)
def test_fates(
    tmp_path: Path, changes: dict[str, Any], seen: dict[str, VerdictKind], fate: Fate
) -> None:
    good, spoilt = run(tmp_path / "good", GOOD), run(tmp_path / "spoilt", GOOD | seen)

    result = judge_mutant(mutant(**changes), "1.37.2+2.1.4", spoilt, good)

    assert result.fate is fate


def test_what_fails_on_the_good_stack_as_well_catches_nothing(tmp_path: Path) -> None:
    both = GOOD | {"KL-30": FAILED}

    result = judge_mutant(
        mutant(), "b", run(tmp_path / "spoilt", both), run(tmp_path / "good", both)
    )

    assert (result.fate, result.missed) == (Fate.SURVIVED, ("KL-30",))


def test_what_was_put_to_no_target_is_not_missed(tmp_path: Path) -> None:
    seen = {"KL-30": FAILED, "ST-20": VerdictKind.UNSUPPORTED}
    two = mutant(caught_by=frozenset({"KL-30", "ST-20"}))

    result = judge_mutant(two, "b", run(tmp_path / "spoilt", seen), run(tmp_path / "good", GOOD))

    assert (result.fate, result.unasked) == (Fate.KILLED, ("ST-20",))


def test_nothing_that_was_put_to_the_target_judges_nothing(tmp_path: Path) -> None:
    result = judge_mutant(mutant(), "b", run(tmp_path / "spoilt", {}), run(tmp_path / "good", GOOD))

    assert result.fate is Fate.UNJUDGED
    assert result.why


@pytest.mark.parametrize(
    ("guilty", "named", "right"),
    [("CRI runtime", 1, True), ("kubelet", 0, False), (None, 0, False)],
)
def test_the_reading_has_to_name_who_is_guilty(
    tmp_path: Path, guilty: str | None, named: int, right: bool
) -> None:
    spoilt = run(tmp_path / "spoilt", {"KL-30": FAILED}, guilty=guilty)

    result = judge_mutant(mutant(), "b", spoilt, run(tmp_path / "good", GOOD))

    assert (result.named, result.told) == (named, 1)
    assert is_right([result]) is right


def test_the_table_shows_what_is_wrong_and_counts() -> None:
    results = [
        Result(mutant="a", base="b", fate=Fate.KILLED, caught=("KL-30",), readings={None: 1}),
        Result(mutant="c", base="b", fate=Fate.SURVIVED, missed=("KL-30",), why="x | y"),
    ]

    table = markdown(results)

    assert "| a | b | killed | KL-30 |  |  | 0 of 1 |" in table
    assert "| c | b | **survived** |  | KL-30 |" in table
    assert "x \\| y" in table
    assert totals(results) == (
        "2 runs of mutants: 1 killed, 1 survived; 0 of 1 readings name who is guilty (0.0 %)"
    )
    assert results[0].to_json()["readings"] == {"": 1}


def test_a_timeline_is_judged_by_todays_judges(tmp_path: Path) -> None:
    """What a judge of some day said of it is no matter; what has no timeline stays."""
    path = Path(__file__).parents[1] / "fixtures/data/reporting.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    said = {"timeline": stored["id"], "reading": "of old"}
    records = [
        build.run_record(),
        stored,
        build.verdict("ST-21", FAILED, **said),
        build.verdict("PR-05", FAILED, reading="of old"),
    ]

    again = judged_again(load_run(build.write(tmp_path / "records.jsonl", records)))

    first, second = again.verdicts
    assert (first.verdict, second.verdict) == (VerdictKind.PASSED, FAILED)
    assert first.reading != "of old"
    assert second.reading == "of old"
