"""Whether a resize is enacted is seen in kernel and allocation, also where no status says so."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from tests.evidence.mutants.spoiling import C1

from podresize.evidence.case import Case
from podresize.evidence.enacting import not_enacted
from podresize.evidence.timeline import Witness

OLD = {"kubernetes": "1.27.4", "kubelet": "1.27.4", "runtime_version": "1.6.8", "silent": True}


@pytest.mark.parametrize("target", [{}, OLD], ids=["reported", "never reported"])
def test_it_is_whatever_the_status_says(resized: Callable[..., Any], target: Any) -> None:
    resize = resized(**target)

    assert not_enacted(Case(resize.timeline, resize.expectation)) is None


@pytest.mark.parametrize("subject", [C1, "pod"])
def test_a_cgroup_that_stayed_is_named(resized: Callable[..., Any], subject: str) -> None:
    resize = resized()
    before = {seen.subject: seen for seen in reversed(resize.of(Witness.KERNEL)) if seen.t < 0}
    resize.add(resize.ended, Witness.KERNEL, subject, dict(before[subject].data))

    assert not_enacted(Case(resize.timeline, resize.expectation)) == (
        f"the cgroup of {subject} is not at the new values"
    )


def test_an_allocation_that_stayed_is_named(resized: Callable[..., Any]) -> None:
    resize = resized(**OLD)
    pods = resize.of(Witness.API)
    last = copy.deepcopy(pods[-1].data)
    for now, before in zip(
        last["status"]["containerStatuses"],
        pods[0].data["status"]["containerStatuses"],
        strict=True,
    ):
        now["allocatedResources"] = before["allocatedResources"]
    resize.add(resize.ended, Witness.API, "pod", last)

    assert not_enacted(Case(resize.timeline, resize.expectation)) == (
        "allocatedResources is not at the new values"
    )
