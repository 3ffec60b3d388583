"""Deviation PD-20: between two changes the status goes back for a while; all else goes forwards."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from podresize.evidence.judging import verify
from podresize.evidence.timeline import Witness
from podresize.oracle.model import Passing

REQUIREMENT = "PR-01"


def overtaken(resize: Any) -> None:
    """The change is the second one; the first asked for the same, so that nothing lies between."""
    expected = resize.expectation
    passing = Passing(
        accepted=True,
        asked={item.name: item.asked for item in expected.containers},
        after={item.name: item.after for item in expected.containers},
        cgroups=expected.cgroups_after,
        runtime={item.name: item.runtime_after for item in expected.containers},
    )
    resize.expectation = dataclasses.replace(expected, passing=(passing,))


def limit_comes_back(resize: Any) -> None:
    last = resize.of(Witness.API)[-1]
    old = resize.expectation.containers[0].before["limits"]["cpu"]
    shown = resize.again(last.t + 1.0, Witness.API, "pod", -1)
    shown["status"]["containerStatuses"][0]["resources"]["limits"]["cpu"] = old
    resize.again(last.t + 1.5, Witness.API, "pod", len(resize.of(Witness.API)) - 2)


def deviation_of(resize: Any) -> str | None:
    return verify(resize.timeline, resize.expectation, [REQUIREMENT])[0].deviation


@pytest.fixture
def good(resized: Any) -> Any:
    return resized()


def test_a_status_that_returns_between_two_changes_is_the_deviation(good: Any) -> None:
    overtaken(good)
    limit_comes_back(good)

    assert deviation_of(good) == "PD-20"


def test_after_one_change_it_is_none(good: Any) -> None:
    limit_comes_back(good)

    assert deviation_of(good) is None


def test_a_status_that_stays_old_is_none(good: Any) -> None:
    overtaken(good)
    limit_comes_back(good)
    good.observations.pop()

    assert deviation_of(good) is None
