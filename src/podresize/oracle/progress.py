"""The legal course of a resize in the API, by version."""

from __future__ import annotations

from collections.abc import Sequence

from podresize.oracle.admission import V1_32, V1_33
from podresize.oracle.model import ContainerExpectation, Progress, ProgressStyle
from podresize.oracle.resources import REQUESTS, lists_equal
from podresize.requirements.model import Outcome
from podresize.requirements.target import Fingerprint
from podresize.requirements.versions import parse_release

DONE = ""
PROPOSED = "Proposed"
IN_PROGRESS = "InProgress"
DEFERRED = "Deferred"
INFEASIBLE = "Infeasible"
ERROR = "Error"
_ANY_END = frozenset({DONE, IN_PROGRESS, ERROR, DEFERRED, INFEASIBLE})
_FIELD = {
    # The apiserver marks the write itself; nothing else may begin a resize.
    DONE: frozenset({PROPOSED}),
    PROPOSED: frozenset({IN_PROGRESS, DEFERRED, INFEASIBLE}),
    IN_PROGRESS: frozenset({DONE, PROPOSED}),
    DEFERRED: frozenset({DONE, IN_PROGRESS, INFEASIBLE, PROPOSED}),
    INFEASIBLE: frozenset({DONE, IN_PROGRESS, DEFERRED, PROPOSED}),
}
# In 1.32 InProgress may pass between two writes of the status.
_FIELD_132 = _FIELD | {PROPOSED: _FIELD[PROPOSED] | {DONE}}
_CONDITIONS = {state: _ANY_END - {state} for state in _ANY_END}


def legal_next(fingerprint: Fingerprint) -> dict[str, frozenset[str]]:
    """Return, by value of the progress signal, the values that may follow it on this version.

    1.27 to 1.32 in ``status.resize``. From 1.33 on conditions, each of which comes and goes for
    itself: any of them may follow any other, and no other word is legal.
    """
    version = parse_release(fingerprint.kubernetes)
    if version >= V1_33:
        return _CONDITIONS
    return _FIELD_132 if version >= V1_32 else _FIELD


_ENDS = {
    Outcome.GRANTED: (IN_PROGRESS, DONE),
    Outcome.DEFERRED: (DEFERRED,),
    Outcome.INFEASIBLE: (INFEASIBLE,),
}


def progress(
    fingerprint: Fingerprint,
    containers: Sequence[ContainerExpectation],
    *,
    outcome: Outcome,
    start: str = DONE,
) -> Progress:
    """Return what the API may and must show of a resize with this outcome.

    ``start`` is what it shows before: a resize may come while another is pending.

    * 1.27 to 1.31: Proposed, InProgress, then empty, all seen; or Proposed, then Deferred or
      Infeasible. A change of limits alone shows nothing, since both components compare requests
      only, and a return to the allocated requests is not proposed (ST-01, ST-02, ST-03).
    * 1.32: as above for any change of a container that has requests; InProgress may pass between
      two writes of the status and need not be seen (ST-13).
    * 1.33 and later: the condition PodResizeInProgress may be seen and is gone at the end (ST-11);
      PodResizePending stays with its reason (ST-10).
    """
    version = parse_release(fingerprint.kubernetes)
    style = ProgressStyle.CONDITIONS if version >= V1_33 else ProgressStyle.RESIZE_FIELD

    def course(*values: str, required: tuple[str, ...] = ()) -> Progress:
        chain = (start, *values) if not values or values[0] != start else values
        return Progress(style=style, chain=chain, required=required)

    asked = [item for item in containers if item.is_asked]
    if outcome is Outcome.REFUSED or not (asked or any(item.is_changed for item in containers)):
        return course()
    end = _ENDS[outcome]
    if outcome is Outcome.GRANTED and not any(item.is_changed for item in containers):
        # Back to what is allocated: the pending resize is withdrawn, nothing is enacted (KL-13).
        end = (DONE,)
    if version >= V1_33:
        required = end if outcome is not Outcome.GRANTED else ()
        return course(*end, required=required)
    if version >= V1_32:
        if any(item.asked[REQUESTS] for item in asked):
            required = (PROPOSED,) if outcome is Outcome.GRANTED else (PROPOSED, *end)
            return course(PROPOSED, *end, required=required)
        return course(*end)
    if not asked and start != DONE:
        return course(*end, required=end[:-1])  # granted at last: no write of the spec proposes it
    if any(_is_proposed(item) for item in asked):
        return course(PROPOSED, *end, required=(PROPOSED, *(value for value in end if value)))
    return course(*end) if start != DONE else course()


def _is_proposed(item: ContainerExpectation) -> bool:
    """The requests changed, and not back to those that are allocated (1.27 to 1.31)."""
    changed = not lists_equal(item.asked_before[REQUESTS], item.asked[REQUESTS])
    return changed and not lists_equal(item.before[REQUESTS], item.asked[REQUESTS])
