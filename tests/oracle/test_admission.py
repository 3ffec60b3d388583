"""What the apiserver answers, by version; the texts are those of the specification."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.targets import TARGET as BASE

from podresize.oracle.admission import Admission, admit
from podresize.oracle.change import Change
from podresize.oracle.creation_rules import created
from podresize.oracle.edit import Edit, wanted
from podresize.oracle.pod_spec import same
from podresize.oracle.surroundings import NOTHING_KNOWN, Surroundings
from podresize.requirements.target import Fingerprint

BURSTABLE = {
    "requests": {"cpu": "100m", "memory": "64Mi"},
    "limits": {"cpu": "200m", "memory": "128Mi"},
}
GUARANTEED = {"requests": BURSTABLE["requests"], "limits": BURSTABLE["requests"]}
POLICY = [{"resourceName": name, "restartPolicy": "NotRequired"} for name in ("cpu", "memory")]
RESTART = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]
C1 = "/spec/containers/0"


def on(kubernetes: str, *, gate: bool = True) -> Fingerprint:
    return dataclasses.replace(BASE, kubernetes=kubernetes, gate=gate)


def pod(each: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    resources = BURSTABLE if each is None else each
    containers = [
        {"name": name, "image": "i", "resources": copy.deepcopy(resources), "resizePolicy": POLICY}
        for name in ("c1", "c2")
    ]
    return {
        "metadata": {"name": "p", "labels": {"a": "b"}},
        "spec": {"containers": containers, "nodeName": "n"} | spec,
        "status": {},
    }


def edit(operation: str, path: str, value: Any = None) -> Edit:
    return Edit(name=path, operations=({"op": operation, "path": path, "value": value},))


def asked(
    change: Change | Edit,
    kubernetes: str,
    before: dict[str, Any] | None = None,
    *,
    gate: bool = True,
    surroundings: Surroundings = NOTHING_KNOWN,
) -> Admission:
    old = before or pod()
    return admit(old, wanted(old, change), on(kubernetes, gate=gate), surroundings)


DISK = edit("add", f"{C1}/resources/limits/ephemeral-storage", "1Gi")
INIT = [{"name": "i1", "image": "i", "resources": BURSTABLE}]
SIDECAR = [INIT[0] | {"restartPolicy": "Always"}]
LESS_MEMORY = Change(memory="-1Mi", scope="limits")
NEW_LIMIT = Change(memory="128Mi", scope="limits")
ONE_LIMIT = {"requests": BURSTABLE["requests"], "limits": {"cpu": "200m"}}
MIRROR = pod()
MIRROR["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
OLD_NODE = pod()
OLD_NODE["status"] = {"containerStatuses": [{"name": "c1", "state": {"running": {}}}]}
WHOLE = pod({"requests": {"cpu": "20m"}}, resources=BURSTABLE)
NAMES = edit("replace", f"{C1}/name", "c9")
ONLY = "only cpu and memory resources"

REFUSALS = [
    # QoS
    ("1.27.4", pod(GUARANTEED), Change(cpu="+1", scope="limits"), 422, "API-20", "QoS is immut"),
    ("1.31.0", pod({}), Change(cpu="1"), 422, "API-20", "Pod QoS is immutable"),
    ("1.32.0", pod(GUARANTEED), Change(cpu="+1", scope="limits"), 422, "API-20", "QOS Class may"),
    ("1.37.2", pod({}), Change(memory="64Mi"), 422, "API-20", "Pod QOS Class may not change"),
    (
        "1.37.2",
        pod(),
        Change(cpu="1", memory="1Gi"),
        422,
        "API-20",
        "Pod QOS Class may not change as a result of resizing",
    ),
    # what may be resized
    ("1.27.4", pod(), DISK, 422, "PR-42", "`spec.containers[*].resources`"),
    ("1.33.0", pod(), DISK, 422, "API-21", f"{ONLY} are mutable"),
    ("1.37.2", pod(), DISK, 422, "API-21", f"{ONLY} are mutable"),
    (
        "1.34.0",
        pod(initContainers=SIDECAR),
        edit("add", "/spec/initContainers/0/resources/limits/ephemeral-storage", "1Gi"),
        422,
        "API-21",
        f"{ONLY} for sidecar containers",
    ),
    (
        "1.36.0",
        pod(initContainers=INIT),
        edit("add", "/spec/initContainers/0/resources/limits/ephemeral-storage", "1Gi"),
        422,
        "API-21",
        f"{ONLY} for init or sidecar containers",
    ),
    # removal, memory limits
    ("1.32.0", pod(), Change(cpu="none", scope="limits"), 422, "API-22", "limits cannot be remo"),
    ("1.37.2", pod(), Change(cpu="none"), 422, "API-22", "requests cannot be removed"),
    ("1.33.2", pod(), LESS_MEMORY, 422, "API-24", "memory limits cannot be decreased unless"),
    ("1.33.2", pod(ONE_LIMIT), NEW_LIMIT, 422, "API-24", "memory limits cannot be added unless"),
    # the set of containers
    ("1.27.4", pod(), NAMES, 422, "PR-42", "`spec.containers[*].resources`"),
    ("1.33.0", pod(), NAMES, 422, "API-25", "containers may not be renamed or reordered"),
    ("1.37.2", pod(), edit("remove", C1), 422, "API-25", "may not be added or removed on resize"),
    ("1.27.4", pod(), edit("remove", C1), 422, "PR-42", "may not add or remove containers"),
    # kinds of pods
    ("1.32.0", MIRROR, Change(cpu="+1m"), 422, "API-26", "static pods cannot be resized"),
    (
        "1.37.2",
        pod(os={"name": "windows"}),
        Change(cpu="+1m"),
        422,
        "API-27",
        "windows pods cannot",
    ),
    ("1.32.0", OLD_NODE, Change(cpu="+1m"), 422, "API-36", "Pod running on node without support"),
    (
        "1.35.0",
        pod(initContainers=INIT),
        Change(cpu="+1m", container="i1"),
        422,
        "API-28",
        "resources for non-sidecar init containers are immutable",
    ),
    (
        "1.36.0",
        pod(initContainers=[INIT[0] | {"resizePolicy": RESTART}]),
        Change(cpu="+1m", container="i1"),
        422,
        "API-28",
        "with a resize policy of RestartContainer",
    ),
    # policies
    ("1.27.4", pod(), edit("replace", f"{C1}/resizePolicy", RESTART), 422, "API-32", "for CPU/mem"),
    ("1.33.0", pod(), edit("replace", f"{C1}/resizePolicy", RESTART), 422, "API-32", ONLY),
    ("1.37.2", pod(), edit("remove", f"{C1}/resizePolicy"), 422, "API-32", ONLY),
    # amounts
    ("1.27.4", pod(), Change(cpu="+1", scope="requests"), 422, "API-35", "equal to cpu limit"),
    ("1.37.2", pod(), Change(memory="-1Gi"), 422, "API-35", "greater than or equal to 0"),
    ("1.37.2", pod(), edit("replace", f"{C1}/resources/limits/cpu", "x"), 422, "API-35", "quant"),
    # resources of the pod
    ("1.34.0", WHOLE, Change(cpu="+1m"), 422, "API-39", "pods with pod-level resources cannot be"),
    ("1.35.0", WHOLE, Change(cpu="+1m"), 422, "API-39", "is forbidden when"),
    ("1.36.0", WHOLE, edit("remove", "/spec/resources"), 422, "API-39", "resources cannot be remo"),
    (
        "1.37.2",
        WHOLE,
        edit("remove", "/spec/resources/limits/cpu"),
        422,
        "API-39",
        "pod-level resource limits cannot be removed",
    ),
    ("1.37.2", WHOLE, Change(cpu="90m"), 422, "API-39", "aggregate container requests"),
]


@pytest.mark.parametrize(
    ("kubernetes", "before", "change", "code", "rule", "fragment"),
    REFUSALS,
    ids=[f"{item[0]}-{item[4]}-{item[2]}" for item in REFUSALS],
)
def test_refusals(
    kubernetes: str,
    before: dict[str, Any],
    change: Change | Edit,
    code: int,
    rule: str,
    fragment: str,
) -> None:
    found = asked(change, kubernetes, before)

    assert (found.answer.code, found.answer.rule) == (code, rule)
    assert fragment in found.answer.fragment
    assert found.pod is before
    assert not found.changes_spec


ACCEPTED = [
    ("1.27.4", pod(), Change(cpu="none", scope="limits")),
    ("1.31.0", pod(ONE_LIMIT), NEW_LIMIT),
    ("1.34.0", pod(), LESS_MEMORY),
    ("1.37.2", pod(ONE_LIMIT), NEW_LIMIT),
    ("1.32.4", pod(), edit("replace", f"{C1}/resizePolicy", RESTART)),
    ("1.33.0", pod(initContainers=SIDECAR), Change(cpu="+1m", container="i1")),
    ("1.36.0", pod(initContainers=INIT), Change(cpu="+1m", container="i1")),
    ("1.37.2", WHOLE, edit("replace", "/spec/resources/limits/cpu", "900m")),
    ("1.37.2", WHOLE, edit("remove", "/spec/resources/requests/cpu")),
    ("1.34.0", pod({}), edit("add", f"{C1}/resources/limits", {"ephemeral-storage": "1Gi"})),
]


@pytest.mark.parametrize(
    ("kubernetes", "before", "change"), ACCEPTED, ids=[f"{item[0]}-{item[2]}" for item in ACCEPTED]
)
def test_accepted(kubernetes: str, before: dict[str, Any], change: Change | Edit) -> None:
    found = asked(change, kubernetes, before)

    assert found.answer.accepted, found.answer
    assert found.changes_spec
    assert not same(found.pod["spec"], before["spec"])


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (edit("replace", f"{C1}/image", "other"), "API-06"),
        (edit("add", "/metadata/labels/new", "label"), "API-06"),
        (edit("add", "/spec/volumes", [{"name": "v"}]), "API-43"),
        (edit("add", "/status/phase", "Failed"), "API-60"),
    ],
    ids=str,
)
def test_what_a_resize_drops(change: Edit, rule: str) -> None:
    found = asked(change, "1.37.2")

    assert found.answer.accepted
    assert found.answer.rule == rule
    assert found.pod["spec"] == pod()["spec"]
    assert not found.changes_spec


def test_a_limit_brings_its_request() -> None:
    found = asked(Change(memory="64Mi", scope="limits"), "1.37.2", pod({"requests": {"cpu": "1"}}))

    assert found.answer.spec["c1"] == {
        "requests": {"cpu": "1", "memory": "64Mi"},
        "limits": {"memory": "64Mi"},
    }


@pytest.mark.parametrize(
    ("kubernetes", "gate", "endpoint", "code", "rule"),
    [
        ("1.27.4", True, "pods/resize", 404, "API-01"),
        ("1.27.4", False, "pods", 422, "API-05"),
        ("1.33.0", False, "pods/resize", 404, "API-04"),
        ("1.33.0", True, "pods", 422, "API-03"),
        ("1.37.2", True, "pods", 422, "API-03"),
        ("1.37.2", False, "pods/resize", 200, ""),
    ],
)
def test_the_endpoint_decides(
    kubernetes: str, gate: bool, endpoint: str, code: int, rule: str
) -> None:
    there = Surroundings(endpoint=endpoint)
    found = asked(Change(cpu="+1m"), kubernetes, gate=gate, surroundings=there)

    assert (found.answer.code, found.answer.rule) == (code, rule)


LIMITS = {
    "spec": {"limits": [{"type": "Container", "max": {"cpu": "500m"}, "min": {"cpu": "50m"}}]}
}
QUOTA = {
    "metadata": {"name": "q"},
    "status": {
        "hard": {"cpu": "300m", "memory": "1Gi"},
        "used": {"cpu": "200m", "memory": "128Mi"},
    },
}
EXCEEDED = "exceeded quota: q, requested: cpu=200m, used: cpu=200m, limited: cpu=300m"
DEFAULTS = {"spec": {"limits": [{"type": "Container", "default": {"memory": "128Mi"}}]}}


@pytest.mark.parametrize(
    ("kubernetes", "change", "around", "code", "rule", "fragment"),
    [
        ("1.37.2", Change(cpu="+1m"), {"may_resize": False}, 403, "API-08", '"pods/resize"'),
        ("1.37.2", Change(cpu="+1m"), {"is_stale": True}, 409, "PR-41", "has been modified"),
        (
            "1.36.0",
            Change(cpu="9"),
            {"allocatable": {"cpu": "4", "memory": "8Gi"}},
            403,
            "API-41",
            "enough allocatable resources: cpu, requested: 18000, allocatable: 4000",
        ),
        ("1.35.0", Change(cpu="9"), {"allocatable": {"cpu": "4", "memory": "8Gi"}}, 200, "", ""),
        (
            "1.32.0",
            Change(cpu="600m", scope="limits"),
            {"limit_ranges": (LIMITS,)},
            403,
            "API-50",
            "maximum cpu usage per Container is 500m, but limit is 600m",
        ),
        (
            "1.37.2",
            Change(cpu="10m", scope="requests"),
            {"limit_ranges": (LIMITS,)},
            403,
            "API-50",
            "minimum cpu usage per Container is 50m, but request is 10m",
        ),
        (
            "1.31.0",
            Change(cpu="600m", scope="limits"),
            {"limit_ranges": (LIMITS,)},
            200,
            "API-50",
            "",
        ),
        ("1.27.4", Change(cpu="+100m"), {"quotas": (QUOTA,)}, 403, "API-52", EXCEEDED),
        ("1.37.2", Change(cpu="+100m"), {"quotas": (QUOTA,)}, 403, "API-52", EXCEEDED),
        ("1.37.2", Change(cpu="+50m"), {"quotas": (QUOTA,)}, 200, "", ""),
    ],
)
def test_what_surrounds_decides(
    kubernetes: str,
    change: Change,
    around: dict[str, Any],
    code: int,
    rule: str,
    fragment: str,
) -> None:
    found = asked(change, kubernetes, surroundings=Surroundings(**around))

    assert (found.answer.code, found.answer.rule) == (code, rule)
    assert fragment in found.answer.fragment


def test_a_limit_range_brings_its_defaults() -> None:
    around = Surroundings(limit_ranges=(DEFAULTS,))
    change = Change(cpu="+1m", container="c1")
    found = asked(change, "1.37.2", pod(ONE_LIMIT), surroundings=around)

    assert found.answer.rule == "API-51"
    assert found.answer.spec["c2"]["limits"] == {"cpu": "200m", "memory": "128Mi"}


def test_a_dry_run_promises_and_stores_nothing() -> None:
    before = pod()
    around = Surroundings(is_dry_run=True)
    found = asked(Change(cpu="+1m"), "1.37.2", before, surroundings=around)

    assert found.answer.spec["c1"]["limits"]["cpu"] == "201m"
    assert found.pod is before
    assert not found.changes_spec


versions = st.sampled_from([f"1.{minor}.{patch}" for minor in range(27, 38) for patch in (0, 4)])
amounts = st.fixed_dictionaries(
    {},
    optional={
        "cpu": st.sampled_from(["0", "1m", "100m", "2", "-1", "much"]),
        "memory": st.sampled_from(["0", "64Mi", "1Ti", "-1Gi"]),
        "ephemeral-storage": st.just("1Gi"),
        "example.com/dongle": st.just("1"),
    },
)
some_resources = st.none() | st.fixed_dictionaries(
    {}, optional={"requests": amounts, "limits": amounts}
)
some_containers = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["c1", "c2", "c3"]), "image": st.sampled_from(["i", "j"])},
        optional={
            "resources": some_resources,
            "resizePolicy": st.sampled_from([None, [], POLICY, RESTART]),
            "restartPolicy": st.just("Always"),
        },
    ),
    max_size=3,
    unique_by=lambda item: str(item["name"]),
)
some_specs = st.fixed_dictionaries(
    {"containers": some_containers},
    optional={
        "initContainers": some_containers,
        "resources": some_resources,
        "nodeName": st.just("n"),
        "os": st.sampled_from([{"name": "windows"}, {"name": "linux"}]),
        "volumes": st.just([{"name": "v", "emptyDir": {}}]),
        "restartPolicy": st.sampled_from(["Always", "Never"]),
    },
)
some_surroundings = st.builds(
    Surroundings,
    allocatable=st.none() | st.just({"cpu": "2", "memory": "4Gi"}),
    limit_ranges=st.sampled_from([(), (LIMITS,), (DEFAULTS,)]),
    quotas=st.sampled_from([(), (QUOTA,)]),
    is_stale=st.booleans(),
    may_resize=st.booleans(),
    endpoint=st.sampled_from([None, "pods", "pods/resize"]),
    is_dry_run=st.booleans(),
)
GOOD = st.sampled_from([BURSTABLE, GUARANTEED, ONE_LIMIT, {}])


@settings(max_examples=200, deadline=None)
@given(GOOD, some_specs, versions, st.booleans(), some_surroundings)
def test_it_is_total_and_a_refusal_leaves_the_pod(
    each: dict[str, Any],
    spec: dict[str, Any],
    kubernetes: str,
    gate: bool,
    surroundings: Surroundings,
) -> None:
    old = pod(each)
    new = {"metadata": {"name": "p"}, "spec": spec, "status": {}}
    untouched, asked_for = copy.deepcopy(old), copy.deepcopy(new)
    found = admit(old, new, on(kubernetes, gate=gate), surroundings)

    assert (old, new) == (untouched, asked_for)
    assert found.answer.accepted == (found.answer.code == 200)
    assert bool(found.answer.rule) or found.answer.accepted or found.answer.code == 403
    if not found.answer.accepted or surroundings.is_dry_run:
        assert found.pod == old
        assert not found.changes_spec
    created(new, on(kubernetes, gate=gate))


@given(GOOD, versions, st.booleans())
def test_asking_for_what_is_there_is_accepted(
    each: dict[str, Any], kubernetes: str, gate: bool
) -> None:
    old = pod(each)
    here = on(kubernetes, gate=gate)
    found = admit(old, copy.deepcopy(old), here)
    there_is_none = not gate and kubernetes.startswith(("1.32", "1.33", "1.34"))

    assert found.answer.code == (404 if there_is_none else 200)
    assert found.pod["spec"] == old["spec"]
    assert not found.changes_spec
