"""What the judges of api must catch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from tests.evidence.asked import Asked
from tests.evidence.mutants.spoiling import (
    GATE_OFF,
    V134,
    Mutant,
    Mutate,
    answer_code,
    api,
    spec_cpu,
    status_of,
)

from podresize.evidence.timeline import Witness
from podresize.oracle.change import Change
from podresize.oracle.edit import Edit, Form
from podresize.oracle.surroundings import Surroundings
from podresize.resizing.asking import How

_POLICY = [{"resourceName": "cpu", "restartPolicy": "NotRequired"}]
_BURSTABLE = {
    "requests": {"cpu": "100m", "memory": "64Mi"},
    "limits": {"cpu": "200m", "memory": "128Mi"},
}
_MORE = Change(cpu="+50m")


def _pod(each: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    one = copy.deepcopy(_BURSTABLE if each is None else each)
    names = ("c1", "c2")
    return {
        "metadata": {"namespace": "pr-1", "name": "p", "labels": {"a": "b"}},
        "spec": {
            "containers": [
                {"name": name, "image": "i", "resources": copy.deepcopy(one)} for name in names
            ],
            "nodeName": "n",
        }
        | spec,
        "status": {
            "containerStatuses": [
                {"name": name, "state": {"running": {}}, "resources": one} for name in names
            ]
        },
    }


def _asked(
    change: Change | Edit,
    *,
    kubernetes: str = "1.37.2",
    pod: dict[str, Any] | None = None,
    how: How | None = None,
    **surroundings: Any,
) -> dict[str, Any]:
    asked = Asked(
        change=change,
        how=how or How(form=Form.MERGE),
        pod=pod or _pod(),
        surroundings=Surroundings(**surroundings),
    )
    return {"asked": asked, "kubernetes": kubernetes, "kubelet": kubernetes}


def _edit(operation: str, path: str, value: Any = None) -> Edit:
    value = {} if operation == "remove" else {"value": value}
    return Edit(name=operation, operations=({"op": operation, "path": path, **value},))


def _with_policy() -> dict[str, Any]:
    """Before 1.33 every pod has the default policy in its spec (API-33)."""
    pod = _pod()
    for container in pod["spec"]["containers"]:
        container["resizePolicy"] = [
            {"resourceName": name, "restartPolicy": "NotRequired"} for name in ("cpu", "memory")
        ]
    return pod


def _deleted() -> dict[str, Any]:
    pod = _pod()
    pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return pod


def _annotated(pod: dict[str, Any]) -> dict[str, Any]:
    pod["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "1"}
    return pod


def _unreported(pod: dict[str, Any]) -> dict[str, Any]:
    del pod["status"]["containerStatuses"][0]["resources"]
    return pod


def _answer(change: Callable[[dict[str, Any]], Any]) -> Mutate:
    def apply(data: dict[str, Any]) -> None:
        if "answer" in data:
            change(data["answer"])

    return lambda resize: resize.edit(Witness.CLIENT, apply)


_words = _answer(lambda answer: answer.update(message="for another reason"))
_image = api(lambda pod: pod["spec"]["containers"][1].update(image="other"))
_policies = api(lambda pod: pod["spec"]["containers"][0].update(resizePolicy=_POLICY))
_status = api(lambda pod: status_of(pod).update(resources={"requests": {"cpu": "1"}}))
_generation = api(lambda pod: pod["metadata"].update(generation=5))
_quota = {
    "metadata": {"name": "q"},
    "status": {"hard": {"requests.cpu": "250m"}, "used": {"requests.cpu": "200m"}},
}
_limits = {"spec": {"limits": [{"type": "Container", "max": {"cpu": "220m"}}]}}
_defaults = {"spec": {"limits": [{"type": "Container", "default": {"memory": "128Mi"}}]}}
_no_limit = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "200m"}}
_init = [{"name": "i1", "image": "i", "resources": _BURSTABLE}]
_path = "/spec/containers/0"

_REFUSALS: list[tuple[str, dict[str, Any]]] = [
    ("API-01", _asked(_MORE, kubernetes="1.27.4", how=How(endpoint="pods/resize"))),
    ("API-03", _asked(_MORE, how=How(endpoint="pods"))),
    (
        "PR-42",
        _asked(_edit("add", f"{_path}/command", ["x"]), pod=_with_policy(), kubernetes="1.27.4"),
    ),
    ("API-08", _asked(_MORE, how=How(user="u"), may_resize=False)),
    ("API-10", _asked(Change(cpu="-10"))),
    ("API-20", _asked(Change(cpu="200m", memory="128Mi", scope="requests"))),
    ("API-21", _asked(_edit("add", f"{_path}/resources/limits/ephemeral-storage", "1Gi"))),
    ("API-22", _asked(Change(cpu="none", scope="limits"))),
    ("API-24", _asked(Change(memory="-1Mi", scope="limits"), kubernetes="1.33.2")),
    ("API-25", _asked(_edit("replace", f"{_path}/name", "c9"))),
    ("API-26", _asked(_MORE, pod=_annotated(_pod()))),
    ("API-27", _asked(_MORE, pod=_pod(os={"name": "windows"}))),
    (
        "API-28",
        _asked(
            Change(cpu="+50m", container="i1"), kubernetes="1.34.1", pod=_pod(initContainers=_init)
        ),
    ),
    ("API-32", _asked(_edit("add", f"{_path}/resizePolicy", _POLICY))),
    ("API-35", _asked(Change(cpu="-10"))),
    ("API-36", _asked(_MORE, pod=_unreported(_pod()))),
    ("API-39", _asked(_edit("remove", "/spec/resources"), pod=_pod(resources=_BURSTABLE))),
    ("API-41", _asked(Change(cpu="9"), allocatable={"cpu": "2", "memory": "4Gi"})),
    ("API-50", _asked(_MORE, limit_ranges=(_limits,))),
    ("API-52", _asked(_MORE, quotas=(_quota,))),
    (
        "API-56",
        _asked(
            _edit("remove", f"{_path}/resizePolicy"),
            how=How(form=Form.PUT),
            pod=_pod(
                containers=[
                    {"name": "c1", "image": "i", "resources": _BURSTABLE, "resizePolicy": _POLICY},
                    {"name": "c2", "image": "i", "resources": _BURSTABLE},
                ]
            ),
        ),
    ),
    ("PR-40", _asked(Change(cpu="-10"), how=How(dry_run=True))),
    ("PR-41", _asked(_MORE, is_stale=True)),
]
_GRANTS: list[tuple[str, dict[str, Any]]] = [
    ("API-08", _asked(_MORE, how=How(user="u"))),
    ("API-10", _asked(_MORE, how=How(form=Form.APPLY))),
    ("API-11", _asked(Change(memory="64Mi", scope="limits"), pod=_pod({"requests": {"cpu": "1"}}))),
    ("API-22", _asked(Change(cpu="none", scope="limits"), pod=_with_policy(), kubernetes="1.27.4")),
    ("API-23", _asked(Change(memory="128Mi", scope="limits"), pod=_pod(_no_limit))),
    ("API-24", _asked(Change(memory="-1Mi", scope="limits"))),
    ("API-28", _asked(Change(cpu="+50m", container="i1"), pod=_pod(initContainers=_init))),
    (
        "API-39",
        _asked(_edit("replace", "/spec/resources/limits/cpu", "3"), pod=_pod(resources=_BURSTABLE)),
    ),
    ("API-38", _asked(_MORE, pod=_deleted())),
    ("API-50", _asked(_MORE, pod=_with_policy(), kubernetes="1.27.4", limit_ranges=(_limits,))),
    ("API-51", _asked(_MORE, pod=_pod(_no_limit), limit_ranges=(_defaults,))),
    ("PR-40", _asked(_MORE, how=How(dry_run=True))),
]
_DROPS: list[tuple[str, dict[str, Any], Mutate]] = [
    ("API-06", _asked(_edit("replace", f"{_path}/image", "new")), _image),
    ("API-43", _asked(_edit("add", "/spec/volumes", [{"name": "v"}])), _image),
    ("API-60", _asked(_edit("remove", "/status/containerStatuses")), _status),
]

MUTANTS: list[Mutant] = [
    ("API-01", {}, "refused", answer_code(422)),
    ("API-01", {}, "spec-unchanged", spec_cpu("200m")),
    ("API-02", V134, "refused", answer_code(404)),
    ("API-02", V134, "spec-unchanged", spec_cpu("200m")),
    ("API-04", V134 | GATE_OFF, "accepted", answer_code(200)),
    ("API-04", V134 | GATE_OFF, "spec-changed", spec_cpu("300m")),
    ("API-05", GATE_OFF, "accepted", answer_code(200)),
    ("API-05", GATE_OFF, "other-words", answer_code(422)),
    ("API-05", GATE_OFF, "spec-changed", spec_cpu("300m")),
    ("API-54", GATE_OFF, "resize", api(lambda pod: pod["status"].update(resize="Proposed"))),
    ("API-54", GATE_OFF, "resources", api(lambda pod: status_of(pod).update(resources={}))),
    (
        "API-54",
        GATE_OFF,
        "allocated",
        api(lambda pod: status_of(pod).update(allocatedResources={})),
    ),
    (
        "API-54",
        GATE_OFF,
        "policy",
        api(lambda pod: pod["spec"]["containers"][0].update(resizePolicy=[])),
    ),
    ("API-07", _asked(_MORE), "counts-twice", _generation),
    (
        "API-07",
        _asked(_MORE),
        "does-not-count",
        api(lambda pod: pod["metadata"].update(generation=1)),
    ),
    (
        "API-07",
        _asked(Change()),
        "counts-nothing",
        api(lambda pod: pod["metadata"].update(generation=2)),
    ),
    ("API-41", _REFUSALS[17][1], "no-cause", _answer(lambda answer: answer.update(causes=[]))),
    ("PR-40", _GRANTS[-1][1], "stored", spec_cpu("250m")),
    ("PR-40", _GRANTS[-1][1], "no-pod", _answer(lambda answer: answer.pop("spec", None))),
    *[(id_, options, "accepted", answer_code(200)) for id_, options in _REFUSALS],
    *[
        (id_, options, "other-words", _words)
        for id_, options in _REFUSALS
        if id_ not in ("API-01",)
    ],
    *[(id_, options, "spec-changed", _policies) for id_, options in _REFUSALS if id_ != "API-56"],
    *[(id_, options, "status-changed", _status) for id_, options in _REFUSALS],
    *[(id_, options, "refused", answer_code(422)) for id_, options in _GRANTS],
    *[
        (id_, options, "not-stored", api(lambda pod: pod["spec"].update(containers=[])))
        for id_, options in _GRANTS
    ],
    *[(id_, options, "stored", mutate) for id_, options, mutate in _DROPS],
    *[(id_, options, "refused", answer_code(422)) for id_, options, _ in _DROPS],
]
