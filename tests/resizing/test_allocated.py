"""Whether the API says that the requests of a spec are allocated."""

from __future__ import annotations

from typing import Any

from podresize.resizing.running_pod import RunningPod


def pod(asked: str, allocated: str | None) -> dict[str, Any]:
    status: dict[str, Any] = {"name": "c1"}
    if allocated is not None:
        status["allocatedResources"] = {"cpu": allocated}
    container = {"name": "c1", "resources": {"requests": {"cpu": asked}}}
    return {"spec": {"containers": [container]}, "status": {"containerStatuses": [status]}}


def test_quantities_are_compared_and_not_texts() -> None:
    assert RunningPod.is_allocated(pod("1", "1000m"))


def test_another_amount_and_none_at_all_are_not_it() -> None:
    assert not RunningPod.is_allocated(pod("150m", "100m"))
    assert not RunningPod.is_allocated(pod("150m", None))
