"""What the apiserver answers to a change of resources.

Only what this version refuses by specification is decided here. Whether the node has room is not
the apiserver's business before 1.36, and the pods of our checks are made to fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from packaging.version import Version

from podresize.oracle.model import Answer
from podresize.oracle.resources import KINDS, LIMITS, REQUESTS, Resources, amount
from podresize.requirements.target import Fingerprint
from podresize.requirements.versions import parse_release

V1_32 = Version("1.32")
V1_33 = Version("1.33")
V1_34 = Version("1.34")
V1_35 = Version("1.35")

_ACCEPTED = Answer(accepted=True, code=200, fragment="")
_COUNTED = ("cpu", "memory")


def endpoint(fingerprint: Fingerprint) -> str:
    """Return where a resize is asked for: ``pods`` up to 1.31, ``pods/resize`` from 1.32."""
    return "pods/resize" if parse_release(fingerprint.kubernetes) >= V1_32 else "pods"


def answer(
    fingerprint: Fingerprint,
    before: Sequence[Resources],
    after: Sequence[Resources],
    policies: Sequence[dict[str, str]],
) -> Answer:
    """Return the answer to a change of the pod's containers (API-04, 05, 20, 24, 35).

    ``policies`` maps, per container, a resource to its resizePolicy. No change is accepted.
    """
    version = parse_release(fingerprint.kubernetes)
    if not fingerprint.gate and version < V1_35:
        if version >= V1_32:
            # The path itself does not exist; the apiserver's own words for that vary.
            return _refused(404, "")
        if list(before) != list(after):
            return _refused(422, "pod updates may not change fields")
        return _ACCEPTED
    for old, new, policy in zip(before, after, policies, strict=True):
        refusal = _refusal(version, old, new, policy)
        if refusal is not None:
            return refusal
    if qos_class(before) != qos_class(after):
        if version >= V1_32:
            return _refused(422, "Pod QOS Class may not change as a result of resizing")
        return _refused(422, "Pod QoS is immutable")
    return _ACCEPTED


def qos_class(containers: Sequence[Resources]) -> str:
    """Return Guaranteed, Burstable or BestEffort (kubernetes pkg/apis/core/v1/helper/qos).

    Only cpu and memory count and zero counts as absent. Init containers belong to the sequence.
    """
    guaranteed = True
    anything = False
    for resources in containers:
        for name in _COUNTED:
            request = amount(resources, REQUESTS, name) or None
            limit = amount(resources, LIMITS, name) or None
            anything = anything or request is not None or limit is not None
            guaranteed = guaranteed and limit is not None and request == limit
    if not anything:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def policies_of(container: dict[str, Any]) -> dict[str, str]:
    """Return the container's resizePolicy by resource; what it does not name is NotRequired."""
    return {
        item["resourceName"]: item["restartPolicy"] for item in container.get("resizePolicy") or ()
    }


def _refusal(
    version: Version, old: Resources, new: Resources, policy: dict[str, str]
) -> Answer | None:
    for name in _COUNTED:
        request, limit = amount(new, REQUESTS, name), amount(new, LIMITS, name)
        if any((amount(new, kind, name) or 0) < 0 for kind in KINDS):
            return _refused(422, "must be greater than or equal to 0")
        if request is not None and limit is not None and request > limit:
            return _refused(422, f"must be less than or equal to {name} limit")
    old_limit, new_limit = amount(old, LIMITS, "memory"), amount(new, LIMITS, "memory")
    in_place = policy.get("memory") != "RestartContainer"
    if V1_33 <= version < V1_34 and in_place and new_limit is not None:
        if old_limit is None:
            return _refused(422, "memory limits cannot be added unless")
        if new_limit < old_limit:
            return _refused(422, "memory limits cannot be decreased unless")
    return None


def _refused(code: int, fragment: str) -> Answer:
    return Answer(accepted=False, code=code, fragment=fragment)
