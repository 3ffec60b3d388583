"""Deviation PD-20: between two changes the status goes back for a while; all else goes forwards."""

from __future__ import annotations

import copy
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


def labelled(resize: Any) -> None:
    """As seen on 1.27.4: a label a moment after the resize; done, in progress again, and done."""
    states = resize.of(Witness.API)
    done = states.pop()
    done.data["metadata"]["labels"] = {"beside": "the-resize"}
    resize.observations.remove(done)
    old = resize.expectation.containers[0].before
    resize.add(0.46, Witness.API, "pod", done.data)
    returned = resize.again(0.74, Witness.API, "pod", -1)
    returned["status"]["resize"] = "InProgress"
    returned["status"]["containerStatuses"][0]["resources"] = copy.deepcopy(old)
    resize.add(6.1, Witness.API, "pod", done.data)


def with_labels(resize: Any, labels: dict[str, str] | None) -> None:
    for seen in resize.of(Witness.API):
        seen.data["metadata"] = {**seen.data["metadata"], "labels": labels}


def begins_in_the_one_before(resize: Any) -> None:
    """As seen on 1.27.4: 57m was done, 50m is in progress again, and then memory is asked for."""
    shown = resize.of(Witness.API)[0].data["status"]
    shown["resize"] = "InProgress"
    for kind in ("requests", "limits"):
        shown["containerStatuses"][0]["resources"][kind]["cpu"] = "7m"


def deviation_of(resize: Any, requirement: str = REQUIREMENT) -> str | None:
    return verify(resize.timeline, resize.expectation, [requirement])[0].deviation


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


@pytest.mark.parametrize("requirement", ["PR-01", "PR-10"])
def test_a_label_is_the_other_change_as_well(good: Any, requirement: str) -> None:
    labelled(good)

    assert deviation_of(good, requirement) == "PD-20"


@pytest.mark.parametrize("requirement", ["PR-01", "PR-10"])
def test_nobody_need_be_beside_a_resize_that_was_done_and_is_in_progress_again(
    good: Any, requirement: str
) -> None:
    labelled(good)
    with_labels(good, None)

    assert deviation_of(good, requirement) == "PD-20"


@pytest.mark.parametrize("labels", [None, {"beside": "the-resize"}], ids=["none", "from before"])
def test_one_change_that_was_not_done_yet_has_no_such_race(good: Any, labels: Any) -> None:
    labelled(good)
    with_labels(good, labels)
    good.of(Witness.API)[-3].data["status"]["resize"] = "InProgress"

    assert deviation_of(good) is None


def test_a_done_resize_that_goes_back_half_way_is_none(good: Any) -> None:
    labelled(good)
    with_labels(good, None)
    done, half = (
        seen.data["status"]["containerStatuses"][0] for seen in good.of(Witness.API)[-3:-1]
    )
    half["resources"]["requests"]["cpu"] = done["resources"]["requests"]["cpu"]

    assert deviation_of(good) is None


def test_a_resize_that_stays_in_progress_again_is_none(good: Any) -> None:
    labelled(good)
    with_labels(good, None)
    good.observations.remove(good.of(Witness.API)[-1])

    assert deviation_of(good) is None


@pytest.mark.parametrize("requirement", ["PR-01", "PR-10"])
def test_a_kernel_that_goes_back_as_well_is_none(good: Any, requirement: str) -> None:
    labelled(good)
    good.again(0.8, Witness.KERNEL, "container/c1", 0)
    good.again(1.8, Witness.KERNEL, "container/c1", 1)

    assert deviation_of(good, requirement) is None


@pytest.mark.parametrize("requirement", ["PR-01", "PR-10"])
def test_a_step_to_another_word_is_none(good: Any, requirement: str) -> None:
    labelled(good)
    good.of(Witness.API)[-2].data["status"]["resize"] = "Deferred"

    assert deviation_of(good, requirement) is None


def test_proposed_may_be_cleared_early_beside_it(good: Any) -> None:
    """PD-10 in the same timeline: neither race hides the other."""
    labelled(good)
    cleared = good.again(0.02, Witness.API, "pod", 1)
    cleared["status"].pop("resize")

    assert deviation_of(good, "PR-10") == "PD-20"


def test_the_change_before_may_be_shown_again_when_this_one_begins(good: Any) -> None:
    begins_in_the_one_before(good)

    assert deviation_of(good) == "PD-20"


def test_a_change_before_that_is_not_enacted_is_none(good: Any) -> None:
    begins_in_the_one_before(good)
    good.of(Witness.CRI)[0].data["resources"]["cpu_shares"] = 7

    assert deviation_of(good) is None


def test_a_change_before_that_is_not_granted_is_none(good: Any) -> None:
    begins_in_the_one_before(good)
    status = good.of(Witness.API)[0].data["status"]["containerStatuses"][0]
    status["allocatedResources"]["cpu"] = "7m"

    assert deviation_of(good) is None


def test_a_pod_that_is_in_no_resize_when_this_one_begins_is_none(good: Any) -> None:
    begins_in_the_one_before(good)
    good.of(Witness.API)[0].data["status"].pop("resize")

    assert deviation_of(good) is None
