"""What changed from one night to the next, and only that."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.reports import records_builder as build

from podresize.errors import UsageError
from podresize.evidence.records import VerdictKind
from podresize_reports.history.regression import Regression, regressions, wilson
from podresize_reports.history.report import report
from podresize_reports.history.store import History
from podresize_reports.loading import Run, load_run

PASSED, FAILED = VerdictKind.PASSED, VerdictKind.FAILED
Night = Callable[..., Run]


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """A run of a night, by its number: what each requirement came to."""

    def make(
        number: int, said: dict[str, Any], *, kernel: str = "6.1", done: float | None = None
    ) -> Run:
        target = build.target_record()
        target["fingerprint"] |= {"kernel": kernel}
        verdicts = []
        for id_, kind in said.items():
            deviation = (
                kind if isinstance(kind, str) and not isinstance(kind, VerdictKind) else None
            )
            verdict = VerdictKind.DEVIATION if deviation else kind
            facts = {} if done is None else {"done": done}
            verdicts.append(build.verdict(id_, verdict, deviation=deviation, facts=facts))
        started = f"2026-03-{number:02}T01:00:00+00:00"
        records = [build.run_record(run=f"night-{number}", started=started), target, *verdicts]
        return load_run(build.write(tmp_path / f"{number}", [*records, build.end_record()]))

    return make


def changed(tmp_path: Path, *runs: Run) -> Regression:
    with History.open(tmp_path / "history.sqlite") as history:
        for run in runs:
            history.add(run, digest="sha256:x")
        (found,) = regressions(history)
    return found


def ids(changes: Any) -> list[str]:
    return [each.requirement for each in changes]


def test_what_changed_against_the_night_before(tmp_path: Path, night: Night) -> None:
    found = changed(
        tmp_path,
        night(1, {"A-1": FAILED, "A-2": PASSED, "A-3": FAILED, "A-4": "PD-01", "A-5": PASSED}),
        night(2, {"A-1": PASSED, "A-2": FAILED, "A-3": FAILED, "A-4": PASSED, "A-6": PASSED}),
    )

    assert ids(found.fixed) == ["A-1"]
    assert ids(found.new_failures) == ["A-2"]
    assert ids(found.still_failing) == ["A-3"]
    assert found.still_failing[0].since == "night-1"
    assert (ids(found.new), ids(found.gone)) == (["A-6"], ["A-5"])
    assert found.deviations_gone == (("PD-01", "A-4"),)
    assert found.deviations_new == ()
    assert found.is_worse


def test_the_order_of_the_nights_counts_and_not_that_of_the_files(
    tmp_path: Path, night: Night
) -> None:
    runs = [night(2, {"A-1": FAILED}), night(1, {"A-1": PASSED})]

    assert ids(changed(tmp_path, *runs).new_failures) == ["A-1"]


def test_a_run_that_is_taken_in_twice_counts_once(tmp_path: Path, night: Night) -> None:
    one = night(1, {"A-1": PASSED})
    with History.open(tmp_path / "h") as history:
        assert history.add(one, digest="x")
        assert not history.add(one, digest="x")
        (found,) = regressions(history)

    assert found.before is None


def test_the_first_night_is_compared_with_nothing(tmp_path: Path, night: Night) -> None:
    found = changed(tmp_path, night(1, {"A-1": FAILED}))

    assert not found.is_worse
    assert "the first run here" in report([found])


def test_what_goes_to_and_fro_is_flaky(tmp_path: Path, night: Night) -> None:
    course = [PASSED, FAILED, PASSED, PASSED, FAILED, PASSED]
    runs = [
        night(number, {"A-1": kind, "A-2": PASSED, "A-3": PASSED if number < 4 else FAILED})
        for number, kind in enumerate(course, 1)
    ]

    (flaky,) = changed(tmp_path, *runs).flaky

    assert (flaky.requirement, flaky.wrong, flaky.runs) == ("A-1", 2, 6)
    assert flaky.interval == wilson(2, 6)


def test_what_could_not_be_put_to_the_target_is_no_turn(tmp_path: Path, night: Night) -> None:
    course = [PASSED, VerdictKind.UNSUPPORTED, PASSED, VerdictKind.SKIPPED, PASSED]
    runs = [night(number, {"A-1": kind}) for number, kind in enumerate(course, 1)]

    assert changed(tmp_path, *runs).flaky == ()


@pytest.mark.parametrize(
    ("wrong", "runs", "interval"),
    [(0, 10, (0.0, 0.278)), (5, 10, (0.237, 0.763)), (1, 1, (0.207, 1))],
)
def test_the_interval_is_wilsons(wrong: int, runs: int, interval: tuple[float, float]) -> None:
    assert wilson(wrong, runs) == pytest.approx(interval, abs=0.001)


@pytest.mark.parametrize(("done", "is_slower"), [(1.9, True), (1.15, False), (0.5, False)])
def test_a_step_that_takes_longer_than_ever_is_slower(
    tmp_path: Path, night: Night, done: float, is_slower: bool
) -> None:
    usual = [1.0, 1.02, 0.98, 1.05, 0.95]
    runs = [night(n, {"A-1": PASSED}, done=each) for n, each in enumerate(usual, 1)]
    found = changed(tmp_path, *runs, night(9, {"A-1": PASSED}, done=done, kernel="6.2"))

    assert [each.step for each in found.slower] == ["resize done"] * is_slower
    assert ("kernel", "6.1", "6.2") in found.facets


def test_of_a_few_nights_no_spread_is_known(tmp_path: Path, night: Night) -> None:
    runs = [night(n, {"A-1": PASSED}, done=1.0) for n in (1, 2, 3)]

    assert changed(tmp_path, *runs, night(4, {"A-1": PASSED}, done=9.0)).slower == ()


def test_the_report_names_the_regression_first(tmp_path: Path, night: Night) -> None:
    found = changed(
        tmp_path,
        night(1, {"A-1": PASSED, "A-2": FAILED}),
        night(2, {"A-1": FAILED, "A-2": FAILED}, kernel="6.2"),
    )
    lines = report([found]).splitlines()

    assert lines[0] == "1 stack: 1 worse than before"
    assert lines[3:5] == ["  night-2 after night-1", "  NEW FAILURES (1)"]
    assert lines[5] == "    A-1  passed -> failed"
    assert "    A-2  failed -> failed, since night-1" in lines
    assert "  changed beside: kernel 6.1 -> 6.2" in lines


def test_a_calm_night_is_one_line(tmp_path: Path, night: Night) -> None:
    found = changed(tmp_path, night(1, {"A-1": PASSED}), night(2, {"A-1": PASSED}))

    assert report([found]).splitlines()[-1] == "  nothing changed"
    assert report([]) == "the history holds no run\n"


def test_another_file_is_no_history(tmp_path: Path) -> None:
    (tmp_path / "h").write_text("no database at all, and longer than a header of one is")

    with (
        pytest.raises(UsageError, match="no history of podresize"),
        History.open(tmp_path / "h") as _,
    ):
        pass


def test_a_history_of_another_schema_is_not_touched(tmp_path: Path) -> None:
    with History.open(tmp_path / "h") as _:
        pass
    with sqlite3.connect(tmp_path / "h") as connection:
        connection.execute("update history set schema = 9")
    connection.close()

    with (
        pytest.raises(UsageError, match="no history") as error,
        History.open(tmp_path / "h") as _,
    ):
        pass
    assert "its schema is 9, this podresize knows 1" in str(error.value)


def test_what_fails_on_the_way_leaves_the_history_as_it_was(tmp_path: Path, night: Night) -> None:
    class StopError(Exception):
        pass

    def add_and_stop() -> None:
        with History.open(tmp_path / "h") as history:
            history.add(night(1, {"A-1": PASSED}), digest="x")
            raise StopError

    with pytest.raises(StopError):
        add_and_stop()
    with History.open(tmp_path / "h") as history:
        assert history.stacks() == []


def test_a_place_that_cannot_be_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")

    for place in (tmp_path, tmp_path / "file" / "h"):
        with pytest.raises(UsageError, match="no history of podresize"), History.open(place) as _:
            pass
