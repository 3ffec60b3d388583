"""When a pod runs, and when nobody needs to wait for that any more."""

from __future__ import annotations

from typing import Any

import pytest

from podresize.errors import HarnessError
from podresize.resizing.live_pod import is_running

RUNS = {"name": "c1", "ready": True, "state": {"running": {}}}


def pod(phase: str, *statuses: dict[str, Any]) -> dict[str, Any]:
    status = {"phase": phase, "containerStatuses": list(statuses), "reason": "Because"}
    return {"spec": {"containers": [{"name": "c1"}]}, "status": status}


@pytest.mark.parametrize(
    ("phase", "statuses", "runs"),
    [
        ("Running", [RUNS], True),
        ("Running", [RUNS | {"ready": False}], False),
        ("Running", [], False),
        ("Pending", [RUNS | {"state": {"waiting": {}}}], False),
    ],
)
def test_a_pod_runs_when_each_container_does(
    phase: str, statuses: list[dict[str, Any]], *, runs: bool
) -> None:
    assert is_running(pod(phase, *statuses)) is runs


@pytest.mark.parametrize(("phase", "word"), [("Failed", "failed"), ("Succeeded", "ended")])
def test_one_that_never_will_is_not_waited_for(phase: str, word: str) -> None:
    """On a slow node the wait for a pod that has ended would be a quarter of an hour."""
    with pytest.raises(HarnessError, match=f"the pod {word} before it was seen to run") as raised:
        is_running(pod(phase, RUNS | {"state": {"terminated": {}}}))

    assert "Because" in str(raised.value.value)
