"""The cases of upstream's e2e in which a LimitRange or a ResourceQuota decides about a resize.

Source: kubernetes v1.37.2, test/e2e/node/pod_resize.go. Two of upstream's three "valid decrease"
cases raise what they are named after (300m to 350m, 300Mi to 350Mi); ours lower it.
"""

from __future__ import annotations

import pytest

from podresize_fixtures import (
    Change,
    Pods,
    Surroundings,
    limit_range,
    quota,
    quota_when,
    requirement,
    verify,
)
from upstream_cases.case import GRANTED, REFUSED, Case, guaranteed

_POD = (guaranteed("60m", "64Mi"),)
# One pod may have 100m and 100Mi; the two of a quota 160m and 176Mi, of which 120m and 128Mi are
# taken.
MAX, MIN = {"cpu": "100m", "memory": "100Mi"}, {"cpu": "30m", "memory": "32Mi"}
QUOTA = {"cpu": "160m", "memory": "176Mi"}
USED = {"cpu": "120m", "memory": "128Mi"}

_LIMITS = {
    "exceed maximum CPU": Change(cpu="+60m", memory="-16Mi"),
    "exceed maximum Memory": Change(cpu="-20m", memory="+64Mi"),
    "exceed maximum Memory and CPU": Change(cpu="+60m", memory="+64Mi"),
    "request below min CPU": Change(cpu="-40m", memory="+16Mi"),
    "request below min Memory": Change(cpu="-20m", memory="-48Mi"),
    "request below min CPU and min Memory": Change(cpu="-40m", memory="-48Mi"),
    "valid increase of CPU": Change(cpu="+20m"),
    "valid increase of Memory": Change(memory="+16Mi"),
    "valid increase of CPU and Memory": Change(cpu="+20m", memory="+16Mi"),
    "valid decrease of Memory": Change(memory="-16Mi"),
    "valid decrease of CPU": Change(cpu="-20m"),
    "valid decrease of CPU and Memory": Change(cpu="-20m", memory="-16Mi"),
}
_QUOTAS = {
    "exceed maximum CPU": Change(cpu="+60m", memory="-16Mi"),
    "exceed maximum Memory": Change(cpu="-20m", memory="+64Mi"),
    "exceed maximum CPU and Memory": Change(cpu="+60m", memory="+64Mi"),
    "valid increase of CPU": Change(cpu="+20m"),
    "valid increase of Memory": Change(memory="+16Mi"),
    "valid increase for both CPU and Memory": Change(cpu="+20m", memory="+16Mi"),
}


def _cases(group: str, changes: dict[str, Change]) -> list[object]:
    cases = [
        Case(name=f"{group} {what}", resources=_POD, change=change)
        for what, change in changes.items()
    ]
    return [pytest.param(case, id=case.name) for case in cases]


@requirement("API-50", *GRANTED, *REFUSED)
@pytest.mark.parametrize("case", _cases("(limit-ranger) pod-resize-limit-ranger-test", _LIMITS))
def test_limit_range(pods: Pods, case: Case) -> None:
    """What the namespace allows one container."""
    limits = limit_range(pods, max=MAX, min=MIN, default=MAX, defaultRequest=MIN)
    pod = case.running(pods)

    timeline = pod.resize(case.change, surroundings=Surroundings(limit_ranges=(limits,)))
    expected = pod.expectation(case.change)
    pod.delete()

    verify(timeline, expected)


@requirement("API-52", *GRANTED, *REFUSED)
@pytest.mark.parametrize("case", _cases("(resource-quota) pod-resize-resource-quota-test", _QUOTAS))
def test_quota(pods: Pods, case: Case) -> None:
    """What the namespace allows all pods together."""
    name = quota(pods, **QUOTA)["metadata"]["name"]
    pod, other = case.running(pods), case.running(pods)
    counted = quota_when(pods, name, lambda used: used == USED, what="counting both pods")

    timeline = pod.resize(case.change, surroundings=Surroundings(quotas=(counted,)))
    expected = pod.expectation(case.change)
    pod.delete()
    other.delete()

    verify(timeline, expected)
