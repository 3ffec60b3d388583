"""Which target can show which requirement.

A requirement that a target cannot show is ``unsupported``, with a reason, before anything is
created: never a skip without words and never a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from podresize.requirements.loader import Catalogue, load_catalogue
from podresize.requirements.model import (
    Deviation,
    PutTo,
    Requirement,
    needed_deviations,
    precluding_deviations,
)
from podresize.requirements.runtime_target import RuntimeFingerprint
from podresize.requirements.target import Fingerprint
from podresize.requirements.versions import describe_range

AnyFingerprint = Fingerprint | RuntimeFingerprint


def why_unsupported(
    requirement: Requirement, fingerprint: AnyFingerprint, *, catalogue: Catalogue | None = None
) -> str | None:
    """Return why this target cannot show the requirement, in one line, or None when it can.

    ``fingerprint.host_limits`` takes a need away when an entry reads ``no <need>`` or starts with
    ``no <need> `` or ``<need>:`` (for example ``no cgroup (the node is remote)``).
    """
    if isinstance(fingerprint, RuntimeFingerprint):
        if requirement.put_to is not PutTo.RUNTIME:
            return f"{requirement.id} is put to a cluster; this is a runtime alone"
    elif requirement.put_to is not PutTo.CLUSTER:
        return f"{requirement.id} is put to a runtime alone (podresize certify-runtime)"
    elif not requirement.holds_for(fingerprint.kubernetes):
        return (
            f"{requirement.id} holds for Kubernetes {describe_range(requirement.versions)}; "
            f"this is {fingerprint.kubernetes}"
        )
    for need in sorted(requirement.needs):
        reason = _why_missing(need, fingerprint, catalogue)
        if reason is not None:
            return reason
    return None


def is_affected(deviation: Deviation, fingerprint: AnyFingerprint) -> bool:
    """Return whether the deviation is catalogued for this target."""
    if isinstance(fingerprint, RuntimeFingerprint):
        return any(affects.matches_runtime(fingerprint) for affects in deviation.affects)
    return any(affects.matches(fingerprint) for affects in deviation.affects)


def why_unaffected(deviations: Sequence[Deviation], fingerprint: AnyFingerprint) -> str | None:
    """Return why none of the deviations can show on this target, or None when one can."""
    if any(is_affected(item, fingerprint) for item in deviations):
        return None
    known = "; ".join(
        f"{item.id} is catalogued for {'; '.join(map(str, item.affects))}" for item in deviations
    )
    if isinstance(fingerprint, RuntimeFingerprint):
        return f"{known}; this is {fingerprint}"
    emulated = ", emulated" if fingerprint.is_emulated else ""
    return (
        f"{known}; this is {fingerprint.runtime} {fingerprint.runtime_version} "
        f"with Kubernetes {fingerprint.kubernetes}, {fingerprint.oci_runtime} "
        f"{fingerprint.oci_runtime_version}, cgroup v{fingerprint.cgroup_version}, "
        f"cgroup driver {fingerprint.cgroup_driver}{emulated}"
    )


_COMMON: dict[str, tuple[Callable[[AnyFingerprint], bool], str]] = {
    "cgroup-v1": (lambda found: found.cgroup_version == 1, "cgroup v1"),
    "cgroup-v2": (lambda found: found.cgroup_version == 2, "cgroup v2"),
    "systemd": (lambda found: found.cgroup_driver == "systemd", "the systemd cgroup driver"),
}
_SETTINGS: dict[str, tuple[Callable[[Fingerprint], bool], str]] = {
    "native": (lambda found: not found.is_emulated, "a node whose processor is not emulated"),
    "static-cpu": (
        lambda found: found.cpu_manager_policy == "static",
        "the static CPU manager",
    ),
    "static-memory": (
        lambda found: found.memory_manager_policy == "Static",
        "the Static memory manager",
    ),
}


def _why_missing(need: str, fingerprint: AnyFingerprint, catalogue: Catalogue | None) -> str | None:
    if need in _COMMON:
        is_so, what = _COMMON[need]
        return None if is_so(fingerprint) else f"it takes {what}"
    if isinstance(fingerprint, Fingerprint):
        if need == "gate-on":
            return None if fingerprint.gate else "the feature gate InPlacePodVerticalScaling is off"
        if need == "gate-off":
            return "the feature gate InPlacePodVerticalScaling is on" if fingerprint.gate else None
        if need in _SETTINGS:
            has, what = _SETTINGS[need]
            return None if has(fingerprint) else f"it takes {what}"
    if ids := needed_deviations(need):
        deviations = (catalogue or load_catalogue()).deviations
        return why_unaffected([deviations[id_] for id_ in ids], fingerprint)
    for id_ in precluding_deviations(need):
        deviation = (catalogue or load_catalogue()).deviations[id_]
        if is_affected(deviation, fingerprint):
            return f"{id_} keeps it from being shown here: {deviation.title}"
    for limit in fingerprint.host_limits:
        if limit == f"no {need}" or limit.startswith((f"no {need} ", f"{need}:")):
            return f"the target withholds {need}: {limit}"
    return None
