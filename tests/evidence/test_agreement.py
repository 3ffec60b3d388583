"""Whether a pod shows what it asks for, without an expectation to compare it with."""

from __future__ import annotations

from typing import Any

import pytest

from podresize.evidence.agreement import shows_its_spec

SIZE = {"requests": {"cpu": "100m"}, "limits": {"cpu": "0.1"}}
SAME = {"requests": {"cpu": "0.1"}, "limits": {"cpu": "100m"}}
OLD = {"requests": {"cpu": "50m"}, "limits": {"cpu": "100m"}}


def pod(*in_force: dict[str, Any], **status: Any) -> dict[str, Any]:
    statuses = [{"name": f"c{n}", "resources": each} for n, each in enumerate(in_force, start=1)]
    return {
        "spec": {"containers": [{"name": "c1", "resources": SIZE}, {"name": "c2"}]},
        "status": {"containerStatuses": statuses} | status,
    }


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (pod(SAME, {}), True),
        (pod(SIZE, {}, resize=""), True),
        (pod(OLD, {}), False),
        (pod(SIZE, SIZE), False),
        (pod(), False),
        (pod(SIZE, {}, resize="InProgress"), False),
        (pod(SIZE, {}, conditions=[{"type": "PodResizePending", "status": "True"}]), False),
        (pod(SIZE, {}, conditions=[{"type": "Ready", "status": "True"}]), True),
    ],
)
def test_what_a_pod_shows_is_what_it_asks_for(raw: dict[str, Any], shown: bool) -> None:
    assert shows_its_spec(raw) is shown
