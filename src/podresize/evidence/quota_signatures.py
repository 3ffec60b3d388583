"""What the catalogued deviations look like in which the kernel has another quota than was sent."""

from __future__ import annotations

from podresize.evidence.agreement import allows
from podresize.evidence.case import Case
from podresize.oracle.model import POD

_NONE, _LEAST = "max 100000", "1000 100000"
_FILE = "cpu.max"


def no_quota_is_the_least_quota(case: Case) -> str | None:
    """R-02: a container that is to have no quota has the least that the kernel takes, all along.

    It is one with CPUs to itself; the pod has no quota, every other file of the pod and of its
    containers ends as it must, and each container has one process from beginning to end.
    """
    found = 0
    for item in case.expectation.containers:
        if any(each != case.process(item.name)[0][1] for _, each in case.process(item.name)):
            return f"container {item.name} was started anew"
    for subject, files in case.expectation.cgroups_after.items():
        states = case.cgroup(subject)
        for name, allowed in files.items():
            last = states[-1][1].get(name, "")
            if allows(allowed, last):
                continue
            if name != _FILE or subject == POD or not allows(allowed, _NONE):
                return f"{name} of {subject} is {last or 'not there'}"
            values = {state[name] for _, state in states if name in state}
            if values != {_LEAST}:
                return f"{name} of {subject} was {', '.join(sorted(values))}"
            found += 1
    return None if found else "every container that is to have no quota has none"
