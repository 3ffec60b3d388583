"""What follows where the runtime reports nothing, as 1.27.4 with containerd 1.6.8 showed it."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from tests.evidence.mutants.spoiling import C1

from podresize.evidence.judging import verify
from podresize.evidence.timeline import Witness
from podresize.oracle.change import Change
from podresize.oracle.model import Passing

SILENT = {"kubernetes": "1.27.4", "kubelet": "1.27.4", "runtime_version": "1.6.8", "silent": True}
DOWN = Change(cpu="-50m", memory="-16Mi")
OPPOSITE = Change(cpu="-50m", memory="+16Mi")


def deviation_of(resize: Any, requirement: str) -> str | None:
    return verify(resize.timeline, resize.expectation, [requirement])[0].deviation


@pytest.fixture
def taken_back(resized: Callable[..., Any]) -> Any:
    """Up and back at once: the kernel has what was asked for in between, the API the beginning."""
    resize = resized(**SILENT)
    expected = resize.expectation
    passing = Passing(
        accepted=True,
        asked={item.name: item.asked for item in expected.containers},
        after={item.name: item.after for item in expected.containers},
        cgroups=expected.cgroups_after,
        runtime={item.name: item.runtime_after for item in expected.containers},
    )
    resize.expectation = dataclasses.replace(
        expected,
        passing=(passing,),
        containers=tuple(
            dataclasses.replace(
                item,
                asked=item.asked_before,
                after=item.before,
                runtime_after=item.runtime_before,
                allocated=item.before["requests"],
            )
            for item in expected.containers
        ),
        cgroups_after=expected.cgroups_before,
    )
    first = resize.of(Witness.API)[0].data
    for t, shown in ((7.0, "InProgress"), (13.9, None)):
        pod = copy.deepcopy(first)
        if shown:
            pod["status"]["resize"] = shown
        resize.add(t, Witness.API, "pod", pod)
    resize.observations = [
        seen for seen in resize.observations if seen.witness is not Witness.API or seen.t < 14.0
    ]
    return resize


@pytest.mark.parametrize("requirement", ["PR-03", "KL-30"])
def test_pd_24_the_kernel_keeps_what_the_api_has_taken_back(
    taken_back: Any, requirement: str
) -> None:
    assert deviation_of(taken_back, requirement) == "PD-24"


def test_pd_24_is_not_for_one_change(taken_back: Any) -> None:
    taken_back.expectation = dataclasses.replace(taken_back.expectation, passing=())

    assert deviation_of(taken_back, "KL-30") is None


def test_pd_24_is_not_for_a_resize_that_goes_on(taken_back: Any) -> None:
    taken_back.of(Witness.API)[-1].data["status"]["resize"] = "InProgress"

    assert deviation_of(taken_back, "KL-30") is None


def test_pd_24_is_not_for_a_kernel_with_anything_else(taken_back: Any) -> None:
    files = taken_back.again(15.0, Witness.KERNEL, C1, -1)
    files["memory.limit_in_bytes"] = "4096\n"

    assert deviation_of(taken_back, "KL-30") is None


@pytest.fixture
def taken_back_later(resized: Callable[..., Any]) -> Any:
    """The status never showed what is taken back: it has the values asked for all along."""
    resize = resized(**SILENT)
    last = resize.of(Witness.API)[-1].data["spec"]["containers"]
    after = {each["name"]: each["resources"] for each in last}

    def show(pod: dict[str, Any]) -> None:
        pod["status"].pop("resize", None)
        for each in pod["status"]["containerStatuses"]:
            each["resources"] = copy.deepcopy(after[each["name"]])

    show(resize.of(Witness.API)[0].data)
    resize.edit(Witness.API, show)
    for subject in ("pod", C1):
        old = resize.of(Witness.KERNEL, subject)[0].data
        resize.edit(Witness.KERNEL, lambda data, old=old: data.update(old), subject=subject)
    return resize


@pytest.mark.parametrize("requirement", ["PR-03", "KL-30"])
def test_pd_24_the_kernel_keeps_what_was_enacted_long_before(
    taken_back_later: Any, requirement: str
) -> None:
    assert deviation_of(taken_back_later, requirement) == "PD-24"


def test_pd_24_is_not_for_a_status_that_followed(taken_back_later: Any) -> None:
    pod = taken_back_later.of(Witness.API)[0].data
    pod["status"]["containerStatuses"][0]["resources"]["requests"]["cpu"] = "7m"

    assert deviation_of(taken_back_later, "KL-30") is None


def test_pd_24_is_not_for_a_kernel_that_moved(taken_back_later: Any) -> None:
    taken_back_later.of(Witness.KERNEL, C1)[-1].data["memory.limit_in_bytes"] = "4096\n"

    assert deviation_of(taken_back_later, "KL-30") is None


def test_pd_24_is_not_for_a_resize_that_does_not_end(taken_back_later: Any) -> None:
    taken_back_later.of(Witness.API)[-1].data["status"]["resize"] = "InProgress"

    assert deviation_of(taken_back_later, "KL-30") is None


@pytest.fixture(params=[DOWN, OPPOSITE], ids=str)
def fallen_back(resized: Callable[..., Any], request: pytest.FixtureRequest) -> Any:
    """Enacted, and at the next sync the container's shares are the old ones again, for good."""
    resize = resized(request.param, **SILENT)
    before = resize.of(Witness.KERNEL, C1)[0].data["cpu.shares"]
    resize.again(6.3, Witness.KERNEL, C1, -1)["cpu.shares"] = before
    return resize


