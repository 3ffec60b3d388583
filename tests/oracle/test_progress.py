"""The legal course in the API as a table: release, what is asked, what becomes of it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.oracle.test_expectation import on

from podresize.oracle.change import Change
from podresize.oracle.expectation import Expectation, ProgressStyle, expectation
from podresize.oracle.surroundings import Surroundings
from podresize.requirements.model import Outcome

RESOURCES = {
    "requests": {"cpu": "100m", "memory": "64Mi"},
    "limits": {"cpu": "1", "memory": "128Mi"},
}
# Room for what the changes here ask for and nothing more; full; too small for ever.
ROOM = Surroundings(allocatable={"cpu": "2", "memory": "1Gi"}, others={"cpu": "1"})
FULL = Surroundings(allocatable={"cpu": "2", "memory": "1Gi"}, others={"cpu": "1900m"})
SMALL = Surroundings(allocatable={"cpu": "200m", "memory": "1Gi"})
GROW = Change(cpu="+200m", scope="requests")
LIMITS = Change(cpu="+200m", scope="limits")
SAME = Change(cpu="100m", scope="requests")
NEW = {"cpu": "300m"}
POLICY = [{"resourceName": name, "restartPolicy": "NotRequired"} for name in ("cpu", "memory")]


def pod(spec: dict[str, str] | None = None, *, pending: str = "") -> dict[str, Any]:
    """A running pod; while a resize is pending its spec asks for more than its status has."""
    asked = copy.deepcopy(RESOURCES)
    asked["requests"].update(spec or {})
    status: dict[str, Any] = {
        "qosClass": "Burstable",
        "containerStatuses": [
            {
                "name": "c1",
                "resources": copy.deepcopy(RESOURCES),
                "allocatedResources": dict(RESOURCES["requests"]),
            }
        ],
    }
    if pending:
        status["resize"] = pending
        status["conditions"] = [{"type": "PodResizePending", "status": "True", "reason": pending}]
    return {
        "metadata": {"name": "p", "namespace": "n", "generation": 3},
        "spec": {
            "containers": [{"name": "c1", "image": "i", "resources": asked, "resizePolicy": POLICY}]
        },
        "status": status,
    }


def course(
    kubernetes: str, before: dict[str, Any], change: Change | None, around: Surroundings
) -> Expectation:
    target = on(kubernetes=kubernetes, kubelet=kubernetes)
    return expectation(before, change, target, surroundings=around)


# Columns: what is asked, in which surroundings; then outcome, chain and what must be seen of it up
# to 1.31, in 1.32, and from 1.33 to 1.35. A chain begins with what is shown before.
TABLE: list[Any] = [
    pytest.param(
        (pod(), GROW, ROOM),
        (Outcome.GRANTED, "/Proposed/InProgress/", "Proposed/InProgress"),
        (Outcome.GRANTED, "/Proposed/InProgress/", "Proposed"),
        (Outcome.GRANTED, "/InProgress/", ""),
        id="granted",
    ),
    pytest.param(
        (pod(), LIMITS, ROOM),
        (Outcome.GRANTED, "", ""),
        (Outcome.GRANTED, "/Proposed/InProgress/", "Proposed"),
        (Outcome.GRANTED, "/InProgress/", ""),
        id="limits-alone",
    ),
    pytest.param(
        (pod(), GROW, FULL),
        (Outcome.DEFERRED, "/Proposed/Deferred", "Proposed/Deferred"),
        (Outcome.DEFERRED, "/Proposed/Deferred", "Proposed/Deferred"),
        (Outcome.DEFERRED, "/Deferred", "Deferred"),
        id="deferred",
    ),
    pytest.param(
        (pod(), GROW, SMALL),
        (Outcome.INFEASIBLE, "/Proposed/Infeasible", "Proposed/Infeasible"),
        (Outcome.INFEASIBLE, "/Proposed/Infeasible", "Proposed/Infeasible"),
        (Outcome.INFEASIBLE, "/Infeasible", "Infeasible"),
        id="infeasible",
    ),
    pytest.param(
        (pod(), Change(cpu="2", scope="requests"), ROOM),
        (Outcome.REFUSED, "", ""),
        (Outcome.REFUSED, "", ""),
        (Outcome.REFUSED, "", ""),
        id="refused",
    ),
    pytest.param(
        (pod(), SAME, ROOM),
        (Outcome.GRANTED, "", ""),
        (Outcome.GRANTED, "", ""),
        (Outcome.GRANTED, "", ""),
        id="nothing-changes",
    ),
    pytest.param(
        (pod(NEW, pending="Deferred"), None, ROOM),
        (Outcome.GRANTED, "Deferred/InProgress/", "InProgress"),
        (Outcome.GRANTED, "Deferred/InProgress/", ""),
        (Outcome.GRANTED, "Deferred/InProgress/", ""),
        id="deferred-then-room",
    ),
    pytest.param(
        (pod(NEW, pending="Deferred"), SAME, FULL),
        (Outcome.GRANTED, "Deferred/", ""),
        (Outcome.GRANTED, "Deferred/Proposed/", "Proposed"),
        (Outcome.GRANTED, "Deferred/", ""),
        id="deferred-then-withdrawn",
    ),
    pytest.param(
        (pod(NEW, pending="Infeasible"), Change(cpu="120m", scope="requests"), ROOM),
        (Outcome.GRANTED, "Infeasible/Proposed/InProgress/", "Proposed/InProgress"),
        (Outcome.GRANTED, "Infeasible/Proposed/InProgress/", "Proposed"),
        (Outcome.GRANTED, "Infeasible/InProgress/", ""),
        id="infeasible-then-less",
    ),
    pytest.param(
        (pod(NEW, pending="Deferred"), Change(cpu="400m", scope="requests"), FULL),
        (Outcome.DEFERRED, "Deferred/Proposed/Deferred", "Proposed/Deferred"),
        (Outcome.DEFERRED, "Deferred/Proposed/Deferred", "Proposed/Deferred"),
        (Outcome.DEFERRED, "Deferred", "Deferred"),
        id="deferred-then-more",
    ),
]


@pytest.mark.parametrize(("case", "to_131", "in_132", "from_133"), TABLE)
@pytest.mark.parametrize("kubernetes", ["1.27.4", "1.31.9", "1.32.0", "1.33.0", "1.35.1"])
def test_the_course(kubernetes: str, case: Any, to_131: Any, in_132: Any, from_133: Any) -> None:
    minor = int(kubernetes.split(".")[1])
    outcome, chain, required = to_131 if minor < 32 else in_132 if minor < 33 else from_133

    found = course(kubernetes, *case)

    assert found.outcome is outcome
    assert "/".join(found.progress.chain) == chain
    assert "/".join(found.progress.required) == required
    style = ProgressStyle.RESIZE_FIELD if minor < 33 else ProgressStyle.CONDITIONS
    assert found.progress.style is style


@pytest.mark.parametrize("kubernetes", ["1.36.0", "1.37.2"])
def test_from_1_36_on_what_can_never_fit_is_refused_at_the_door(kubernetes: str) -> None:
    bound = pod()
    bound["spec"]["nodeName"] = "node-1"

    found = course(kubernetes, bound, GROW, SMALL)

    assert (found.outcome, found.answer.code, found.answer.rule) == (
        Outcome.REFUSED,
        403,
        "API-41",
    )
    assert found.progress.chain == ("",)
    assert course(kubernetes, bound, GROW, FULL).outcome is Outcome.DEFERRED


@pytest.mark.parametrize("kubernetes", ["1.27.4", "1.32.0", "1.35.1", "1.37.2"])
@pytest.mark.parametrize("around", [ROOM, FULL, SMALL], ids=["room", "full", "small"])
def test_what_must_be_seen_is_a_part_of_what_may_be_seen(
    kubernetes: str, around: Surroundings
) -> None:
    for before in (pod(), pod(NEW, pending="Deferred"), pod(NEW, pending="Infeasible")):
        for change in (GROW, LIMITS, SAME, None):
            found = course(kubernetes, before, change, around).progress
            rest = iter(found.chain)
            assert all(value in rest for value in found.required)
