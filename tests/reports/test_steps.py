"""Times of steps: what counts as one, and when a difference is more than chance."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.reports import records_builder as build

from podresize_reports.loading import load_run
from podresize_reports.steps import LEAST, ratio_of, samples, shifts, spread

USUAL = tuple(1 + number / 100 for number in range(20))


def longer(times: tuple[float, ...], by: float) -> dict[str, tuple[float, ...]]:
    return {"done": tuple(each * by for each in times)}


def test_a_resize_that_several_requirements_are_read_off_counts_once(tmp_path: Path) -> None:
    facts = {"kernel": 0.2, "patched": 0.01}
    records = [
        build.run_record(),
        build.target_record(),
        *(build.verdict(id_, timeline="t1", facts=facts) for id_ in ("A-1", "A-2")),
        build.verdict("A-1", timeline="t2", facts={"kernel": 0.1}),
        build.verdict("A-1", timeline="t3", facts={"kernel": 9.0}, target=build.NEW),
    ]
    run = load_run(build.write(tmp_path / "r", records))

    found = samples(run, {build.OLD})

    assert list(found.items()) == [("patched", (0.01,)), ("kernel", (0.1, 0.2))]


def test_what_was_so_before_the_patch_took_no_time(tmp_path: Path) -> None:
    verdicts = [
        build.verdict(timeline=f"t{number}", facts={"status": at, "cri": 0.0, "sampling_gap": 0.5})
        for number, at in enumerate((0.0, 0.0, 1.5))
    ]
    records = [build.run_record(), build.target_record(), *verdicts]

    found = samples(load_run(build.write(tmp_path / "r", records)), {build.OLD})

    assert found == {"status": (1.5,)}


def test_one_time_has_all_quantiles() -> None:
    assert (spread([0.3]).number, spread([0.3]).p10, spread([0.3]).p90) == (1, 0.3, 0.3)


@pytest.mark.parametrize(
    ("by", "slower", "faster"),
    [(1.5, True, False), (1.0, False, False), (1.1, False, False), (0.5, False, True)],
)
def test_a_step_is_slower_by_a_fifth_and_not_by_chance(
    by: float, slower: bool, faster: bool
) -> None:
    (found,) = shifts({"done": USUAL}, longer(USUAL, by))

    assert (found.is_slower, found.is_faster) == (slower, faster)
    assert found.ratio == pytest.approx(by, rel=0.01)
    assert found.interval[0] <= found.ratio <= found.interval[1]


def test_a_few_times_that_scatter_say_nothing() -> None:
    left = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)
    right = tuple(each * 1.5 for each in left)

    (found,) = shifts({"done": left}, {"done": right})

    assert found.ratio > 1.2
    assert not found.is_slower


def test_of_fewer_resizes_nothing_is_told() -> None:
    assert shifts({"done": USUAL}, {"done": USUAL[: LEAST - 1]}) == ()


def test_an_outlier_moves_neither_ratio_nor_interval_far() -> None:
    calm, wild = ratio_of(USUAL, USUAL), ratio_of(USUAL, [*USUAL[:-1], 900.0])

    assert wild[0] == pytest.approx(calm[0], rel=0.02)
    assert wild[1][1] < 1.2


def test_thousands_of_times_are_compared_by_their_ranks() -> None:
    many = [1 + number / 5000 for number in range(5000)]

    ratio, interval = ratio_of(many, [2 * each for each in many])

    assert ratio == pytest.approx(2, rel=0.01)
    assert interval[0] > 1.8
