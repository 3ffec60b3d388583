"""How long a resize is looked at, when what it came to is known."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from podresize.cluster.api import Api
from podresize.evidence.recorder import Recorder
from podresize.evidence.timeline import Observation, Witness
from podresize.oracle.expectation import Expectation
from podresize.providers.interface import ClusterHandle
from podresize.requirements.model import Outcome
from podresize.resizing import running_pod
from podresize.resizing.reach import Reach

LATE = 0.3
BODY = {
    "metadata": {"name": "p", "namespace": "n", "uid": "u"},
    "spec": {"containers": []},
    "status": {},
}


@pytest.fixture
def lulls(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the node was watched for what it must not do, in the order of the waits.

    What a resize came to is known at once; the kernel has another quota a moment later.
    """
    asked: list[float] = []

    @contextlib.contextmanager
    def late(*_: object, recorder: Recorder, **__: object) -> Iterator[Any]:
        enact = threading.Timer(
            LATE, recorder.observe, (Witness.KERNEL, "container/c1", {"cpu.max": "max 100000"})
        )
        enact.start()
        yield SimpleNamespace(hurry=lambda: None, sampler=None, clock_ahead=0.0)
        enact.cancel()

    monkeypatch.setattr(running_pod, "observers", late)
    monkeypatch.setattr(running_pod, "is_decided", lambda *_: True)
    return asked


def look(outcome: Outcome, lulls: list[float]) -> tuple[Observation, ...]:
    def lull(seconds: float) -> float:
        lulls.append(seconds)
        return seconds / 4

    handle = SimpleNamespace(fingerprint=SimpleNamespace(lull=lull), name="local")
    reach = Reach(
        api=cast("Api", None), runtime=None, handle=cast("ClusterHandle", handle), run_id="r"
    )
    expected = cast("Expectation", SimpleNamespace(outcome=outcome, containers=(), deadline=5.0))
    recorder = Recorder()
    pod = running_pod.RunningPod(reach, BODY)
    return pod._observe(recorder, expected, lambda: None).observations


@pytest.mark.parametrize("outcome", [Outcome.DEFERRED, Outcome.INFEASIBLE])
def test_what_is_enacted_after_it_was_called_pending_is_seen(
    outcome: Outcome, lulls: list[float]
) -> None:
    seen = look(outcome, lulls)

    assert [each.data for each in seen] == [{"cpu.max": "max 100000"}]
    assert lulls == [2.5]  # longer than two turns of the kubelet's loop


def test_what_was_granted_is_not_looked_at_for_longer(lulls: list[float]) -> None:
    assert look(Outcome.GRANTED, lulls) == ()
    assert lulls == []
