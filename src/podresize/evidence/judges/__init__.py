"""One judge per requirement: what a timeline must show for it to be met.

Each module holds the judges of one subject; its ``JUDGES`` says which requirement each is for.
"""

from __future__ import annotations

from podresize.evidence.judges import (
    answers,
    api,
    conditions,
    continuity,
    events,
    fields,
    harness,
    kernel,
    known_issues,
    metrics,
    pending,
    pod_cgroup,
    progress,
    runtime,
    status,
    timing,
    transitions,
    untouched,
    weights,
)
from podresize.evidence.judges.ruling import Judge

_MODULES = (
    answers,
    api,
    progress,
    status,
    kernel,
    weights,
    pod_cgroup,
    pending,
    untouched,
    continuity,
    runtime,
    known_issues,
    timing,
    transitions,
    conditions,
    fields,
    events,
    metrics,
    harness,
)

JUDGES: dict[str, Judge] = {
    requirement: judge for module in _MODULES for requirement, judge in module.JUDGES.items()
}
"""By catalogue id; a test holds this table and the catalogue to the same ids."""
