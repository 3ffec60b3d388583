"""What the apiserver makes of the feature's fields when a pod is created, or a container added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from packaging.version import Version

from podresize.oracle.json_value import with_own
from podresize.oracle.model import Answer
from podresize.oracle.pod_spec import (
    CONTAINER_LISTS,
    containers,
    is_sidecar,
    unreadable_quantity,
    with_defaults,
)
from podresize.oracle.resize_rules import COUNTED, invalid_resources, refused
from podresize.oracle.versions import V1_29, V1_33, V1_36
from podresize.requirements.target import Fingerprint
from podresize.requirements.versions import parse_release

_RESTARTS = ("NotRequired", "RestartContainer")


def created(pod: dict[str, Any], fingerprint: Fingerprint) -> tuple[Answer, dict[str, Any]]:
    """Return the answer to the creation of a raw pod and the pod as it is stored (with the gate).

    Speaks of resources and resizePolicy alone: the rest of the pod is taken to be valid.
    """
    version = parse_release(fingerprint.kubernetes)
    if unreadable_quantity(pod) is not None:
        return refused(400, "API-35", "quantities must match the regular expression"), pod
    stored = with_policies(with_defaults(pod), version)
    for found in _violations(stored, version):
        return found, pod
    return Answer(accepted=True, code=201, fragment=""), stored


def with_policies(
    pod: dict[str, Any], version: Version, old: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the pod with the resizePolicy that this version writes into it (API-33).

    Containers that are as they are in ``old`` are left alone: what is stored has its defaults.
    """
    if version >= V1_33:
        return pod
    result = with_own(pod, "spec")
    stored = [] if old is None else containers(old)
    for container in containers(result):
        if container in stored:
            continue
        requests = (container.get("resources") or {}).get("requests") or {}
        policy = list(container.get("resizePolicy") or ())
        named = {item.get("resourceName") for item in policy}
        policy += [
            {"resourceName": name, "restartPolicy": "NotRequired"}
            for name in COUNTED
            if name in requests and name not in named
        ]
        if policy:
            container["resizePolicy"] = policy
    return result


def ephemeral(container: dict[str, Any], fingerprint: Fingerprint) -> Answer | None:
    """Return the refusal of an ephemeral container (API-29), None when it is accepted.

    Without the gate resizePolicy is dropped before anyone validates it.
    """
    for field in ("resources", "resizePolicy") if fingerprint.gate else ("resources",):
        if container.get(field):
            return refused(422, "API-29", "cannot be set for an Ephemeral Container")
    return None


def _violations(pod: dict[str, Any], version: Version) -> Iterator[Answer]:
    yield from invalid_resources(pod)
    for key in CONTAINER_LISTS:
        for container in containers(pod, key):
            policy = container.get("resizePolicy") or ()
            if policy and key == "initContainers":
                yield from _of_init_container(container, version)
            yield from _of_policy(policy, pod["spec"].get("restartPolicy"), version)


def _of_init_container(container: dict[str, Any], version: Version) -> Iterator[Answer]:
    if version < V1_33:
        yield refused(422, "API-34", "must not be set for init containers")
    restarts = any(item.get("restartPolicy") == _RESTARTS[1] for item in container["resizePolicy"])
    if version >= V1_36 and restarts and not is_sidecar(container):
        fragment = "must not be set to 'RestartContainer' for non-sidecar initContainers"
        yield refused(422, "API-34", fragment)


def _of_policy(
    policy: Sequence[dict[str, str]], pod_restart: str | None, version: Version
) -> Iterator[Answer]:
    seen = set()
    for item in policy:
        name, restart = item.get("resourceName"), item.get("restartPolicy")
        if name in seen:
            yield refused(422, "API-30", "Duplicate value")
        seen.add(name)
        for value, known in ((name, COUNTED), (restart, _RESTARTS)):
            if not value:
                yield refused(422, "API-30", "Required value")
            elif value not in known:
                yield refused(422, "API-30", f'supported values: "{known[0]}", "{known[1]}"')
        if version >= V1_29 and pod_restart == "Never" and restart == _RESTARTS[1]:
            subject = "pod `restartPolicy`" if version >= V1_36 else "`restartPolicy`"
            yield refused(422, "API-31", f"must be 'NotRequired' when {subject} is 'Never'")
