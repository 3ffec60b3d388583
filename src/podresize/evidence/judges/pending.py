"""A resize that the node does not grant, and one that it grants later."""

from __future__ import annotations

from podresize.evidence.agreement import api_is_done
from podresize.evidence.case import Case
from podresize.evidence.judges import continuity, kernel, status
from podresize.evidence.judges.ruling import Fault, Judge, Ruling, at, refused_fault
from podresize.oracle.deadlines import at_its_pace
from podresize.oracle.progress import DEFERRED, INFEASIBLE
from podresize.requirements.loader import load_catalogue
from podresize.requirements.model import Outcome


def infeasible(case: Case) -> Ruling:
    """KL-02: what the node can never hold is called Infeasible, in time."""
    return _pending(case, INFEASIBLE, "KL-02")


def deferred(case: Case) -> Ruling:
    """KL-03: what the node cannot hold now is called Deferred, in time."""
    return _pending(case, DEFERRED, "KL-03")


def _pending(case: Case, word: str, requirement: str) -> Ruling:
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    faults = []
    course = " -> ".join(value or "empty" for _, value in case.progress)
    first = next((t for t, value in case.progress if value == word), None)
    if first is None or case.progress[-1][1] != word:
        text = f"{case.timeline.pod}: the API went {course}, expected it to end with {word}"
        faults.append(Fault(text=text, reading=f"the resize was not called {word}"))
    limit = _deadline(case, requirement)
    if first is not None and limit is not None and first > limit:
        text = f"{case.timeline.pod}: {word} at {at(first)}, expected within {limit:g} s"
        faults.append(Fault(text=text, reading="the kubelet's decision came late"))
    return Ruling(faults=tuple(faults), reading=f"{word} at {at(first)}")


def granted_in_time(case: Case) -> Ruling:
    """KL-10: a pending resize is granted when there is room, within the time of this release."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    if case.progress[0][1] not in (DEFERRED, INFEASIBLE):
        return Ruling(faults=(), reading="nothing was pending before")
    expectation = case.expectation
    done = next((t for t, pod in case.pods if t >= 0 and api_is_done(pod, expectation)), None)
    limit = _deadline(case, "KL-10")
    if done is None or (limit is not None and done > limit):
        text = f"{case.timeline.pod}: the pending resize is done at {at(done)}, "
        text += "expected it to be granted" + (f" within {limit:g} s" if limit else "")
        reading = "room was made, and the kubelet did not look again in time"
        return Ruling(faults=(Fault(text=text, reading=reading),))
    return Ruling(faults=(), reading=f"done {done:.1f} s after there was room")


def after_a_restart(case: Case) -> Ruling:
    """KL-21: after a restart of the kubelet nothing has moved: same containers, same allocation."""
    if case.expectation.outcome is Outcome.GRANTED:
        return continuity.continuity(case)
    moved = continuity.continuity(case).faults + kernel.container_cgroups(case).faults
    word = DEFERRED if case.expectation.outcome is Outcome.DEFERRED else INFEASIBLE
    faults = list(moved)
    if case.progress[-1][1] != word:
        text = f"{case.timeline.pod}: the API ends with {case.progress[-1][1] or 'empty'}, "
        faults.append(Fault(text=text + f"expected {word}", reading="the pending resize is gone"))
    return Ruling(faults=tuple(faults), reading=f"still {word}; the same containers go on")


def completes(case: Case) -> Ruling:
    """KL-22: a resize that a restart came between is enacted, recorded, and restarts nothing.

    What the status says of it in the end is ST-21's, which some runtimes cannot show (C-01).
    """
    judges = (kernel.container_cgroups, status.allocated, continuity.continuity)
    faults = tuple(fault for judge in judges for fault in judge(case).faults)
    return Ruling(faults=faults, reading="enacted and recorded; the same containers go on")


def by_policy(case: Case) -> Ruling:
    """KL-50, KL-51: the node's static policy makes it infeasible, in the release's own words."""
    return _pending(case, INFEASIBLE, case.expectation.rule)


def _deadline(case: Case, requirement: str) -> float | None:
    known = load_catalogue().requirements[requirement]
    fingerprint = case.expectation.fingerprint
    seconds = known.deadline(fingerprint.kubernetes)
    return None if seconds is None else at_its_pace(seconds, fingerprint)


JUDGES: dict[str, Judge] = {
    "KL-02": infeasible,
    "KL-03": deferred,
    "KL-10": granted_in_time,
    "KL-11": granted_in_time,
    "KL-21": after_a_restart,
    "KL-22": completes,
    "KL-50": by_policy,
    "KL-51": by_policy,
}
