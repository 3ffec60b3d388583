"""One of upstream's cases as data, and the pod that it is about.

Amounts are ours: upstream's 20m and 25m have the same ``cpu.weight`` under both formulas in use, so
that a lost change of the cpu request could not be seen. 20m more or less of 40m can, and the pods
of a dozen workers fit a node of 2 processors.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest

from podresize.errors import HarnessError
from podresize.evidence.timeline import Timeline
from podresize.oracle.expectation import Expectation
from podresize.resizing.running_pod import RunningPod
from podresize_fixtures import Change, Form, Pods, verify

_FAILED = pytest.fail.Exception
_XFAILED = pytest.xfail.Exception

CPU, CPU_LIMIT, CPU_STEP = "40m", "80m", "20m"
MEMORY, MEMORY_LIMIT, MEMORY_STEP = "64Mi", "128Mi", "16Mi"
NOT_REQUIRED, RESTART = "NotRequired", "RestartContainer"
SIDECAR = "c1-init"

# What upstream looks at (spec, status, cgroups, restarts, conditions), each by the witness that
# knows; what the runtime says; and that nothing else moves.
GRANTED = (
    *("API-01", "API-02", "API-07", "API-23"),
    *("ST-01", "ST-02", "ST-11", "ST-20", "ST-21", "ST-22", "ST-23", "ST-27"),
    *("KL-30", "KL-32", "KL-34", "CRI-03", "CRI-07", "PR-01", "PR-20"),
)
REFUSED = ("API-05", "API-07", "API-20", "API-21", "API-22", "API-25")

Policy = tuple[str, str] | None
"""``(cpu, memory)``; None leaves it to the apiserver."""


def guaranteed(cpu: str = CPU, memory: str = MEMORY) -> dict[str, Any]:
    """Return resources of which the limits are the requests."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu, "memory": memory}}


def burstable(
    cpu: str = CPU,
    memory: str = MEMORY,
    cpu_limit: str = CPU_LIMIT,
    memory_limit: str = MEMORY_LIMIT,
) -> dict[str, Any]:
    """Return resources with every request and limit set."""
    return {
        "requests": {"cpu": cpu, "memory": memory},
        "limits": {"cpu": cpu_limit, "memory": memory_limit},
    }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A pod, what is asked of it, and whether it is undone afterwards.

    ``name`` is upstream's without its labels (``names.stem``). ``resources`` has an entry for each
    container, ``policies`` one for each container or one for all. ``sidecar``: beside them runs a
    restartable init container with the first one's resources and policy.
    """

    name: str
    resources: tuple[dict[str, Any], ...]
    change: Change
    policies: tuple[Policy, ...] = (None,)
    sidecar: bool = False
    form: Form = Form.STRATEGIC

    @property
    def reverse(self) -> Change:
        """What leads back to where the pod was; every amount of the change must be relative."""
        first, *more = (_reverse(part) for part in self.change.parts)
        return dataclasses.replace(first, more=tuple(more))

    def running(self, pods: Pods) -> RunningPod:
        """Return the case's pod, running. It waits for no room: a dozen of these fit any node."""
        body = pods.body(resources=[*self.resources])
        containers = body["spec"]["containers"]
        policies = itertools.cycle(self.policies)
        for container, policy in zip(containers, policies, strict=False):
            if policy is not None:
                container["resizePolicy"] = _policy(policy)
        if self.sidecar:
            body["spec"]["initContainers"] = [
                containers[0] | {"name": SIDECAR, "restartPolicy": "Always"}
            ]
        return RunningPod.create(pods.reach, namespace=pods.namespace, body=body)


def verify_each(*seen: tuple[Timeline, Expectation]) -> None:
    """Verify all of them, so that a deviation in one does not hide what another shows.

    The first one that does not end well ends the check.
    """
    __tracebackhide__ = True
    ends: list[BaseException] = []
    for timeline, expected in seen:
        try:
            verify(timeline, expected)
        except (_FAILED, _XFAILED, HarnessError) as end:
            ends.append(end)
    for kind in (_FAILED, HarnessError, _XFAILED):
        those = [each for each in ends if isinstance(each, kind)]
        if those:
            raise those[0]


def _policy(policy: tuple[str, str]) -> list[dict[str, str]]:
    return [
        {"resourceName": resource, "restartPolicy": restart}
        for resource, restart in zip(("cpu", "memory"), policy, strict=True)
    ]


def _reverse(change: Change) -> Change:
    return dataclasses.replace(change, cpu=_turned(change.cpu), memory=_turned(change.memory))


def _turned(amount: str | None) -> str | None:
    if amount is None:
        return None
    if amount[0] not in "+-":
        raise HarnessError("only a relative change can be undone", value=amount)
    return ("-" if amount[0] == "+" else "+") + amount[1:]
