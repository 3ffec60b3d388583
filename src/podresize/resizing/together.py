"""One event that several pods wait for, watched at each of them from before it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from podresize.evidence.timeline import Timeline
from podresize.oracle.expectation import Expectation
from podresize.resizing.running_pod import RunningPod

# Longer than a witness may take for its first look.
_ARRIVE_SECONDS = 60.0


def observe_together(
    pods: Sequence[RunningPod], action: Callable[[], object], *, what: str
) -> list[tuple[Timeline, Expectation]]:
    """Do something once, when all the pods are under observation, and watch each to its end.

    It is expected to let the pending resize of each be granted, as ``RunningPod.observe`` has it;
    what is returned is in the order of the pods. Raises what the action raised; and
    ``HarnessError`` when a witness of one of them could not look: then nothing is done.
    """
    failed: list[BaseException] = []

    def act() -> None:
        try:
            action()
        except BaseException as error:
            failed.append(error)
            raise

    patience = max((pod.patience(_ARRIVE_SECONDS) for pod in pods), default=_ARRIVE_SECONDS)
    ready = threading.Barrier(len(pods), act, timeout=patience)

    def watch(pod: RunningPod) -> Timeline:
        try:
            return pod.observe(ready.wait, what=what)
        except threading.BrokenBarrierError:
            raise  # another one's error, which is the one to be seen
        except BaseException as error:
            failed.append(error)
            ready.abort()  # nobody else need wait for it
            raise

    with ThreadPoolExecutor(max_workers=len(pods)) as workers:
        pending = [workers.submit(watch, pod) for pod in pods]
    if failed:
        raise failed[0]
    return [(each.result(), pod.expectation(None)) for each, pod in zip(pending, pods, strict=True)]
