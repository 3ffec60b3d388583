"""PD-71: a pod's weight that stays, and what is near it and something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.evidence.mutants.saying import burstable
from tests.evidence.mutants.spoiling import C1

from podresize.evidence.judging import verify
from podresize.evidence.timeline import Witness
from podresize.oracle.change import Change

STACKS: list[dict[str, Any]] = [
    {"kubernetes": "1.27.4", "kubelet": "1.27.4", "runtime_version": "1.6.36"},
    {"kubernetes": "1.37.2", "kubelet": "1.37.2", "runtime_version": "2.1.4"},
]


def resize_of(
    resized: Callable[..., Any],
    weight: str,
    *,
    to: str = "130m",
    stack: dict[str, Any] = STACKS[0],
) -> Any:
    """From 150m, with another weight of the pod than that of the new request."""
    pod = burstable({"cpu": "150m", "memory": "64Mi"}, {"cpu": "200m", "memory": "128Mi"})
    change = Change(cpu=to, scope="requests")
    resize = resized(change, pod=pod, **({"cgroup_version": 2} | stack))
    resize.edit(
        Witness.KERNEL,
        lambda files: files.update({"cpu.weight": weight}),
        subject="pod",
        since=-9,
    )
    return resize


def deviation_of(resize: Any, requirement: str) -> str | None:
    return verify(resize.timeline, resize.expectation, [requirement])[0].deviation


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: str(stack["kubernetes"]))
@pytest.mark.parametrize("requirement", ["KL-32", "KL-39"])
def test_pd_71_is_known(
    resized: Callable[..., Any],
    stack: dict[str, Any],
    requirement: str,
) -> None:
    """150m are weight 6, which is read back as the 133 shares of 130m."""
    assert deviation_of(resize_of(resized, "6", stack=stack), requirement) == "PD-71"


@pytest.mark.parametrize(
    ("weight", "to"),
    [
        ("7", "130m"),
        ("6", "100m"),  # 102 shares are not what 6 is read back as
    ],
)
def test_pd_71_is_nothing_else(resized: Callable[..., Any], weight: str, to: str) -> None:
    assert deviation_of(resize_of(resized, weight, to=to), "KL-32") is None


def test_pd_71_is_no_weight_that_moved(resized: Callable[..., Any]) -> None:
    resize = resize_of(resized, "9")
    resize.edit(
        Witness.KERNEL, lambda files: files.update({"cpu.weight": "6"}), subject="pod", since=0.02
    )

    assert deviation_of(resize, "KL-32") is None


def test_pd_71_excuses_no_containers_weight(resized: Callable[..., Any]) -> None:
    resize = resize_of(resized, "6")
    resize.edit(Witness.KERNEL, lambda files: files.update({"cpu.weight": "6"}), subject=C1)

    assert deviation_of(resize, "KL-39") is None
