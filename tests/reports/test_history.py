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
from podresize_reports.history.course import wilson
from podresize_reports.history.regression import Regression, regressions
from podresize_reports.history.report import report
from podresize_reports.history.store import History
from podresize_reports.loading import Run, load_run

PASSED, FAILED = VerdictKind.PASSED, VerdictKind.FAILED
Night = Callable[..., Run]


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """A run of a night, by its number: what each requirement came to."""

    def make(
        number: int,
        said: dict[str, Any],
        *,
        kernel: str = "6.1",
        done: float | None = None,
        label: str = build.OLD,
        reading: str = "",
    ) -> Run:
        target = build.target_record(label)
        target["fingerprint"] |= {"kernel": kernel}
        verdicts: list[dict[str, Any]] = []
        for id_, kind in said.items():
            deviation = (
                kind if isinstance(kind, str) and not isinstance(kind, VerdictKind) else None
            )
            verdict = VerdictKind.DEVIATION if deviation else kind
            facts = {} if done is None else {"done": done}
            told = {"deviation": deviation, "facts": facts, "target": label}
            told |= {"reading": reading.format(number=len(verdicts))} if reading else {}
            verdicts.append(build.verdict(id_, verdict, **told))
        started = f"2026-03-{number:02}T01:00:00+00:00"
        records = [build.run_record(run=f"night-{number}", started=started), target, *verdicts]
        return load_run(build.write(tmp_path / f"{number}{label}", [*records, build.end_record()]))

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


def test_a_step_is_compared_with_runs_of_the_same_fingerprint(tmp_path: Path, night: Night) -> None:
    """On the new kernel two seconds are usual: against both kernels nothing would be slower."""
    old = [night(n, {"A-1": PASSED}, done=9.0) for n in range(1, 9)]
    new = [night(n, {"A-1": PASSED}, done=2.0, kernel="6.2") for n in range(9, 13)]

    (slower,) = changed(
        tmp_path, *old, *new, night(13, {"A-1": PASSED}, done=3.0, kernel="6.2")
    ).slower

    assert (slower.now, slower.usual.median, slower.usual.runs) == (3.0, 2.0, 4)
    assert slower.beside == ()


def test_what_is_slower_since_the_fingerprint_changed_is_told_with_the_change(
    tmp_path: Path, night: Night
) -> None:
    old = [night(n, {"A-1": PASSED}, done=1.0) for n in range(1, 6)]
    new = [night(n, {"A-1": PASSED}, done=2.0, kernel="6.2") for n in (6, 7)]
    found = changed(tmp_path, *old, *new)

    # Since the night before nothing changed in the fingerprint; since the usual runs it did.
    assert found.facets == ()
    lines = report([found]).splitlines()
    assert (
        "  slower: resize done 2.00 s, 2.0 times the median of 5 runs of another fingerprint, "
        "1.00 s (robust deviation 0.000 s)"
    ) in lines
    assert "      with it changed: kernel 6.1 -> 6.2" in lines


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
    assert "    A-2  failed -> failed, since night-1 (2 runs)" in lines
    assert "  changed beside: kernel 6.1 -> 6.2" in lines


def test_one_root_cause_is_one_entry(tmp_path: Path, night: Night) -> None:
    broken = dict.fromkeys(("A-1", "A-2", "A-10"), FAILED)
    reading = "file {number} was wrong. At fault is the CRI runtime, which did not do it"
    found = changed(
        tmp_path,
        night(1, dict.fromkeys(broken, PASSED) | {"A-3": PASSED}),
        night(2, broken | {"A-3": PASSED}, reading=reading),
    )

    lines = report([found]).splitlines()
    at = lines.index("  NEW FAILURES (3)")
    assert lines[at + 1 : at + 3] == [
        "    3 requirements of one cause  passed -> failed",
        "        A-1, A-2, A-10",
    ]
    assert lines[at + 3] == "        At fault is the CRI runtime, which did not do it"


def test_what_is_fixed_says_what_it_was(tmp_path: Path, night: Night) -> None:
    failed = night(1, {"A-1": FAILED, "A-2": FAILED}, reading="the kernel kept {number}")
    found = changed(tmp_path, failed, night(2, {"A-1": PASSED, "A-2": PASSED, "A-3": PASSED}))

    text = report([found])

    assert "    2 requirements of one cause  failed -> passed\n        A-1, A-2\n" in text
    assert "        was: the kernel kept 0" in text
    assert "  new requirements (1)\n    A-3  absent -> passed\n  fixed" in text


def test_what_is_not_put_to_the_target_any_more_is_told(tmp_path: Path, night: Night) -> None:
    unsupported = VerdictKind.UNSUPPORTED
    found = changed(
        tmp_path,
        night(1, {"A-1": PASSED, "A-2": FAILED, "A-3": unsupported, "A-4": unsupported}),
        night(2, {"A-1": unsupported, "A-2": unsupported, "A-3": PASSED, "A-4": FAILED}),
    )

    assert ids(found.unseen) == ["A-1", "A-2"]
    assert ids(found.seen) == ["A-3"]
    assert ids(found.new_failures) == ["A-4"]
    assert found.fixed == ()
    assert "  not put to the target any more (2)" in report([found])


def test_a_failure_that_is_catalogued_now_is_not_called_fixed(tmp_path: Path, night: Night) -> None:
    found = changed(tmp_path, night(1, {"A-1": FAILED}), night(2, {"A-1": "PD-01"}))

    assert (ids(found.excused), found.fixed) == (["A-1"], ())


def test_a_new_failure_says_that_it_is_known_to_be_flaky(tmp_path: Path, night: Night) -> None:
    course = [PASSED, FAILED, PASSED, PASSED, FAILED]
    runs = [night(n, {"A-1": each}) for n, each in enumerate(course, 1)]

    text = report([changed(tmp_path, *runs)])

    assert "known to be flaky: A-1 failed in 2 of 5 runs (40 %; 95 % interval 12 % to 77 %)" in text


def test_what_goes_to_and_fro_within_one_run_is_flaky(tmp_path: Path, night: Night) -> None:
    runs = [night(1, {"A-1": PASSED}), night(2, {"A-1": VerdictKind.FLAKY})]

    (flaky,) = changed(tmp_path, *runs).flaky

    assert (flaky.wrong, flaky.runs) == (1, 2)


def test_the_same_runs_give_the_same_report_in_any_order(tmp_path: Path, night: Night) -> None:
    """The numbers of stacks, runs and requirements are those of arrival; no report shows them."""
    runs = [
        night(n, {f"A-{id_}": (FAILED if id_ % (n + 1) else "PD-01") for id_ in range(n, n + 4)})
        for n in range(1, 8)
    ]
    runs += [night(n, {"B-1": PASSED}, label=build.NEW, done=n / 9) for n in range(11, 18)]
    texts = set()
    for number, order in enumerate((runs, runs[::-1], runs[5:] + runs[:5])):
        with History.open(tmp_path / f"h{number}") as history:
            for run in order:
                history.add(run, digest="x")
            texts.add(report(regressions(history)))

    assert len(texts) == 1
    assert "2 stacks" in texts.pop()


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
        pytest.raises(UsageError, match="another release") as error,
        History.open(tmp_path / "h") as _,
    ):
        pass
    assert "its schema is 9, this podresize knows 2" in str(error.value)
    assert "--rebuild" in str(error.value)


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
