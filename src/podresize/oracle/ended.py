"""What the status of a container that has ended shows of its resources (ST-24)."""

from __future__ import annotations

from typing import Any

from podresize.oracle.resources import REQUESTS, Resources
from podresize.oracle.versions import V1_32, V1_33
from podresize.requirements.target import Fingerprint
from podresize.requirements.versions import parse_release


def fields_when_ended(resources: Resources, fingerprint: Fingerprint) -> dict[str, Any]:
    """Return ``resources`` and ``allocatedResources`` of the status, None for what is absent.

    Up to 1.31 both are absent; in 1.32 allocatedResources is behind a gate of its own.
    """
    version = parse_release(fingerprint.kubernetes)
    if not fingerprint.gate or version < V1_32:
        return {"resources": None, "allocatedResources": None}
    allocated = dict(resources[REQUESTS]) if version >= V1_33 else None
    return {
        "resources": {kind: values for kind, values in resources.items() if values},
        "allocatedResources": allocated,
    }
