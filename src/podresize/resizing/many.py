"""Several changes one after the other: how soon the next one follows, and what runs beside."""

from __future__ import annotations

import enum
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from podresize.evidence.recorder import Recorder
from podresize.evidence.timeline import Observation, Witness
from podresize.oracle.admission import endpoint
from podresize.oracle.series import Series
from podresize.resizing.asking import How, ask
from podresize.resizing.reach import Reach

SETTLE_SECONDS = 3.0
"""Longer than a kubelet takes from the write of a spec to the write of a cgroup, on a busy host."""
_BEGUN_SECONDS = 15.0


class Pace(enum.StrEnum):
    """When the next change is sent."""

    AT_ONCE = "at once"
    """As soon as the one before is answered."""
    IN_PROGRESS = "in progress"
    """As soon as the node has begun with the one before: its first write of a cgroup is seen."""


def ask_many(
    reach: Reach,
    pod: dict[str, Any],
    changes: Series,
    *,
    pace: Pace,
    beside: Callable[[], object] | None,
    recorder: Recorder,
) -> None:
    """Send the changes; every request and answer is recorded. ``pod`` is that of before.

    With ``Pace.IN_PROGRESS`` a node that does not begin within 15 s gets the next one all the same.
    What ``beside`` raises is raised here.
    """
    where = endpoint(reach.handle.fingerprint)
    with ThreadPoolExecutor(max_workers=1) as somebody:
        other = None if beside is None else somebody.submit(beside)
        for number, change in enumerate(changes):
            if number and pace is Pace.IN_PROGRESS:
                recorder.wait_until(_has_begun(recorder), deadline=reach.patience(_BEGUN_SECONDS))
            answer = ask(reach.api, pod, change, How(), endpoint=where, recorder=recorder)
            if answer.ok:
                pod = answer.body
        if other is not None:
            other.result()


def _has_begun(recorder: Recorder) -> Callable[[tuple[Observation, ...]], bool]:
    """Return whether a cgroup has changed since the last request was sent.

    The sampler records a cgroup when it differs from before, so any later one is a write. It may
    come before the answer: the kubelet's watch can be quicker than the way back to us.
    """
    asked = max(
        seen.t
        for seen in recorder.observations()
        if seen.witness is Witness.CLIENT and seen.data.get("answer") is None
    )
    return lambda seen: any(each.witness is Witness.KERNEL and each.t > asked for each in seen)
