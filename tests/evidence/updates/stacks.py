"""Stacks, by what they differ in from that of other tests, and what is catalogued for them."""

from __future__ import annotations

import dataclasses
from typing import Any

from tests.oracle.test_container_update import V1
from tests.targets import TARGET

from podresize.evidence.claim_signatures import explanation
from podresize.evidence.claims import Claim
from podresize.requirements.runtime_target import NO_RUNTIME

RUNC: dict[str, Any] = {"oci_runtime": "runc", "oci_runtime_version": "1.5.3"}
CRUN: dict[str, Any] = {"oci_runtime": "crun", "oci_runtime_version": "1.8.1"}
OLD_RUNC: dict[str, Any] = {"oci_runtime": "runc", "oci_runtime_version": "1.1.5+ds1"}
OLD: dict[str, Any] = {"runtime_version": "1.6.8"}
ALONE: dict[str, Any] = {"runtime": NO_RUNTIME, "runtime_version": NO_RUNTIME}
V2: dict[str, Any] = {"cgroup_version": 2}
SYSTEMD: dict[str, Any] = V2 | {"cgroup_driver": "systemd"}
OTHER: dict[str, Any] = {"runtime": "cri-o", "oci_runtime": "youki", "oci_runtime_version": "0.5"}
MOVED = "settings of the container's cgroup that changed and were not asked for"


def explained(id_: str, stack: dict[str, Any], *claims: Claim) -> str | None:
    """Return the id of the deviation that explains claims of a requirement, None for none."""
    known: Any = TARGET if "kubernetes" in stack else V1
    found = explanation(id_, claims, dataclasses.replace(known, **stack))
    return None if found is None else found.id
