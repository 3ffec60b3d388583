"""What the cgroup files of a container and of a pod must hold for given resources.

Each file has a tuple of allowed values, each with its reason, because two correct stacks differ:
the weight formula changed in runc and crun, and systemd rounds quotas. A value whose reason does
not hold on this target is left out, so a set is never wider than the target needs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from podresize.oracle import conversions
from podresize.oracle.change import CPU, MEMORY
from podresize.oracle.pod_spec import pod_resources
from podresize.oracle.quantity import add, millicores, whole_bytes
from podresize.oracle.resources import LIMITS, REQUESTS, Resources, amount, normalised
from podresize.oracle.versions import V1_33
from podresize.requirements.runtime_target import RuntimeFingerprint
from podresize.requirements.target import Fingerprint
from podresize.requirements.versions import parse_release, parse_version

V1_UNLIMITED_MEMORY = 9223372036854771712
"""What memory.limit_in_bytes shows without a limit: the largest signed integer in 4 KiB pages."""
_V1_UNLIMITED_IN_64K = 9223372036854710272
# The first releases that compute cpu.weight by the curve (KL-39).
_CURVE_SINCE = {"runc": parse_version("1.3.2"), "crun": parse_version("1.23")}
_LARGE_PAGES = {"arm64": 65536, "aarch64": 65536, "ppc64le": 65536}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """One value a file may hold, and why that value is right."""

    value: str
    reason: str


CgroupFiles = dict[str, tuple[Allowed, ...]]


def container_files(resources: Resources, fingerprint: Fingerprint) -> CgroupFiles:
    """Return the allowed contents of the files of a container's cgroup (KL-30, CRI-06)."""
    shares = container_shares(resources)
    cpu_limit = amount(resources, LIMITS, CPU)
    memory_limit = amount(resources, LIMITS, MEMORY)
    return _files(
        shares=shares,
        weights=container_weights(shares, fingerprint),
        quota=None if cpu_limit is None else conversions.cpu_quota(millicores(cpu_limit)),
        memory=None if memory_limit is None else whole_bytes(memory_limit),
        fingerprint=fingerprint,
    )


def enforced(
    resources: dict[str, Resources], *, qos_class: str, fingerprint: Fingerprint
) -> dict[str, Resources]:
    """Return the resources by container as the kernel is told: CPUs of one's own have no quota.

    From 1.33 on the static CPU manager's containers with exclusive CPUs (whole CPUs of a Guaranteed
    pod) run without one (gate DisableCPUQuotaWithExclusiveCPUs; kubernetes#127525).
    """
    static = fingerprint.cpu_manager_policy == "static" and qos_class == "Guaranteed"
    if not static or parse_release(fingerprint.kubernetes) < V1_33:
        return resources
    return {
        name: each | {LIMITS: {k: v for k, v in each[LIMITS].items() if k != CPU}}
        if (request := amount(each, REQUESTS, CPU)) and request == request.to_integral_value()
        else each
        for name, each in resources.items()
    }


def inheriting(pod: dict[str, Any], resources: dict[str, Resources]) -> dict[str, Resources]:
    """Return the resources by container with the pod's own limits where a container has none.

    The kubelet gives such a container the limit of the pod (KEP-2837; kuberuntime getCPULimit,
    getMemoryLimit); its status does not show it.
    """
    whole = normalised(pod_resources(pod))[LIMITS]
    own = {name: whole[name] for name in (CPU, MEMORY) if name in whole}
    return {name: each | {LIMITS: own | each[LIMITS]} for name, each in resources.items()}


def pod_files(
    pod: dict[str, Any], resources: dict[str, Resources], fingerprint: Fingerprint
) -> CgroupFiles:
    """Return the allowed contents of the files of the pod's cgroup (KL-32, KL-37, KL-43).

    ``resources`` replaces the resources of the pod's containers by name. The request is the sum of
    all; a limit exists only where every container has one. Sidecars and overhead count; an ordinary
    init container counts where it asks for more than all others together (ResourceConfigForPod).
    What the pod asks for itself (spec.resources) takes the place of the sum.
    """
    cpu_request = pod_whole(pod, resources, REQUESTS, CPU)
    shares = conversions.cpu_shares(millicores(cpu_request or Decimal(0)))
    cpu_limit = pod_whole(pod, resources, LIMITS, CPU)
    quota = None if cpu_limit is None else conversions.cpu_quota(millicores(cpu_limit))
    memory = pod_memory_limit(pod, resources)
    weight = Allowed(
        value=str(conversions.linear_weight(shares)),
        reason=f"linear weight of {shares} shares, as the kubelet writes it",
    )
    return _files(
        shares=shares, weights=(weight,), quota=quota, memory=memory, fingerprint=fingerprint
    )


def container_shares(resources: Resources) -> int:
    """Return cpu.shares of a container: from its request, else its limit, else the least."""
    request = amount(resources, REQUESTS, CPU)
    if request is None:
        request = amount(resources, LIMITS, CPU)
    return conversions.cpu_shares(0 if request is None else millicores(request))


