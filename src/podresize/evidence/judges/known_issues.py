"""Is a catalogued deviation seen exactly as catalogued?

On a stack that a deviation affects, its absence is as unexpected as a worse form of it: either the
catalogue or the stack is not what it claims to be.
"""

from __future__ import annotations

from podresize.evidence.case import Case
from podresize.evidence.judges.ruling import Fault, Ruling, at, refused_fault
from podresize.evidence.signatures import runtime_does_not_report_resources
from podresize.evidence.steps import step_times
from podresize.evidence.witnesses import positions


def silent_runtime(case: Case) -> Ruling:
    """CRI-09: C-01 shows its whole signature."""
    refused = refused_fault(case)
    if refused is not None:
        return Ruling(faults=(refused,))
    mismatch = runtime_does_not_report_resources(case)
    if mismatch is not None:
        seen = positions(case)
        better = seen.reports or seen.api
        fault = Fault(
            text=f"{case.timeline.pod}: {mismatch}",
            reading="unexpected pass: C-01 is catalogued for this stack but was not seen"
            if better
            else "C-01 is catalogued for this stack, but what was seen is something else",
        )
        return Ruling(faults=(fault,))
    steps = step_times(case)
    reading = (
        f"C-01 exactly: the kernel has the new values at {at(steps['kernel'])}, the runtime "
        f"reports none, the status is as before (looked until {at(case.timeline.ended)})"
    )
    return Ruling(faults=(), reading=reading)
