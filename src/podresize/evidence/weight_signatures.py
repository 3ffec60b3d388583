"""What the catalogued deviations look like in which a cgroup keeps another weight than it is to."""

from __future__ import annotations

import dataclasses

from podresize.evidence.agreement import allows, api_is_done
from podresize.evidence.case import Case
from podresize.oracle import conversions
from podresize.oracle.change import CPU
from podresize.oracle.model import POD
from podresize.oracle.pod_level import pod_sums
from podresize.oracle.quantity import millicores, parse_quantity
from podresize.oracle.resources import REQUESTS, Resources

_FILE = "cpu.weight"


def pods_weight_is_taken_for_the_new_shares(case: Case) -> str | None:
    """PD-71: the pod keeps its weight, as the kubelet reads it back as the shares that are new.

    The kubelet compares the shares that it wants with those that the weight is turned back into,
    and writes nothing where they are equal. All else is as it must be.
    """
    expectation = case.expectation
    if expectation.fingerprint.cgroup_version != 2:
        return "this is not cgroup v2"
    after = expectation.containers
    old = _shares(pod_sums([dataclasses.replace(item, after=item.before) for item in after]))
    new = _shares(pod_sums(after))
    kept = conversions.linear_weight(old)
    if old == new or conversions.shares_from_linear_weight(kept) != new:
        return f"{new} shares are not what a weight of {kept} is read back as"
    for subject, files in expectation.cgroups_after.items():
        last = case.cgroup(subject)[-1][1]
        for name, allowed in files.items():
            if (subject, name) != (POD, _FILE) and not allows(allowed, last.get(name, "")):
                return f"{name} of {subject} is {last.get(name, 'not there')}"
    seen = {files[_FILE] for _, files in case.cgroup(POD) if _FILE in files}
    if seen != {str(kept)}:
        return f"the pod's weight was {', '.join(sorted(seen))}, not {kept} all along"
    return None if api_is_done(case.final_pod, expectation) else "the API does not show it done"


def _shares(sums: Resources) -> int:
    value = sums[REQUESTS].get(CPU)
    return conversions.cpu_shares(0 if value is None else millicores(parse_quantity(value)))
