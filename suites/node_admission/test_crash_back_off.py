"""A container that waits for its next start after crashes is resized (KEP-1287, #119838).

Whoever raises what a crashing container lacks should not have to wait out its back-off.
"""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest

from podresize_fixtures import Change, Pods, claim, requirement

ENDS_AT_ONCE = ["allocate", "1", "--seconds", "1"]
LONG = 20
SOONER = 3


def back_off(pod: dict[str, Any]) -> int:
    """Return the seconds that the kubelet says it waits with the start; 0 where it says none."""
    shown = pod["status"].get("containerStatuses") or [{"state": {}}]
    message = (shown[0]["state"].get("waiting") or {}).get("message") or ""
    found = re.search(r"back-off (\d+)s restarting", message)
    return int(found[1]) if found else 0


def last_run(pod: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of the run of the container that ended last."""
    shown = pod["status"].get("containerStatuses") or [{}]
    told = [shown[0].get(name) or {} for name in ("state", "lastState")]
    ended: dict[str, Any] = next((each["terminated"] for each in told if "terminated" in each), {})
    return ended


def between(before: str | None, after: str | None) -> float | None:
    """Return the seconds from one time of the API to another."""
    if before is None or after is None:
        return None
    first, second = (datetime.datetime.fromisoformat(each) for each in (before, after))
    return (second - first).total_seconds()


@requirement("KL-05")
# Two back-offs have to pass before one is long enough to be told from none.
@pytest.mark.profile("extended")
def test_the_back_off_ends_with_the_grant(pods: Pods) -> None:
    """The container is started before it had to be, by the kubelet's own times.

    They are whole seconds, and the kubelet never starts a container before its back-off is over.
    """
    pod = pods.running(runs=False, arguments=ENDS_AT_ONCE)
    waits = pod.until(lambda raw: back_off(raw) >= LONG, within=90)
    seconds, ended = back_off(waits), last_run(waits).get("finishedAt")

    pod.ask(Change(cpu="+50m"))
    starts = pod.until(lambda raw: last_run(raw).get("finishedAt") != ended, within=2 * seconds)

    claim("KL-05", "seconds of the back-off", got=seconds, want=LONG, relation=">=")
    claim(
        "KL-05",
        "seconds from its end to its next start",
        got=between(ended, last_run(starts).get("startedAt")),
        want=seconds - SOONER,
        relation="<=",
    )
