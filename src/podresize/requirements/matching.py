"""Which target can show which requirement.

A requirement that a target cannot show is ``unsupported``, with a reason, before anything is
created: never a skip without words and never a failure.
"""

from __future__ import annotations

from podresize.requirements.loader import Catalogue, load_catalogue
from podresize.requirements.model import DEVIATION_NEED, Deviation, Requirement
from podresize.requirements.target import Fingerprint
from podresize.requirements.versions import describe_range


def why_unsupported(
    requirement: Requirement, fingerprint: Fingerprint, *, catalogue: Catalogue | None = None
) -> str | None:
    """Return why this target cannot show the requirement, in one line, or None when it can.

    ``fingerprint.host_limits`` takes a need away when an entry reads ``no <need>`` or starts with
    ``no <need> `` or ``<need>:`` (for example ``no cgroup (the node is remote)``).
    """
    if not requirement.holds_for(fingerprint.kubernetes):
        return (
            f"{requirement.id} holds for Kubernetes {describe_range(requirement.versions)}; "
            f"this is {fingerprint.kubernetes}"
        )
    for need in sorted(requirement.needs):
        reason = _why_missing(need, fingerprint, catalogue)
        if reason is not None:
            return reason
    return None


def is_affected(deviation: Deviation, fingerprint: Fingerprint) -> bool:
    """Return whether the deviation is catalogued for this target."""
    return any(
        affects.matches(
            kubernetes=fingerprint.kubernetes,
            runtime=fingerprint.runtime,
            runtime_version=fingerprint.runtime_version,
        )
        for affects in deviation.affects
    )


def _why_missing(need: str, fingerprint: Fingerprint, catalogue: Catalogue | None) -> str | None:
    if need == "gate-on":
        return None if fingerprint.gate else "the feature gate InPlacePodVerticalScaling is off"
    if need == "gate-off":
        return "the feature gate InPlacePodVerticalScaling is on" if fingerprint.gate else None
    if need.startswith(DEVIATION_NEED):
        known = (catalogue or load_catalogue()).deviations[need.removeprefix(DEVIATION_NEED)]
        if is_affected(known, fingerprint):
            return None
        stacks = "; ".join(str(affects) for affects in known.affects)
        return (
            f"{known.id} is catalogued for {stacks}; this is {fingerprint.runtime} "
            f"{fingerprint.runtime_version} with Kubernetes {fingerprint.kubernetes}"
        )
    for limit in fingerprint.host_limits:
        if limit == f"no {need}" or limit.startswith((f"no {need} ", f"{need}:")):
            return f"the target withholds {need}: {limit}"
    return None
