"""How far the API says the resize is: ``status.resize`` and the resize conditions."""

from __future__ import annotations

import itertools

from podresize.evidence.agreement import progress_value, spec_is_new
from podresize.evidence.case import Case
from podresize.evidence.judges.ruling import (
    Fault,
    Judge,
    NothingToSayError,
    Ruling,
    at,
    refused_fault,
)
from podresize.oracle.progress import DONE, PROPOSED, legal_next


def proposed(case: Case) -> Ruling:
    """ST-01: the write that changes the spec is the one that shows Proposed.

    The apiserver sets both in one write, and a watch delivers every write, so the first state with
    the new spec must have it.
    """
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    wanted = case.expectation.progress.chain
    times = [t for t, value in case.progress if value == PROPOSED]
    if PROPOSED not in wanted:
        if times:
            text = (
                f"{case.timeline.pod}: status.resize is Proposed ({at(times[0])}), expected empty"
            )
            return Ruling(faults=(Fault(text=text, reading="a resize of limits alone is marked"),))
        return Ruling(faults=(), reading="no requests changed; never Proposed, as specified")
    style = case.expectation.progress.style
    for t, pod in case.pods:
        if t >= 0 and spec_is_new(pod, case.expectation):
            value = progress_value(pod, style)
            if value == PROPOSED:
                return Ruling(faults=(), reading=f"Proposed with the new spec ({at(t)})")
            text = (
                f"{case.timeline.pod}: the first state with the new spec has status.resize "
                f"{value!r} ({at(t)}), expected 'Proposed'"
            )
            return Ruling(faults=(Fault(text=text, reading="the apiserver did not mark it"),))
    text = f"{case.timeline.pod}: the new spec was never seen, expected it with 'Proposed'"
    return Ruling(faults=(Fault(text=text, reading="the accepted change never appeared"),))


def resize_field(case: Case) -> Ruling:
    """ST-02: Proposed, InProgress, then empty; nothing else, and not backwards."""
    return _course(case, "status.resize")


def conditions(case: Case) -> Ruling:
    """ST-11: at most PodResizeInProgress on the way, and no resize condition at the end."""
    return _course(case, "the resize condition")


def _course(case: Case, name: str) -> Ruling:
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    expectation = case.expectation
    expected = expectation.progress
    values = [value for _, value in case.progress]
    shown = " -> ".join(value or "empty" for value in values)
    legal = " -> ".join(value or "empty" for value in expected.chain)
    if expected.chain == (DONE,):
        legal = "empty throughout"
    faults = []
    for t, value in case.progress:
        if value not in expected.chain:
            faults.append(
                Fault(
                    text=f"{case.timeline.pod}: {name} is {value or 'empty'} ({at(t)}), "
                    f"expected {legal}",
                    reading=f"a resize that is {expectation.outcome} was reported as {value}",
                )
            )
    if not faults and not _is_subsequence(values, expected.chain):
        faults.append(
            Fault(
                text=f"{case.timeline.pod}: {name} went {shown}, expected {legal}",
                reading="the states came in an order that is not legal",
            )
        )
    if values[-1] != expected.chain[-1]:
        # No reading of its own: who disagrees about the end tells more than that it has not come.
        faults.append(
            Fault(
                text=f"{case.timeline.pod}: {name} is {values[-1] or 'empty'} since "
                f"{at(case.progress[-1][0])} (looked until {at(case.timeline.ended)}), "
                f"expected it to be {expected.chain[-1] or 'empty'}"
            )
        )
    for value in expected.required:
        # Proposed is the subject of ST-01; here it is the kubelet's part that must be seen.
        if value != PROPOSED and value not in values:
            faults.append(
                Fault(
                    text=f"{case.timeline.pod}: {name} went {shown}, expected to see {value}",
                    reading="the kubelet never reported it",
                )
            )
    times = ", ".join(f"{value or 'done'} {at(t)}" for t, value in case.progress if t >= 0)
    return Ruling(faults=tuple(faults), reading=times or "nothing to report, as specified")


def _is_subsequence(values: list[str], chain: tuple[str, ...]) -> bool:
    position = 0
    for value in values:
        if value not in chain[position:]:
            return False
        position = chain.index(value, position) + 1
    return True


def legal_course(case: Case) -> Ruling:
    """PR-10: each value of the progress signal is one that may follow the one before it."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    if not case.timeline.watched:
        raise NothingToSayError("the pod was read before and after, and not watched between")
    table = legal_next(case.expectation.fingerprint)
    faults = []
    course = case.progress
    for (_, before), (t, value) in itertools.pairwise(course):
        if value not in table.get(before, frozenset()):
            text = f"{case.timeline.pod}: {case.expectation.progress.style} went from "
            text += f"{before or 'empty'} to {value or 'empty'} ({at(t)}), expected "
            text += " or ".join(sorted(each or "empty" for each in table.get(before, ())))
            reading = "this release knows no such step"
            faults.append(Fault(text=text, reading=reading))
    shown = " -> ".join(value or "empty" for _, value in course)
    return Ruling(faults=tuple(faults), reading=shown)


JUDGES: dict[str, Judge] = {
    "ST-01": proposed,
    "ST-02": resize_field,
    "ST-11": conditions,
    "PR-10": legal_course,
}
