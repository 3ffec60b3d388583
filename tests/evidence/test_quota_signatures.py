"""R-02: no quota that became the least one, and what is near it and something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.evidence.mutants.spoiling import C1

from podresize.evidence.claim_signatures import explanation
from podresize.evidence.claims import Claim
from podresize.evidence.judging import verify
from podresize.evidence.timeline import Witness
from podresize.oracle.change import Change

STACK = {
    "kubernetes": "1.37.2",
    "kubelet": "1.37.2",
    "runtime_version": "2.1.4",
    "cgroup_version": 2,
    "cgroup_driver": "systemd",
    "cpu_manager_policy": "static",
    "oci_runtime": "crun",
    "oci_runtime_version": "1.21",
}
WHOLE = {"cpu": "1", "memory": "64Mi"}


def resize_of(
    resized: Callable[..., Any], pod_of: Callable[..., Any], content: str, **stack: Any
) -> Any:
    """Memory of a container with a CPU to itself is resized, and its cpu.max is this all along."""
    pod = pod_of({"c1": {"requests": dict(WHOLE), "limits": dict(WHOLE)}})
    resize = resized(Change(memory="+32Mi"), pod=pod, **(STACK | stack))
    resize.edit(
        Witness.KERNEL, lambda files: files.update({"cpu.max": content}), subject=C1, since=-9
    )
    return resize


def deviation_of(resize: Any, requirement: str = "KL-30") -> str | None:
    return verify(resize.timeline, resize.expectation, [requirement])[0].deviation


def test_r_02_is_known(resized: Callable[..., Any], pod_of: Callable[..., Any]) -> None:
    resize = resize_of(resized, pod_of, "1000 100000")

    assert deviation_of(resize) == "R-02"


def test_r_02_is_what_it_does_to_a_workload(
    resized: Callable[..., Any], pod_of: Callable[..., Any]
) -> None:
    """With 1 % of a CPU it stands still; seen on 1.37.2, with a gap of 2.3 s."""
    resize = resize_of(resized, pod_of, "1000 100000")
    gap = {"max_gap_seconds": 24.7, "max_stall_seconds": 2.3}
    resize.edit(Witness.WORKLOAD, lambda beat: beat.update(gap), subject=C1)

    assert (deviation_of(resize, "KL-34"), deviation_of(resize, "PR-01")) == ("R-02", "R-02")


def test_r_02_is_no_other_process(resized: Callable[..., Any], pod_of: Callable[..., Any]) -> None:
    resize = resize_of(resized, pod_of, "1000 100000")
    resize.edit(Witness.PROCESS, lambda its: its.update({"pid": 99}), subject=C1)

    assert deviation_of(resize, "KL-34") is None


@pytest.mark.parametrize(
    ("content", "stack"),
    [
        ("2000 100000", {}),
        ("1000 50000", {}),
        ("100000 100000", {}),
        ("1000 100000", {"oci_runtime_version": "1.22"}),
        ("1000 100000", {"oci_runtime": "runc"}),
        ("1000 100000", {"cgroup_driver": "cgroupfs"}),
        ("1000 100000", {"runtime": "cri-o"}),
    ],
)
def test_r_02_is_nothing_else(
    resized: Callable[..., Any], pod_of: Callable[..., Any], content: str, stack: dict[str, Any]
) -> None:
    assert deviation_of(resize_of(resized, pod_of, content, **stack)) is None


def test_r_02_is_not_where_another_file_is_wrong(
    resized: Callable[..., Any], pod_of: Callable[..., Any]
) -> None:
    resize = resize_of(resized, pod_of, "1000 100000")
    resize.edit(Witness.KERNEL, lambda files: files.update({"memory.max": "1"}), subject=C1)

    assert deviation_of(resize) is None


def test_r_02_is_not_a_quota_that_came_with_the_resize(
    resized: Callable[..., Any], pod_of: Callable[..., Any]
) -> None:
    resize = resize_of(resized, pod_of, "max 100000")
    resize.edit(Witness.KERNEL, lambda files: files.update({"cpu.max": "1000 100000"}), subject=C1)

    assert deviation_of(resize) is None


@pytest.mark.parametrize(
    ("what", "got", "id_"),
    [
        ("cpu.max of c1, after a resize of memory", "1000 100000", "R-02"),
        ("cpu.max of c1, as started", "1000 100000", "R-02"),
        ("cpu.max of c1, as started", "100000 100000", None),
        ("cpu.max of pod, as started", "1000 100000", None),
    ],
)
def test_r_02_in_claims(
    resized: Callable[..., Any],
    pod_of: Callable[..., Any],
    what: str,
    got: str,
    id_: str | None,
) -> None:
    fingerprint = resize_of(resized, pod_of, "1000 100000").expectation.fingerprint
    claim = Claim(requirement="PR-60", what=what, got=got, want="max 100000")

    found = explanation("PR-60", [claim], fingerprint)

    assert (found and found.id) == id_
