"""What a judge hands back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from podresize.evidence.case import Case


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is not as required.

    ``text`` says what is and what was expected. ``container`` picks the container the witnesses are
    asked about. ``reading`` is the judge's own interpretation; without one, the disagreement of the
    witnesses, if any, is the reading.
    """

    text: str
    container: str | None = None
    reading: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """No faults: passed. ``reading`` is the line for a pass."""

    faults: tuple[Fault, ...]
    reading: str = ""


class NothingToSayError(Exception):
    """A requirement that this change does not touch: the verdict is ``skipped``, with the reason.

    The catalogue's ``outcome`` says it for whole kinds of changes; a judge says it for one.
    """


Judge = Callable[[Case], Ruling]


def refused_fault(case: Case) -> Fault | None:
    """Return a fault when a change that must be accepted was refused.

    Every judge of what follows an accepted change asks first: "unchanged" after a refusal would
    otherwise pass for "nothing restarted".
    """
    answer = case.answer
    if not case.expectation.answer.accepted or answer.get("code") == 200:
        return None
    text = f"{case.timeline.pod}: the patch was answered with {answer.get('code')}, expected 200"
    return Fault(
        text=text, reading=f"the patch was refused: {answer.get('message') or 'no message'}"
    )


def at(t: float | None) -> str:
    """Return a time as it is printed: ``+0.21 s``."""
    return "never" if t is None else f"{max(t, 0.0):+.2f} s"
