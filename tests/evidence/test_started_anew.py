"""PR-01 of a container that is started anew: nobody sees its cgroup before the runtime is asked.

As seen on 1.27.4 in an emulated guest: done at +25.2 s, the new container found at +26.9 s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from podresize.evidence.judging import verify
from podresize.evidence.records import VerdictKind
from podresize.evidence.timeline import Witness
from podresize.oracle.change import Change

C1 = "container/c1"
GONE = {"pid": None, "start_ticks": None}


@pytest.fixture
def restarted(resized: Callable[..., Any], pod_of: Callable[..., Any]) -> Any:
    resources = {kind: {"cpu": "50m", "memory": "64Mi"} for kind in ("requests", "limits")}
    pod = pod_of({"c1": resources}, policy="RestartContainer")
    resize = resized(Change(memory="+32Mi"), pod=pod)
    done = resize.of(Witness.API)[-1].data["status"]["containerStatuses"][0]
    done["state"] = {"running": {}}
    return resize


def of(resize: Any, *, found: float, written: float) -> VerdictKind:
    """Have the runtime asked and the new values sampled so many s after the API says done."""
    done = resize.of(Witness.API)[-1].t
    new = resize.of(Witness.KERNEL, C1)[-1].data
    runs = dict(resize.of(Witness.CRI, C1)[-1].data)
    resize.drop(Witness.KERNEL, C1, since=0.0)
    resize.drop(Witness.CRI, C1, since=0.0)
    resize.add(done + found, Witness.CRI, C1, runs | {"id": "another"})
    resize.add(done + written, Witness.KERNEL, C1, new)
    return verify(resize.timeline, resize.expectation, ["PR-01"])[0].kind


def test_what_is_there_when_it_is_found_was_there_in_time(restarted: Any) -> None:
    assert of(restarted, found=1.8, written=1.8) is VerdictKind.PASSED


@pytest.mark.parametrize(
    ("found", "written"), [(0.1, 1.8), (1.8, 3.6)], ids=["found at once", "found late"]
)
def test_what_comes_after_it_was_found_is_late(
    restarted: Any, found: float, written: float
) -> None:
    assert of(restarted, found=found, written=written) is VerdictKind.FAILED


@pytest.mark.parametrize("down", ["not counted", "not running"])
def test_an_api_that_says_done_without_it_waits_for_no_witness(restarted: Any, down: str) -> None:
    status = restarted.of(Witness.API)[-1].data["status"]["containerStatuses"][0]
    if down == "not running":
        status["state"] = {"waiting": {"reason": "ContainerCreating"}}
    else:
        status["restartCount"] -= 1

    assert of(restarted, found=1.8, written=1.8) is VerdictKind.FAILED
