"""The cases of upstream's e2e in which the API refuses a resize and leaves the pod alone.

Source: kubernetes v1.37.2, test/e2e/common/node/pod_resize.go, and v1.27.4,
test/e2e/node/pod_resize.go. Ids are as in ``test_granted_resizes``.
"""

from __future__ import annotations

from typing import Any

import pytest

from podresize_fixtures import Change, Edit, Form, How, Pods, expectation, requirement, verify
from upstream_cases.case import (
    CPU,
    CPU_LIMIT,
    MEMORY,
    MEMORY_LIMIT,
    REFUSED,
    Case,
    burstable,
    guaranteed,
)

_INVALID = "apply invalid resize patch requests "
_SECOND = "/spec/containers/1"
_NO_LIMITS = Change(cpu="none", memory="none", scope="limits")
_MEMORY_REQUEST = Change(memory=MEMORY, scope="requests")
_ONLY_CPU = {"requests": {"cpu": CPU}}
_ONLY_MEMORY = {"requests": {"memory": MEMORY}}

# A name that is not a change of amounts needs a form that can say it.
_EDITS: dict[str, tuple[tuple[dict[str, Any], ...], Edit]] = {
    "Burstable pod - reorder containers": (
        (_ONLY_CPU, _ONLY_CPU),
        Edit(
            name="reorders",
            operations=({"op": "move", "from": _SECOND, "path": "/spec/containers/0"},),
        ),
    ),
    "Guaranteed pod - rename containers": (
        (guaranteed(), guaranteed()),
        Edit(
            name="renames",
            operations=tuple(
                {"op": "replace", "path": f"/spec/containers/{index}/name", "value": f"new{index}"}
                for index in (0, 1)
            ),
        ),
    ),
}
_CHANGES: dict[str, tuple[dict[str, Any], Change]] = {
    "BestEffort pod - request memory": ({}, _MEMORY_REQUEST),
    "BestEffort pod - request cpu": ({}, Change(cpu=CPU, scope="requests")),
    "Guaranteed pod - remove cpu & memory limits": (guaranteed(), _NO_LIMITS),
    "Burstable pod - remove cpu & memory limits + increase requests": (
        burstable(),
        Change(cpu="+20m", memory="+16Mi", scope="requests") & _NO_LIMITS,
    ),
    "Burstable pod - remove memory requests": (
        _ONLY_MEMORY,
        Change(memory="none", scope="requests"),
    ),
    "Burstable pod - remove cpu requests": (_ONLY_CPU, Change(cpu="none", scope="requests")),
    "Burstable pod - set requests == limits": (
        burstable(),
        Change(cpu=CPU_LIMIT, memory=MEMORY_LIMIT, scope="requests"),
    ),
}
OF_1_27 = "BestEffort pod - try requesting memory, expect error"
CASES = (
    *(
        Case(name=_INVALID + name, resources=(resources,), change=change)
        for name, (resources, change) in _CHANGES.items()
    ),
    Case(name=OF_1_27, resources=({},), change=_MEMORY_REQUEST),
)


@requirement(*REFUSED)
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_refused(pods: Pods, case: Case) -> None:
    """An amount that may not be asked for."""
    pod = case.running(pods)

    timeline = pod.ask(case.change)
    expected = expectation(pod, case.change)
    pod.delete()

    verify(timeline, expected)


@requirement(*REFUSED)
@pytest.mark.parametrize(
    ("resources", "edit"),
    [pytest.param(*case, id=_INVALID + name) for name, case in _EDITS.items()],
)
def test_refused_edit(pods: Pods, resources: tuple[dict[str, Any], ...], edit: Edit) -> None:
    """A change of what no resize may change."""
    pod = pods.running(resources=[*resources])

    timeline = pod.ask(edit, How(form=Form.MERGE))
    expected = expectation(pod, edit)
    pod.delete()

    verify(timeline, expected)
