"""Step times: percentiles by nearest rank, and a plot in which every resize is a dot."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.reports import records_builder as build

from podresize.evidence.records import VerdictRecord
from podresize_reports.loading import Run, TargetRecord
from podresize_reports.page.latency import Axis, axis_of, distributions, plot


def _run(times: Sequence[float], target: str = build.OLD) -> Run:
    verdicts = tuple(
        VerdictRecord.from_json(
            build.verdict(timeline=f"t{n}", facts={"kernel": time}, target=target)
        )
        for n, time in enumerate(times)
    )
    return Run(targets=(TargetRecord(label=target),), verdicts=verdicts)


@pytest.mark.parametrize(
    ("times", "columns"),
    [
        ([0.5], (0.5, 0.5, 0.5, 0.5)),
        ([0.4, 0.1, 0.3, 0.2], (0.2, 0.4, 0.4, 0.4)),
        ([n / 100 for n in range(100, 0, -1)], (0.5, 0.9, 0.99, 1.0)),
        ([0.0, 0.0, 0.3], (0.3, 0.3, 0.3, 0.3)),
        ([0.0], (None, None, None, None)),
    ],
    ids=["one", "four", "hundred", "so-before", "none"],
)
def test_percentiles_are_times_that_were_seen(
    times: list[float], columns: tuple[float | None, ...]
) -> None:
    (kernel,) = [each for each in distributions(_run(times), build.OLD) if each.step == "kernel"]

    assert kernel.columns == columns
    assert kernel.already == times.count(0.0)
    assert len(kernel.times) + kernel.already == kernel.of == len(times)


def test_nothing_measured_is_nothing_shown() -> None:
    assert distributions(_run([]), build.OLD) == ()
    assert plot((), Axis(least=0.01, most=1.0)) is None
    assert plot(distributions(_run([0.0]), build.OLD), axis_of([])) is None


def test_every_resize_is_a_dot_where_its_time_is() -> None:
    found = distributions(_run([0.01, 0.1, 1.0]), build.OLD)
    drawn = plot(found, axis_of([found]))

    assert drawn is not None
    (strip,) = drawn.strips
    assert [dot.split(" ")[0] for dot in strip.dots.split("M")[1:]] == ["10", "500", "990"]
    assert strip.marks == ((50, 50.0), (90, 99.0), (99, 99.0))


def test_targets_share_one_axis() -> None:
    quick, slow = (distributions(_run([time]), build.OLD) for time in (0.01, 10.0))
    axis = axis_of([quick, slow])

    assert (axis.x(0.01), axis.x(10.0)) == (1.0, 99.0)
    labels = [label for _, label in axis.ticks()]
    assert labels == ["0.01 s", "0.03 s", "0.1 s", "0.3 s", "1 s", "3 s"]


def test_how_long_nobody_looked_is_no_step_of_the_plot() -> None:
    run = _run([0.1])
    gap = VerdictRecord.from_json(build.verdict(timeline="t0", facts={"sampling_gap": 900.0}))
    found = distributions(Run(targets=run.targets, verdicts=(*run.verdicts, gap)), build.OLD)
    drawn = plot(found, axis_of([found]))

    assert drawn is not None
    assert [strip.label for strip in drawn.strips] == ["kernel has the values"]
    assert axis_of([found]).most < 900
