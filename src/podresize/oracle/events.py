"""The Kubernetes Events that a resize must bring, by version.

1.32 tells of a pending resize in bare words; 1.34 of a finished one, and 1.35 of every step, with
the resources and the generation as JSON in the message. The other releases tell nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from podresize.oracle.model import ContainerExpectation, EventExpectation
from podresize.oracle.resources import Resources
from podresize.oracle.versions import V1_32, V1_33, V1_34, V1_35
from podresize.requirements.model import Outcome
from podresize.requirements.target import Fingerprint
from podresize.requirements.versions import parse_release

STARTED = "ResizeStarted"
COMPLETED = "ResizeCompleted"
_PENDING = {Outcome.DEFERRED: "ResizeDeferred", Outcome.INFEASIBLE: "ResizeInfeasible"}


def expected_events(
    fingerprint: Fingerprint,
    containers: Sequence[ContainerExpectation],
    *,
    outcome: Outcome,
    why: str,
    generation: int | None,
) -> tuple[EventExpectation, ...]:
    """Return the Events of a resize with this outcome, in their order (ST-30)."""
    version = parse_release(fingerprint.kubernetes)
    if outcome in _PENDING and any(item.is_asked for item in containers):
        if V1_32 <= version < V1_33:
            return (_event(_PENDING[outcome], "Warning", None, None, why),)
        if version >= V1_35:
            asked = {item.name: item.asked for item in containers}
            return (_event(_PENDING[outcome], "Warning", asked, generation, why),)
    if outcome is Outcome.GRANTED and any(item.is_changed for item in containers):
        after = {item.name: item.after for item in containers}
        if version >= V1_34:
            steps = (STARTED, COMPLETED) if version >= V1_35 else (COMPLETED,)
            return tuple(_event(step, "Normal", after, generation) for step in steps)
    return ()


def _event(
    reason: str,
    type_: str,
    containers: dict[str, Resources] | None,
    generation: int | None,
    error: str = "",
) -> EventExpectation:
    return EventExpectation(
        reason=reason, type=type_, containers=containers, generation=generation, error=error
    )
