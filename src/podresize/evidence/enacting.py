"""Is a resize enacted, whatever the status says of it?

The status of a resize needs the runtime's report, which some runtimes do not give (C-01); whether
the node did what was asked of it is seen in the kernel and in the allocation.
"""

from __future__ import annotations

from podresize.evidence.agreement import allocation_is_new, cgroup_shows
from podresize.evidence.case import Case


def not_enacted(case: Case) -> str | None:
    """Return what is not at the values after the resize, in words; None when all is.

    Asked are the cgroups of containers and pod as they were seen last, and allocatedResources where
    this version shows them. Raises ``NoEvidenceError`` for a cgroup that nobody read.
    """
    expectation = case.expectation
    for subject, wanted in expectation.cgroups_after.items():
        if not cgroup_shows(case.cgroup(subject)[-1][1], wanted):
            return f"the cgroup of {subject} is not at the new values"
    if not allocation_is_new(case.final_pod, expectation):
        return "allocatedResources is not at the new values"
    return None
