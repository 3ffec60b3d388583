"""What 1.32 does differently: K-22 (a race of the status) and PD-04 (a kubelet that never acts)."""

from __future__ import annotations

from typing import Any

import pytest

from podresize.evidence.judging import verify
from podresize.evidence.records import VerdictKind
from podresize.evidence.timeline import Witness

V132 = {"kubernetes": "1.32.2", "kubelet": "1.32.2"}


def judge(resize: Any, *ids: str) -> list[tuple[VerdictKind, str | None]]:
    found = verify(resize.timeline, resize.expectation, ids)
    return [(item.kind, item.deviation) for item in found]


@pytest.fixture
def clobbered(resized: Any) -> Any:
    """A resize that goes well but for an empty ``resize`` between Proposed and InProgress."""
    resize = resized(**V132)
    proposed = next(
        o for o in resize.of(Witness.API) if o.data["status"].get("resize") == "Proposed"
    )
    later = resize.again(
        proposed.t + 0.001, Witness.API, "pod", resize.of(Witness.API).index(proposed)
    )
    del later["status"]["resize"]
    return resize


def test_a_proposed_that_is_overwritten_is_the_known_race(clobbered: Any) -> None:
    assert judge(clobbered, "ST-02") == [(VerdictKind.PASSED, "K-22")]


def test_the_race_does_not_excuse_an_old_kernel(clobbered: Any) -> None:
    def old(files: dict[str, Any]) -> None:
        files["cpu.shares"] = "204"

    clobbered.edit(Witness.KERNEL, old, subject="container/c1")

    assert judge(clobbered, "ST-02") == [(VerdictKind.FAILED, None)]


@pytest.fixture
def idle(resized: Any) -> Any:
    """A kubelet that leaves everything as it is and calls it InProgress from the start."""
    resize = resized(**V132, runtime_version="1.6.8")
    resize.edit(Witness.CRI, lambda data: data.update(resources=None), since=-1.0)
    resize.drop(Witness.KERNEL, since=0.0)
    before = resize.of(Witness.API)[0].data["status"]["containerStatuses"][0]["resources"]
    kept = {kind: dict(values) for kind, values in before.items()}
    kept["requests"]["memory"] = resize.expectation.containers[0].after["requests"]["memory"]

    def stay(pod: dict[str, Any]) -> None:
        pod["status"]["resize"] = "InProgress"

    def keep(pod: dict[str, Any]) -> None:
        pod["status"]["containerStatuses"][0]["resources"] = kept

    resize.edit(Witness.API, stay, since=-1.0)
    resize.edit(Witness.API, keep, since=0.0)
    resize.ended = resize.expectation.deadline + 1
    return resize


def test_a_kubelet_that_never_acts_is_a_deviation_in_every_witness(idle: Any) -> None:
    ids = ("ST-02", "ST-21", "CRI-03", "KL-30", "KL-32")

    assert judge(idle, *ids) == [(VerdictKind.DEVIATION, "PD-04")] * len(ids)


def test_a_kernel_that_moved_is_something_else(idle: Any) -> None:
    moved = idle.again(1.0, Witness.KERNEL, "container/c1", 0)
    moved["cpu.shares"] = "307"

    assert judge(idle, "ST-21") == [(VerdictKind.FAILED, None)]
