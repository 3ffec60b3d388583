"""What kubelet and apiserver count of a resize."""

from __future__ import annotations

from podresize.evidence.case import Case, NoEvidenceError
from podresize.evidence.judges.ruling import (
    Fault,
    Judge,
    NothingToSayError,
    Ruling,
    refused_fault,
)
from podresize.evidence.timeline import Witness
from podresize.oracle.model import MetricExpectation


def counted(requirement: str) -> Judge:
    """Return the judge of one family: it moved by what was expected, or by that at least."""

    def judge(case: Case) -> Ruling:
        refused = refused_fault(case)
        if refused is not None:
            return Ruling(faults=(refused,))
        wanted = [item for item in case.expectation.metrics if item.requirement == requirement]
        if not wanted:
            raise NothingToSayError("this change moves no such metric, or not for this check alone")
        faults = []
        said = []
        for item in wanted:
            before, after = _readings(case, item)
            moved = after - before
            words = "" if item.is_exact else "at least "
            said.append(f"{_name(item)} {moved:+g}")
            if moved != item.by if item.is_exact else moved < item.by:
                text = f"{item.component}: {_name(item)} went from {before:g} to {after:g}, "
                text += f"expected it to move by {words}{item.by:g}"
                faults.append(Fault(text=text, reading="the component does not count what it did"))
        return Ruling(faults=tuple(faults), reading=", ".join(said))

    judge.__doc__ = f"{requirement}: what is counted of the resize moves as expected."
    return judge


def _readings(case: Case, item: MetricExpectation) -> tuple[float, float]:
    """Return the sums over the selected series before the patch and at the end.

    A series that has never counted is not there: it is at 0.
    """
    seen = list(case.timeline.of(Witness.METRIC, item.component))
    before = [each.data for each in seen if each.t < 0]
    after = [each.data for each in seen if each.t >= 0]
    if not before or not after:
        raise NoEvidenceError(f"the metrics of {item.component} were not read before and after")
    first, last = (
        sum(value for series, value in data.items() if _selects(item, series))
        for data in (before[-1], after[-1])
    )
    return first, last


def _selects(item: MetricExpectation, series: str) -> bool:
    family, _, labels = series.partition("{")
    return family == item.family and all(
        f'{name}="{value}"' in labels.rstrip("}").split(",") for name, value in item.labels.items()
    )


def _name(item: MetricExpectation) -> str:
    labels = ",".join(f"{name}={value}" for name, value in item.labels.items())
    return f"{item.family}{{{labels}}}"


JUDGES: dict[str, Judge] = {
    f"ST-{number}": counted(f"ST-{number}") for number in (40, 41, 42, 43, 44, 45, 46, 47)
}
