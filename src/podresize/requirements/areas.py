"""The areas of the specification: what the letters of an id stand for."""

from __future__ import annotations

AREAS = {
    "API": "What the apiserver accepts, refuses and keeps",
    "ST": "What the pod's status, Events and metrics say",
    "KL": "What the kubelet admits, enacts and remembers",
    "SCH": "What the scheduler counts",
    "CRI": "What the container runtime does and reports",
    "RT": "What a container runtime does when it is asked without Kubernetes",
    "PR": "podresize's own statements",
    "UC": "What people resize pods for",
}
"""Titles by prefix, in the order in which they are shown."""


def area_of(identity: str) -> str:
    """Return the prefix of an id: ``ST`` of ``ST-21``."""
    return identity.partition("-")[0]
