"""A container that waits for its next start after crashes is resized (KEP-1287, #119838).

Whoever raises what a crashing container lacks should not have to wait out its back-off, and it must
get what it lacks. No update reaches a container without a process: the next run is made with the
new values, and whoever makes it has to raise the pod's cgroup as well.
"""

from __future__ import annotations

import datetime
import functools
from typing import Any

import pytest

from podresize_fixtures import Change, Pods, claim, lacking, requirement, unsupported

ENDS_AT_ONCE = ["allocate", "1", "--seconds", "1"]
# The kubelet waits 10 s before the third run and twice that before the fourth.
RUNS = 3
LONG = 20
SOONER = 3
# The second crash is the first after which the kubelet waits: for 10 s.
CRASHES = 2
STARTED = "started"
_SECONDS = 90


def status(pod: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of the pod's container."""
    shown: list[dict[str, Any]] = pod["status"].get("containerStatuses") or []
    return shown[0] if shown else {"restartCount": 0, "state": {}}


def has_ended(pod: dict[str, Any]) -> bool:
    """Whether the last of the runs before the long back-off has ended."""
    told = status(pod)
    return bool(told["restartCount"] == RUNS - 1 and "running" not in told["state"])


def has_begun(pod: dict[str, Any]) -> bool:
    """Whether there was a start after that back-off."""
    return bool(status(pod)["restartCount"] >= RUNS)


def waits(pod: dict[str, Any], *, crashes: int) -> bool:
    """Whether it is down after so many crashes."""
    told = status(pod)
    return bool(told["restartCount"] == crashes - 1 and "running" not in told["state"])


def runs_again(pod: dict[str, Any], *, crashes: int) -> bool:
    """Whether there was a start after so many crashes: it runs, or could not be started."""
    told = status(pod)
    has_begun = "running" in told["state"] or how(last_run(pod)) != STARTED
    return bool(told["restartCount"] == crashes and has_begun)


def last_run(pod: dict[str, Any]) -> dict[str, Any]:
    """Return the run that is told of last: ``startedAt``, and of one that ended ``finishedAt``."""
    told = status(pod)
    for state in (told["state"], told.get("lastState") or {}):
        for name in ("running", "terminated"):
            if name in state:
                run: dict[str, Any] = state[name]
                return run
    return {}


def how(run: dict[str, Any]) -> str:
    """Return how a run began: ``STARTED``, or why it did not."""
    if run.get("reason") in ("StartError", "ContainerCannotRun"):
        return f"{run['reason']}: {run.get('message', '')}"
    return STARTED


def between(before: str, after: str) -> float:
    """Return the seconds from one time of the API to another."""
    first, second = (datetime.datetime.fromisoformat(each) for each in (before, after))
    return (second - first).total_seconds()


@requirement("KL-05")
# A back-off has to pass before one is long enough to be told from none.
@pytest.mark.profile("extended")
def test_the_back_off_ends_with_the_grant(pods: Pods) -> None:
    """The container starts sooner than another that crashes like it and is not resized.

    By the kubelet's own times, of whole seconds: up to when it says that it waits, a back-off may
    be over.
    """
    pod, other = (pods.running(runs=False, arguments=ENDS_AT_ONCE) for _ in range(2))
    seconds = pods.patience(_SECONDS)
    ended, other_ended = (
        last_run(each.until(has_ended, within=seconds)).get("finishedAt", "")
        for each in (pod, other)
    )

    pod.ask(Change(cpu="+50m"))
    run, other_run = (last_run(each.until(has_begun, within=seconds)) for each in (pod, other))

    if (waited := between(other_ended, other_run["startedAt"])) < LONG:
        unsupported(f"the back-off after {RUNS} crashes is no longer than {waited:.0f} s here")
    claim("KL-05", "how its next run began", got=how(run), want=STARTED)
    if how(run) == STARTED:
        took = between(ended, run["startedAt"])
        what = f"seconds to its next start, where another's were {waited:.0f}"
        claim("KL-05", what, got=took, want=LONG - SOONER, relation="<=")


@pytest.mark.lasts(20)
@pytest.mark.quick_sync
@requirement("PR-23")
@pytest.mark.profile("extended")
@pytest.mark.parametrize(
    "change", [Change(cpu="+50m"), Change(memory="+32Mi")], ids=["cpu", "memory"]
)
def test_what_it_was_granted_is_in_force_when_it_runs(pods: Pods, change: Change) -> None:
    """In the kernel, for the container and for the pod, once the API calls it done."""
    seconds = pods.patience(_SECONDS)
    pod = pods.running(qos="Guaranteed")
    for crashes in range(1, CRASHES):
        pods.node.kill(pod)
        pod.until(functools.partial(runs_again, crashes=crashes), within=seconds)
    pods.node.kill(pod)
    before = pod.until(functools.partial(waits, crashes=CRASHES), within=seconds)

    answered = pod.ask(change).observations[-1].data
    if not waits(answered, crashes=CRASHES):
        unsupported("it was started again before the resize could be asked for")
    after = pod.until(
        lambda raw: runs_again(raw, crashes=CRASHES) and not pod.is_under_way(raw), within=seconds
    )

    was, asked = (each["spec"]["containers"][0]["resources"] for each in (before, after))
    claim("PR-23", "whether its spec has another resource now", got=was != asked, want=True)
    began = how(last_run(after))
    claim("PR-23", "how its next run began", got=began, want=STARTED)
    if began == STARTED:
        what = "what does not hold what was granted"
        claim("PR-23", what, got=lacking(pods, pod, after), want=[])
