"""How long a target may take: the catalogue's seconds, at the target's own pace.

Up to 1.31 a resize is seen to be finished at the pod's next periodic sync, which comes up to one
and a half sync periods later (KL-41; the kubelet's work queue adds a jitter of half the period).
The catalogue's seconds for those releases are made for the default period of one minute.
"""

from __future__ import annotations

from podresize.oracle.versions import V1_32
from podresize.requirements.model import Requirement
from podresize.requirements.target import SYNC_SECONDS, Fingerprint
from podresize.requirements.versions import parse_release

SYNC_JITTER = 1.5
"""A sync comes after one period to one and a half."""
_SHORTEST = 10.0


def seconds_allowed(requirement: Requirement, fingerprint: Fingerprint) -> float | None:
    """Return the seconds within which a requirement must be met; None when time plays no part."""
    seconds = requirement.deadline(fingerprint.kubernetes)
    if seconds is None or seconds <= SYNC_SECONDS or not follows_the_sync(fingerprint):
        return seconds
    return max(_SHORTEST, seconds + SYNC_JITTER * (fingerprint.sync_seconds - SYNC_SECONDS))


def follows_the_sync(fingerprint: Fingerprint) -> bool:
    """Return whether the status of a resize waits for the next periodic sync."""
    return parse_release(fingerprint.kubernetes) < V1_32
