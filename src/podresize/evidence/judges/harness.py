"""What a timeline must be itself before anything can be read off it."""

from __future__ import annotations

from podresize.evidence.case import Case, NoEvidenceError
from podresize.evidence.judges.ruling import Judge, Ruling
from podresize.evidence.sampling import LEAST_HERTZ


def sampled(case: Case) -> Ruling:
    """PR-14: the cgroups were sampled fast enough; where not, the harness could not judge."""
    sampling = case.timeline.sampling
    if sampling is None:
        raise NoEvidenceError("how fast the cgroups were sampled was not measured")
    said = f"{sampling['hertz']:g} samples per second over {sampling['seconds']:g} s, the largest "
    said += f"gap {1000 * sampling['largest_gap']:.0f} ms"
    if sampling["hertz"] < LEAST_HERTZ:
        raise NoEvidenceError(f"{said}: {LEAST_HERTZ:g} per second are needed")
    return Ruling(faults=(), reading=said)


JUDGES: dict[str, Judge] = {
    "PR-14": sampled,
}
