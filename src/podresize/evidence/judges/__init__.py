"""One judge per requirement: what a timeline must show for it to be met."""

from __future__ import annotations

from podresize.evidence.judges import (
    api,
    continuity,
    kernel,
    known_issues,
    progress,
    runtime,
    status,
    transitions,
)
from podresize.evidence.judges.ruling import Judge

JUDGES: dict[str, Judge] = {
    "API-01": api.accepted,
    "API-02": api.accepted,
    "API-04": api.refused,
    "API-05": api.refused,
    "API-54": api.fields_absent,
    "ST-01": progress.proposed,
    "ST-02": progress.resize_field,
    "ST-11": progress.conditions,
    "ST-20": status.allocated,
    "ST-21": status.resources,
    "ST-27": status.qos_and_restarts,
    "KL-30": kernel.container_cgroups,
    "KL-32": kernel.pod_cgroup,
    "KL-34": continuity.continuity,
    "CRI-03": runtime.reports_resources,
    "CRI-09": known_issues.silent_runtime,
    "PR-01": transitions.transitions,
}
"""By catalogue id; a test holds this table and the catalogue to the same ids."""
