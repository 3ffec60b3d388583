"""Ways to spoil what is said of a resize: conditions, Events, metrics; and the resizes for it."""

from __future__ import annotations

import json
from typing import Any

from tests.evidence.mutants.spoiling import Mutate

from podresize.evidence.timeline import Witness
from podresize.oracle.change import Change
from podresize.oracle.surroundings import Surroundings

V137 = {"kubernetes": "1.37.2", "kubelet": "1.37.2", "runtime_version": "2.1.4"}
ROOM = Surroundings(allocatable={"cpu": "2", "memory": "8Gi"}, others={"cpu": "1", "memory": "1Gi"})
DEFERRED = {"change": Change(cpu="+1"), "surroundings": ROOM}
INFEASIBLE = {"change": Change(cpu="+100m"), "cpu_manager_policy": "static"}


def burstable(requests: dict[str, str], limits: dict[str, str]) -> dict[str, Any]:
    resources = {"requests": requests, "limits": limits}
    policy = [{"resourceName": name, "restartPolicy": "NotRequired"} for name in ("cpu", "memory")]
    spec = {"name": "c1", "resources": resources, "resizePolicy": policy}
    status = {"name": "c1", "restartCount": 0, "state": {"running": {}}, "resources": resources}
    return {
        "metadata": {"namespace": "pr-1", "name": "resize"},
        "spec": {"containers": [spec]},
        "status": {
            "phase": "Running",
            "qosClass": "Burstable",
            "containerStatuses": [status | {"allocatedResources": dict(requests)}],
        },
    }


_REQUESTS = {"cpu": "100m", "memory": "64Mi"}
LIMITS_ALONE = {
    "change": Change(cpu="+100m", scope="limits"),
    "pod": burstable(_REQUESTS, {"cpu": "200m", "memory": "128Mi"}),
}
UNLIMITED = {"change": Change(cpu="+100m", scope="requests"), "pod": burstable(_REQUESTS, {})}
MINIMAL = {
    "change": Change(cpu="1m", scope="requests"),
    "pod": burstable({"cpu": "2m", "memory": "64Mi"}, {}),
}
RETRIED = {
    "change": Change(),
    "surroundings": ROOM,
    "pending": {
        "requests": {"cpu": "300m", "memory": "64Mi"},
        "limits": {"cpu": "300m", "memory": "64Mi"},
    },
}


def conditions(**fields: Any) -> Mutate:
    """Every resize condition has these fields."""

    def change(pod: dict[str, Any]) -> None:
        for item in pod["status"].get("conditions") or ():
            if item["type"].startswith("PodResize"):
                item.update(fields)

    return lambda resize: resize.edit(Witness.API, change)


def ticking(resize: Any) -> None:
    """The condition is written once more, with another time."""
    again = resize.again(0.7, Witness.API, "pod", -1)
    again["status"]["conditions"][-1]["lastTransitionTime"] = "2026-01-01T00:00:09Z"


def cleared_twice(resize: Any) -> None:
    """InProgress goes and comes again, which no race of the writers explains."""
    resize.again(0.06, Witness.API, "pod", 0)
    resize.again(0.07, Witness.API, "pod", 2)


def pod_status(field: str, kind: str | None = None, **values: str) -> Mutate:
    """A field of the pod's own status, or one map of it, has other values."""

    def change(pod: dict[str, Any]) -> None:
        found = pod["status"][field]
        (found if kind is None else found[kind]).update(values)

    return lambda resize: resize.edit(Witness.API, change)


def events(**changes: Any) -> Mutate:
    """The JSON of every Event has other values."""

    def change(data: dict[str, Any]) -> None:
        start = data["message"].index("{")
        said = json.loads(data["message"][start:])
        data["message"] = data["message"][:start] + json.dumps(said | changes)

    return lambda resize: resize.edit(Witness.EVENT, change)


def events_swapped(resize: Any) -> None:
    started, completed = resize.of(Witness.EVENT)
    resize.drop(Witness.EVENT)
    resize.add(0.1, Witness.EVENT, "pod", completed.data)
    resize.add(0.2, Witness.EVENT, "pod", started.data)


def other_event(resize: Any) -> None:
    data = {"reason": "ResizeError", "type": "Warning", "message": "Pod resize error: {}"}
    resize.add(0.1, Witness.EVENT, "pod", data | {"count": 1})


def metric(family: str, by: float) -> Mutate:
    """Every series of the family moves by something else than it must."""

    def mutate(resize: Any) -> None:
        for before, after in zip(*_pair(resize), strict=True):
            for series in after.data:
                if series.startswith(family + "{"):
                    after.data[series] = before.data[series] + by

    return mutate


def _pair(resize: Any) -> tuple[list[Any], list[Any]]:
    seen = resize.of(Witness.METRIC)
    before = sorted((item for item in seen if item.t < 0), key=lambda item: item.subject)
    return before, sorted((item for item in seen if item.t >= 0), key=lambda item: item.subject)
