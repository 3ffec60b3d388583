"""A container that waits for its next start after crashes is resized (KEP-1287, #119838).

Whoever raises what a crashing container lacks should not have to wait out its back-off.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from podresize_fixtures import Change, Pods, claim, requirement

ENDS_AT_ONCE = ["allocate", "1", "--seconds", "1"]
LONG = 20


def back_off(pod: dict[str, Any]) -> int:
    """Return the seconds that the kubelet says it waits with the start; 0 where it says none."""
    shown = pod["status"].get("containerStatuses") or [{"state": {}}]
    message = (shown[0]["state"].get("waiting") or {}).get("message") or ""
    found = re.search(r"back-off (\d+)s restarting", message)
    return int(found[1]) if found else 0


@requirement("KL-05")
# Two back-offs have to pass before one is long enough to be told from none.
@pytest.mark.profile("extended")
def test_the_back_off_ends_with_the_grant(pods: Pods) -> None:
    """The container is started in half the time, or less, that it would have to wait."""
    pod = pods.running(runs=False, arguments=ENDS_AT_ONCE)
    waits = pod.until(lambda raw: back_off(raw) >= LONG, within=90)
    seconds, before = back_off(waits), pod.restarts

    pod.ask(Change(cpu="+50m"))
    pod.until(lambda _: pod.restarts > before, within=seconds / 2)

    claim("KL-05", "seconds of the back-off", got=seconds, want=LONG, relation=">=")
    claim("KL-05", "starts within half of it", got=pod.restarts - before, want=1, relation=">=")
