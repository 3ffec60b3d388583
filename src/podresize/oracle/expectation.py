"""From a pod, a change and a fingerprint to what must be seen.

Pure and total: the same three inputs give the same expectation, for any pod, change and target. The
change is assumed to fit the node and, on 1.32 and later, not to meet the static policies of the CPU
and memory managers: those refusals depend on the node and get expectations of their own.
"""

from __future__ import annotations

from typing import Any

from podresize.oracle import admission, cgroups, conversions
from podresize.oracle.admission import V1_33
from podresize.oracle.change import CPU, MEMORY, Change, apply, containers_of, defaulted
from podresize.oracle.model import (
    POD,
    Answer,
    ContainerExpectation,
    Expectation,
    Progress,
    ProgressStyle,
    container_subject,
)
from podresize.oracle.progress import progress
from podresize.oracle.quantity import millicores, whole_bytes
from podresize.oracle.resources import (
    LIMITS,
    REQUESTS,
    Resources,
    amount,
    changed_keys,
    normalised,
)
from podresize.requirements.loader import Catalogue, load_catalogue
from podresize.requirements.matching import why_unsupported
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

REFUSAL_DEADLINE = 10.0
"""Seconds for an answer that changes nothing: one round trip, with room for a loaded host."""
RESTART_ALLOWANCE = 30.0
"""Seconds added where a container is restarted, beside its grace period: stop, start, probe."""


def expectation(
    pod: dict[str, Any],
    change: Change,
    fingerprint: Fingerprint,
    *,
    catalogue: Catalogue | None = None,
) -> Expectation:
    """Return what must be seen when ``change`` is asked of ``pod`` on the fingerprinted target.

    ``pod`` is its raw JSON from just before the patch. Raises ``UsageError`` only for inputs that
    name nothing: a container the pod lacks, a quantity that is none.
    """
    chosen = {item["name"] for item in containers_of(pod, change)}
    specs: list[dict[str, Any]] = pod["spec"]["containers"]
    before = {item["name"]: normalised(item.get("resources")) for item in specs}
    asked = {
        name: _kept_where_equal(old, defaulted(apply(change, old))) if name in chosen else old
        for name, old in before.items()
    }
    init = [normalised(item.get("resources")) for item in pod["spec"].get("initContainers") or ()]
    answer = admission.answer(
        fingerprint,
        [*before.values(), *init],
        [*asked.values(), *init],
        [admission.policies_of(item) for item in specs] + [{} for _ in init],
    )
    after = asked if answer.accepted else before
    counts = {
        item["name"]: int(item.get("restartCount") or 0)
        for item in pod.get("status", {}).get("containerStatuses") or ()
    }
    containers = tuple(
        _container(item, before[item["name"]], after[item["name"]], counts, fingerprint)
        for item in specs
    )
    metadata = pod.get("metadata", {})
    requirements = _applicable(answer, fingerprint, catalogue or load_catalogue())
    return Expectation(
        pod=f"{metadata.get('namespace', 'default')}/{metadata.get('name', '')}",
        change=str(change),
        endpoint=admission.endpoint(fingerprint),
        answer=answer,
        containers=containers,
        cgroups_before=_cgroups(pod, before, fingerprint),
        cgroups_after=_cgroups(pod, after, fingerprint),
        progress=progress(fingerprint, containers, accepted=answer.accepted),
        qos_class=pod.get("status", {}).get("qosClass")
        or admission.qos_class([*before.values(), *init]),
        deadline=_deadline(pod, containers, requirements, fingerprint, catalogue),
        requirements=requirements,
        fingerprint=fingerprint,
    )


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
    before: Resources,
    after: Resources,
    counts: dict[str, int],
    fingerprint: Fingerprint,
) -> ContainerExpectation:
    shows_allocated = fingerprint.gate and parse_release(fingerprint.kubernetes).release[:2] != (
        1,
        32,
    )
    return ContainerExpectation(
        name=spec["name"],
        before=before,
        after=after,
        allocated=dict(after[REQUESTS]) if shows_allocated else None,
        restarts=int(_restarts(admission.policies_of(spec), before, after, fingerprint)),
        restart_count=counts.get(spec["name"], 0),
        runtime_before=runtime_resources(before),
        runtime_after=runtime_resources(after),
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
    return {POD: cgroups.pod_files(pod, resources, fingerprint)} | {
        container_subject(name): cgroups.container_files(item, fingerprint)
        for name, item in resources.items()
    }


def _applicable(answer: Answer, fingerprint: Fingerprint, catalogue: Catalogue) -> tuple[str, ...]:
    return tuple(
        item.id
        for item in catalogue.requirements.values()
        if item.patch.includes(accepted=answer.accepted)
        and why_unsupported(item, fingerprint, catalogue=catalogue) is None
    )


def _deadline(
    pod: dict[str, Any],
    containers: tuple[ContainerExpectation, ...],
    requirements: tuple[str, ...],
    fingerprint: Fingerprint,
    catalogue: Catalogue | None,
) -> float:
    known = (catalogue or load_catalogue()).requirements
    limits = [known[item].deadline(fingerprint.kubernetes) for item in requirements]
    seconds = max([limit for limit in limits if limit is not None], default=REFUSAL_DEADLINE)
    if any(container.restarts for container in containers):
        grace = pod["spec"].get("terminationGracePeriodSeconds")
        seconds += RESTART_ALLOWANCE + float(30 if grace is None else grace)
    return seconds
