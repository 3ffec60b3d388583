"""The resize conditions of a pod, by which releases from 1.33 on say how far a resize is."""

from __future__ import annotations

from typing import Any

PENDING = "PodResizePending"
IN_PROGRESS = "PodResizeInProgress"


def resize_conditions(pod: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the resize conditions of a raw pod by type, whatever their status."""
    return {
        str(item.get("type")): item
        for item in pod.get("status", {}).get("conditions") or ()
        if item.get("type") in (PENDING, IN_PROGRESS)
    }