def _files(
    *,
    shares: int,
    weights: tuple[Allowed, ...],
    quota: int | None,
    memory: int | None,
    fingerprint: Fingerprint,
) -> CgroupFiles:
    period = conversions.QUOTA_PERIOD
    quotas = () if quota is None else quotas_held(quota, fingerprint.cgroup_driver)
    memories = _memories(memory, fingerprint)
    if fingerprint.cgroup_version == 1:
        return {
            "cpu.shares": (Allowed(value=str(shares), reason="shares of the cpu request"),),
            "cpu.cfs_quota_us": quotas or (Allowed(value="-1", reason="no cpu limit"),),
            "cpu.cfs_period_us": (Allowed(value=str(period), reason="the default period"),),
            "memory.limit_in_bytes": memories or _no_memory_limit(fingerprint),
        }
    return {
        "cpu.weight": weights,
        "cpu.max": tuple(
            Allowed(value=f"{item.value} {period}", reason=item.reason) for item in quotas
        )
        or (Allowed(value=f"max {period}", reason="no cpu limit"),),
        "memory.max": memories or (Allowed(value="max", reason="no memory limit"),),
    }


def container_weights(
    shares: int, fingerprint: Fingerprint | RuntimeFingerprint
) -> tuple[Allowed, ...]:
    """Return the weights that a container of these shares may have, by its OCI runtime (KL-39)."""
    linear = Allowed(
        value=str(conversions.linear_weight(shares)),
        reason=f"linear weight of {shares} shares (runc before 1.3.2, crun before 1.23)",
    )
    curve = Allowed(
        value=str(conversions.quadratic_weight(shares)),
        reason=f"quadratic weight of {shares} shares (runc 1.3.2, crun 1.23 and later)",
    )
    since = _CURVE_SINCE.get(fingerprint.oci_runtime)
    if since is None:
        return (linear, curve)
    return (curve,) if parse_version(fingerprint.oci_runtime_version) >= since else (linear,)


def quotas_held(
    quota: int, cgroup_driver: str, period: int = conversions.QUOTA_PERIOD
) -> tuple[Allowed, ...]:
    """Return the quotas, in microseconds, that a cgroup may hold for one; -1 is none (PR-62)."""
    exact = Allowed(value=str(quota), reason="quota of the cpu limit")
    rounded = quota if quota < 0 else conversions.systemd_quota(quota, period)
    if cgroup_driver == "cgroupfs" or rounded == quota:
        return (exact,)
    return (exact, Allowed(value=str(rounded), reason="rounded up to 10m by systemd (runc#4622)"))


def _no_memory_limit(fingerprint: Fingerprint) -> tuple[Allowed, ...]:
    shown = [V1_UNLIMITED_MEMORY]
    if fingerprint.arch in _LARGE_PAGES:
        shown.append(_V1_UNLIMITED_IN_64K)
    return tuple(Allowed(value=str(each), reason="no memory limit") for each in shown)


def _memories(memory: int | None, fingerprint: Fingerprint) -> tuple[Allowed, ...]:
    if not memory:
        return ()
    small = Allowed(value=str(conversions.page_floor(memory)), reason="the limit in 4 KiB pages")
    large_page = _LARGE_PAGES.get(fingerprint.arch)
    if large_page is None or conversions.page_floor(memory, large_page) == int(small.value):
        return (small,)
    return (
        small,
        Allowed(
            value=str(conversions.page_floor(memory, large_page)),
            reason="the limit in 64 KiB pages",
        ),
    )


def _long_running(pod: dict[str, Any]) -> Iterable[dict[str, Any]]:
    yield from pod["spec"]["containers"]
    for container in pod["spec"].get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            yield container


def _resources_of(container: dict[str, Any], resources: dict[str, Resources]) -> Resources:
    return resources.get(container["name"]) or normalised(container.get("resources"))


def pod_amount(
    pod: dict[str, Any], resources: dict[str, Resources], kind: str, name: str
) -> Decimal:
    """Return the pod's requests or limits of one resource, as the kubelet sums them.

    ``resources`` replaces those of containers by name. Sidecars and overhead count; an ordinary
    init container counts where it asks for more than all others together.
    """
    total = Decimal(0)
    for container in _long_running(pod):
        total = add(total, amount(_resources_of(container, resources), kind, name) or Decimal(0))
    sidecars = Decimal(0)
    for container in pod["spec"].get("initContainers") or ():
        own = amount(_resources_of(container, resources), kind, name) or Decimal(0)
        if container.get("restartPolicy") == "Always":
            sidecars = add(sidecars, own)
        else:
            total = max(total, add(sidecars, own))
    overhead = amount({kind: pod["spec"].get("overhead") or {}}, kind, name) or Decimal(0)
    return add(total, overhead)


def pod_memory_limit(pod: dict[str, Any], resources: dict[str, Resources]) -> int | None:
    """Return the bytes that the pod's own cgroup is limited to; None where it has no limit.

    ``resources`` is as in ``pod_amount``.
    """
    limit = pod_whole(pod, resources, LIMITS, MEMORY)
    return None if limit is None else whole_bytes(limit)


def pod_whole(
    pod: dict[str, Any], resources: dict[str, Resources], kind: str, name: str
) -> Decimal | None:
    """Return what the pod has of a resource as a whole; None where it has no limit of it.

    That is its own (``spec.resources``) where it has one, else the sum over its containers.
    """
    own = amount(normalised(pod_resources(pod)), kind, name)
    if own is not None:
        return add(own, amount({kind: pod["spec"].get("overhead") or {}}, kind, name) or Decimal(0))
    if kind == LIMITS and not _all_limited(pod, resources, name):
        return None
    return pod_amount(pod, resources, kind, name)


def _all_limited(pod: dict[str, Any], resources: dict[str, Resources], name: str) -> bool:
    everyone = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]
    return all(amount(_resources_of(item, resources), LIMITS, name) for item in everyone)
