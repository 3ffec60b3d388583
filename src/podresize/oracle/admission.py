"""What the apiserver answers to a change of a pod, and what it stores.

The questions are asked in the apiserver's order: may this user, is there such an endpoint, is the
object the one that was read, is the pod valid, do the namespace and the node allow it.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from podresize.oracle.creation_rules import with_policies
from podresize.oracle.model import Answer
from podresize.oracle.namespace_rules import (
    capacity_violation,
    limit_violation,
    quota_violation,
    with_limit_defaults,
)
from podresize.oracle.pod_spec import all_containers, same, unreadable_quantity, with_defaults
from podresize.oracle.resize_rules import (
    kept,
    policies_of,
    qos_class,
    refused,
    update_violation,
    violation,
)
from podresize.oracle.resources import normalised
from podresize.oracle.surroundings import NOTHING_KNOWN, Surroundings
from podresize.oracle.versions import V1_32, V1_33, V1_35, V1_36
from podresize.requirements.target import Fingerprint
from podresize.requirements.versions import parse_release

__all__ = [
    "V1_32",
    "V1_33",
    "V1_35",
    "Admission",
    "admit",
    "endpoint",
    "policies_of",
    "qos_class",
]

PODS = "pods"
RESIZE = "pods/resize"


def endpoint(fingerprint: Fingerprint) -> str:
    """Return where a resize is asked for: ``pods`` up to 1.31, ``pods/resize`` from 1.32."""
    return RESIZE if parse_release(fingerprint.kubernetes) >= V1_32 else PODS


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The answer, and the pod as it is stored afterwards (the old one when it is refused).

    ``changes_spec``: the stored spec is another one, so that its generation rises (API-07).
    """

    answer: Answer
    pod: dict[str, Any]
    changes_spec: bool = False


def admit(
    old: dict[str, Any],
    new: dict[str, Any],
    fingerprint: Fingerprint,
    surroundings: Surroundings = NOTHING_KNOWN,
) -> Admission:
    """Return what the apiserver makes of ``new``; total over pods, versions and surroundings.

    Both are raw pods. ``new`` is what was asked for, before defaulting. It is asked for at the
    endpoint of ``surroundings``, by default where this version takes a resize.
    """
    version = parse_release(fingerprint.kubernetes)
    gate = fingerprint.gate or version >= V1_35
    asked_at = surroundings.endpoint or endpoint(fingerprint)
    found = _before_validation(fingerprint, asked_at, gate, surroundings)
    if found is None and unreadable_quantity(new) is not None:
        # A patch that leads to what is no pod is invalid; a body that is none is a bad request.
        code = 400 if surroundings.is_put else 422
        found = refused(code, "API-35", "quantities must match the regular expression")
    if found is not None:
        return Admission(answer=found, pod=old)
    settled = with_defaults(new, old)
    if version < V1_33 and gate:
        settled = with_policies(settled, version, old)
    if asked_at == RESIZE:
        stored = with_limit_defaults(settled, surroundings.limit_ranges)
        rule = "" if same(settled, stored) else "API-51"
        settled, stored = stored, kept(old, stored, version)
        rule = _dropped(settled, stored, old) or rule
        found = violation(old, stored, version)
    else:
        stored = settled
        rule = "" if same(new.get("status"), old.get("status")) else "API-60"
        if limit_violation(stored, surroundings.limit_ranges):
            rule = "API-50"
        found = update_violation(old, stored, version, gate=gate)
    changes_spec = not same(old["spec"], stored["spec"])
    if found is None:
        found = _by_admission(old, stored, fingerprint, asked_at, gate, surroundings, changes_spec)
    if found is not None:
        return Admission(answer=found, pod=old)
    answer = Answer(
        accepted=True,
        code=200,
        fragment="",
        rule=rule,
        spec={item["name"]: normalised(item.get("resources")) for item in all_containers(stored)},
    )
    if surroundings.is_dry_run:
        return Admission(answer=answer, pod=old)
    return Admission(answer=answer, pod=stored, changes_spec=changes_spec)


def _before_validation(
    fingerprint: Fingerprint, asked_at: str, gate: bool, surroundings: Surroundings
) -> Answer | None:
    """Who asks, where, and about which state of the pod."""
    has_subresource = parse_release(fingerprint.kubernetes) >= V1_32
    if not surroundings.may_resize:
        return refused(403, "API-08" if has_subresource else "", f'resource "{asked_at}"')
    if asked_at == RESIZE and not (gate and has_subresource):
        # The path itself does not exist; the apiserver's own words for that vary.
        return refused(404, "API-04" if has_subresource else "API-01", "")
    if surroundings.is_stale:
        return refused(409, "PR-41", "the object has been modified")
    return None


def _by_admission(
    old: dict[str, Any],
    stored: dict[str, Any],
    fingerprint: Fingerprint,
    asked_at: str,
    gate: bool,
    surroundings: Surroundings,
    changes_spec: bool,
) -> Answer | None:
    """What the namespace and the node say of a valid pod."""
    version = parse_release(fingerprint.kubernetes)
    if asked_at == RESIZE:
        found = limit_violation(stored, surroundings.limit_ranges)
        is_bound = bool(old["spec"].get("nodeName"))
        allocatable = surroundings.allocatable
        if found is None and version >= V1_36 and changes_spec and is_bound and allocatable:
            found = capacity_violation(stored, allocatable)
        if found is not None:
            return found
    if gate and (asked_at == RESIZE or version < V1_32):
        return quota_violation(old, stored, surroundings.quotas)
    return None


def _dropped(asked: dict[str, Any], stored: dict[str, Any], old: dict[str, Any]) -> str:
    """Return the requirement that says what of an accepted resize is left out, empty if nothing."""
    metadata = [
        key
        for key in ("labels", "annotations", "finalizers", "ownerReferences")
        if not same(asked.get("metadata", {}).get(key), stored.get("metadata", {}).get(key))
    ]
    fields = [
        key
        for key in sorted({**asked["spec"], **stored["spec"]})
        if not same(asked["spec"].get(key), stored["spec"].get(key))
    ]
    if fields == ["volumes"] and not metadata:
        return "API-43"
    if fields or metadata:
        return "API-06"
    return "API-60" if not same(asked.get("status"), old.get("status")) else ""