@pytest.mark.parametrize("requirement", ["KL-30", "PR-01"])
def test_pd_25_the_shares_stay_old(fallen_back: Any, requirement: str) -> None:
    assert deviation_of(fallen_back, requirement) == "PD-25"


@pytest.mark.parametrize("requirement", ["ST-21", "CRI-03"])
def test_what_is_not_reported_is_c_01_all_the_same(fallen_back: Any, requirement: str) -> None:
    assert deviation_of(fallen_back, requirement) == "C-01"


def test_c_01_is_not_for_other_old_values(fallen_back: Any) -> None:
    old = fallen_back.of(Witness.KERNEL, C1)[0].data["memory.limit_in_bytes"]
    fallen_back.of(Witness.KERNEL, C1)[-1].data["memory.limit_in_bytes"] = old

    assert deviation_of(fallen_back, "ST-21") is None


def test_pd_25_is_not_for_a_change_of_cpu_alone(resized: Callable[..., Any]) -> None:
    resize = resized(Change(cpu="-50m"), **SILENT)
    before = resize.of(Witness.KERNEL, C1)[0].data["cpu.shares"]
    resize.again(6.3, Witness.KERNEL, C1, -1)["cpu.shares"] = before

    assert deviation_of(resize, "KL-30") is None


def test_pd_25_is_not_for_shares_that_never_were_new(fallen_back: Any) -> None:
    old = fallen_back.of(Witness.KERNEL, C1)[0].data["cpu.shares"]
    fallen_back.edit(Witness.KERNEL, lambda data: data.update({"cpu.shares": old}), subject=C1)

    assert deviation_of(fallen_back, "KL-30") is None


def test_pd_25_is_not_for_a_quota_that_went_back_as_well(fallen_back: Any) -> None:
    old = fallen_back.of(Witness.KERNEL, C1)[0].data["cpu.cfs_quota_us"]
    fallen_back.of(Witness.KERNEL, C1)[-1].data["cpu.cfs_quota_us"] = old

    assert deviation_of(fallen_back, "KL-30") is None


def test_pd_25_is_not_for_what_goes_up(resized: Callable[..., Any]) -> None:
    resize = resized(**SILENT)
    before = resize.of(Witness.KERNEL, C1)[0].data["cpu.shares"]
    resize.again(6.3, Witness.KERNEL, C1, -1)["cpu.shares"] = before

    assert deviation_of(resize, "KL-30") is None
