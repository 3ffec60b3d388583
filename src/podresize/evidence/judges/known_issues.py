"""Is a catalogued deviation seen exactly as catalogued?

On a stack that a deviation affects, its absence is as unexpected as a worse form of it: either the
catalogue or the stack is not what it claims to be.
"""

from __future__ import annotations

from podresize.evidence.case import Case
from podresize.evidence.judges.ruling import Fault, Judge, Ruling, at, refused_fault
from podresize.evidence.signatures import SIGNATURES
from podresize.evidence.steps import step_times
from podresize.evidence.witnesses import positions
from podresize.requirements.loader import load_catalogue
from podresize.requirements.matching import is_affected
from podresize.requirements.model import Deviation, needed_deviations

_SILENT = "CRI-09"


def silent_runtime(case: Case) -> Ruling:
    """CRI-09: what is catalogued for this release and a silent runtime shows its signature."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    deviation = _catalogued(case)
    mismatch = SIGNATURES[deviation.signature](case)
    if mismatch is not None:
        known = f"{deviation.id} is catalogued for this stack"
        fault = Fault(
            text=f"{case.timeline.pod}: {mismatch}",
            reading=f"unexpected pass: {known} but was not seen"
            if positions(case).reports
            else f"{known}, but what was seen is something else",
        )
        return Ruling(faults=(fault,))
    kernel = step_times(case)["kernel"]
    enacted = "keeps the old values" if kernel is None else f"has the new values at {at(kernel)}"
    reading = (
        f"{deviation.id} exactly: the kernel {enacted}, the runtime reports none "
        f"(looked until {at(case.timeline.ended)})"
    )
    return Ruling(faults=(), reading=reading)


def _catalogued(case: Case) -> Deviation:
    """Return the deviation that CRI-09 is about on this target; another is never judged."""
    known = load_catalogue()
    return next(
        known.deviations[id_]
        for need in sorted(known.requirement(_SILENT).needs)
        for id_ in needed_deviations(need)
        if is_affected(known.deviations[id_], case.expectation.fingerprint)
    )


JUDGES: dict[str, Judge] = {
    _SILENT: silent_runtime,
}
