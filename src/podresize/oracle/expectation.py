"""From a pod, a change and a fingerprint to what must be seen.

Pure and total: the same inputs give the same expectation, for any pod, change, target and
surroundings. Without surroundings the change is taken to fit the node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from podresize.oracle import admission, cgroups, conversions, node
from podresize.oracle.admission import V1_33
from podresize.oracle.change import CPU, MEMORY, Change
from podresize.oracle.deadlines import seconds_allowed
from podresize.oracle.edit import Edit, wanted
from podresize.oracle.events import expected_events
from podresize.oracle.metrics import expected_metrics
from podresize.oracle.model import (
    POD,
    Answer,
    ContainerExpectation,
    Expectation,
    Progress,
    ProgressStyle,
    container_subject,
)
from podresize.oracle.progress import DEFERRED, INFEASIBLE, progress
from podresize.oracle.quantity import millicores, whole_bytes
from podresize.oracle.question import question
from podresize.oracle.resources import (
    LIMITS,
    REQUESTS,
    Resources,
    amount,
    changed_keys,
    normalised,
)
from podresize.oracle.surroundings import NOTHING_KNOWN, Surroundings
from podresize.requirements.loader import Catalogue, load_catalogue
from podresize.requirements.matching import why_unsupported
from podresize.requirements.model import Judged, Outcome
from podresize.requirements.target import Fingerprint
from podresize.requirements.versions import parse_release

__all__ = [
    "Answer",
    "ContainerExpectation",
    "Expectation",
    "Progress",
    "ProgressStyle",
    "expectation",
]

_OF_PENDING = ("KL-10",)  # their time is that of a resize which was pending before
REFUSAL_DEADLINE = 10.0
"""Seconds for an answer that changes nothing: one round trip, with room for a loaded host."""
RESTART_ALLOWANCE = 30.0
"""Seconds added where a container is restarted, beside its grace period: stop, start, probe."""


def expectation(
    pod: dict[str, Any],
    change: Change | Edit | None,
    fingerprint: Fingerprint,
    *,
    surroundings: Surroundings = NOTHING_KNOWN,
    catalogue: Catalogue | None = None,
) -> Expectation:
    """Return what must be seen when ``change`` is asked of ``pod`` on the fingerprinted target.

    ``pod`` is its raw JSON from just before the patch. Without a change nothing is asked: what must
    be seen is what becomes of the resize that is pending, in these surroundings. Raises
    ``UsageError`` only for inputs that name nothing: a container the pod lacks, a quantity that is
    none.
    """
    known = catalogue or load_catalogue()
    enacted = enacted_resources(pod)
    admitted = admission.admit(
        pod, pod if change is None else wanted(pod, change), fingerprint, surroundings
    )
    answer = admitted.answer
    if answer.accepted:
        allocated = _with_resources(pod, enacted)
        decision = node.decide(allocated, admitted.pod, fingerprint, surroundings)
    else:
        decision = node.Decision(outcome=Outcome.REFUSED, rule=answer.rule)
    new = _resources(admitted.pod)
    after = {
        name: _kept_where_equal(old, new.get(name, old))
        if decision.outcome is Outcome.GRANTED
        else old
        for name, old in enacted.items()
    }
    counts = {
        item["name"]: int(item.get("restartCount") or 0)
        for key in ("containerStatuses", "initContainerStatuses")
        for item in pod.get("status", {}).get(key) or ()
    }
    specs = _resources(pod)
    told_before, told_after = (
        cgroups.enforced(
            cgroups.inheriting(pod, each),
            qos_class=admission.qos_class(list(each.values())),
            fingerprint=fingerprint,
        )
        for each in (enacted, after)
    )
    containers = tuple(
        _container(
            item,
            fingerprint=fingerprint,
            asked=(specs[name], _kept_where_equal(specs[name], new.get(name, specs[name]))),
            enacted=(enacted[name], after[name]),
            told=(told_before[name], told_after[name]),
            restart_count=counts.get(name, 0),
            is_init=is_init,
        )
        for name, item, is_init in _long_running(pod)
    )
    metadata = pod.get("metadata", {})
    requirements = _applicable(decision.outcome, fingerprint, known)
    generation = _generation(metadata, admitted.changes_spec, fingerprint)
    return Expectation(
        pod=f"{metadata.get('namespace', 'default')}/{metadata.get('name', '')}",
        change="nothing" if change is None else str(change),
        endpoint=surroundings.endpoint or admission.endpoint(fingerprint),
        answer=answer,
        outcome=decision.outcome,
        why=decision.why,
        rule=decision.rule,
        generation=generation,
        containers=containers,
        cgroups_before=_cgroups(pod, enacted, fingerprint),
        cgroups_after=_cgroups(pod, after, fingerprint),
        progress=progress(
            fingerprint, containers, outcome=decision.outcome, start=pending_reason(pod)
        ),
        qos_class=pod.get("status", {}).get("qosClass")
        or admission.qos_class(list(specs.values())),
        deadline=_deadline(
            pod,
            containers,
            [item for item in requirements if item not in _OF_PENDING or pending_reason(pod)],
            fingerprint,
            known,
        ),
        requirements=requirements,
        fingerprint=fingerprint,
        events=expected_events(
            fingerprint,
            containers,
            outcome=decision.outcome,
            why=decision.why,
            generation=generation,
        ),
        metrics=expected_metrics(
            fingerprint,
            containers,
            answer=answer,
            outcome=decision.outcome,
            rule=decision.rule,
            start=pending_reason(pod),
            has_node_alone=surroundings.allocatable is not None,
        ),
        question=question(pod, () if change is None else (change,), surroundings),
    )


def enacted_resources(pod: dict[str, Any]) -> dict[str, Resources]:
    """Return the resources that each container has, by name: the spec's, unless one is pending.

    While a resize is deferred or infeasible, the status says what is in force.
    """
    found = _resources(pod)
    if pending_reason(pod):
        statuses = pod["status"]
        for key in ("containerStatuses", "initContainerStatuses"):
            for item in statuses.get(key) or ():
                if item.get("resources") is not None and item["name"] in found:
                    found[item["name"]] = normalised(item["resources"])
    return found


def pending_reason(pod: dict[str, Any]) -> str:
    """Return Deferred or Infeasible, empty when no resize of the pod is pending."""
    status = pod.get("status", {})
    if status.get("resize") in (DEFERRED, INFEASIBLE):
        return str(status["resize"])
    for item in status.get("conditions") or ():
        if item.get("type") == "PodResizePending" and item.get("status") == "True":
            return str(item.get("reason") or DEFERRED)
    return ""


def _long_running(pod: dict[str, Any]) -> list[tuple[str, dict[str, Any], bool]]:
    """Return name, spec and "is an init container" of those that run beside each other."""
    init = [
        (item["name"], item, True)
        for item in pod["spec"].get("initContainers") or ()
        if item.get("restartPolicy") == "Always"
    ]
    return [(item["name"], item, False) for item in pod["spec"]["containers"]] + init


def _resources(pod: dict[str, Any]) -> dict[str, Resources]:
    containers = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]
    return {item["name"]: normalised(item.get("resources")) for item in containers}


def _with_resources(pod: dict[str, Any], resources: dict[str, Resources]) -> dict[str, Any]:
    spec = dict(pod["spec"])
    for key in ("containers", "initContainers"):
        if spec.get(key):
            spec[key] = [
                item | {"resources": (item.get("resources") or {}) | resources[item["name"]]}
                for item in spec[key]
            ]
    return pod | {"spec": spec}


def _generation(
    metadata: dict[str, Any], changes_spec: bool, fingerprint: Fingerprint
) -> int | None:
    """Return metadata.generation afterwards (API-07): one more when the spec changes."""
    if parse_release(fingerprint.kubernetes) < V1_33 or "generation" not in metadata:
        return None
    return int(metadata["generation"]) + changes_spec


def runtime_resources(resources: Resources) -> dict[str, tuple[int, ...]]:
    """Return the numbers that ContainerStatus must report, by CRI field name (CRI-06).

    A limit that does not exist may be reported as 0 (unspecified) or -1 (unlimited).
    """
    cpu, memory = amount(resources, LIMITS, CPU), amount(resources, LIMITS, MEMORY)
    quota = None if cpu is None else conversions.cpu_quota(millicores(cpu))
    numbers: dict[str, tuple[int, ...]] = {
        "cpu_shares": (cgroups.container_shares(resources),),
        "cpu_quota": (0, -1) if quota is None else (quota,),
        "memory_limit_in_bytes": (whole_bytes(memory),) if memory else (0, -1),
    }
    if quota is not None:
        numbers["cpu_period"] = (conversions.QUOTA_PERIOD,)
    return numbers


def _container(
    spec: dict[str, Any],
    *,
    fingerprint: Fingerprint,
    asked: tuple[Resources, Resources],
    enacted: tuple[Resources, Resources],
    told: tuple[Resources, Resources],
    restart_count: int,
    is_init: bool,
) -> ContainerExpectation:
    before, after = enacted
    shows_allocated = fingerprint.gate and parse_release(fingerprint.kubernetes).release[:2] != (
        1,
        32,
    )
    return ContainerExpectation(
        name=spec["name"],
        asked_before=asked[0],
        asked=asked[1],
        before=before,
        after=after,
        allocated=dict(after[REQUESTS]) if shows_allocated else None,
        restarts=int(_restarts(admission.policies_of(spec), before, after, fingerprint)),
        restart_count=restart_count,
        runtime_before=runtime_resources(told[0]),
        runtime_after=runtime_resources(told[1]),
        is_init=is_init,
    )


def _kept_where_equal(before: Resources, after: Resources) -> Resources:
    """Return ``before`` itself when only the notation differs: to the apiserver nothing changes."""
    return after if changed_keys(before, after) else before


def _restarts(
    policies: dict[str, str], before: Resources, after: Resources, fingerprint: Fingerprint
) -> bool:
    """Return whether the container is started anew (KL-34).

    Before 1.33 a memory request alone never restarts: nothing in the container depends on it.
    """
    changed = set(changed_keys(before, after))
    if parse_release(fingerprint.kubernetes) < V1_33:
        changed.discard((REQUESTS, MEMORY))
    return any(policies.get(name) == "RestartContainer" for _, name in changed)


def _cgroups(
    pod: dict[str, Any], resources: dict[str, Resources], fingerprint: Fingerprint
) -> dict[str, cgroups.CgroupFiles]:
    qos_class = admission.qos_class(list(resources.values()))
    resources = cgroups.enforced(resources, qos_class=qos_class, fingerprint=fingerprint)
    # Above a container's own cgroup nothing is seen from inside it.
    above = {POD: cgroups.pod_files(pod, resources, fingerprint)} if fingerprint.sees_node else {}
    own = cgroups.inheriting(pod, resources)
    return above | {
        container_subject(name): cgroups.container_files(own[name], fingerprint)
        for name, _, _ in _long_running(pod)
    }


def _applicable(
    outcome: Outcome, fingerprint: Fingerprint, catalogue: Catalogue
) -> tuple[str, ...]:
    return tuple(
        item.id
        for item in catalogue.requirements.values()
        if item.judged is Judged.TIMELINE
        and item.outcome.includes(outcome)
        and why_unsupported(item, fingerprint, catalogue=catalogue) is None
    )


def _deadline(
    pod: dict[str, Any],
    containers: tuple[ContainerExpectation, ...],
    requirements: Sequence[str],
    fingerprint: Fingerprint,
    catalogue: Catalogue,
) -> float:
    known = catalogue.requirements
    limits = [seconds_allowed(known[item], fingerprint) for item in requirements]
    refusal = fingerprint.patience(REFUSAL_DEADLINE)
    seconds = max([limit for limit in limits if limit is not None], default=refusal)
    if any(container.restarts for container in containers):
        grace = pod["spec"].get("terminationGracePeriodSeconds")
        seconds += fingerprint.patience(RESTART_ALLOWANCE) + float(30 if grace is None else grace)
    return seconds
