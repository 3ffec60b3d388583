"""How long a target may take: the catalogue's seconds, at the target's own pace.

Up to 1.31 a resize is seen to be finished at the pod's next periodic sync, which comes up to one
and a half sync periods later (KL-41; the kubelet's work queue adds a jitter of half the period).
The catalogue's seconds for those releases are made for the default period of one minute.

A node whose processor is emulated takes longer for all it does, by a factor that was measured. A
sync comes when it comes: it is the one part of a limit that is not longer there. A limit of several
syncs (KL-10, KL-14) has as many such parts.
"""

from __future__ import annotations

from podresize.oracle.versions import V1_32
from podresize.requirements.model import Requirement
from podresize.requirements.target import SYNC_SECONDS, Fingerprint
from podresize.requirements.versions import parse_release

SYNC_JITTER = 1.5
"""A sync comes after one period to one and a half."""
_SHORTEST = 10.0
_OF_A_SYNC = 100.0
"""What the catalogue gives for each sync that has to pass: the longest wait for one, and 10 s."""


def seconds_allowed(requirement: Requirement, fingerprint: Fingerprint) -> float | None:
    """Return the seconds within which a requirement must be met; None when time plays no part."""
    seconds = requirement.deadline(fingerprint.kubernetes)
    if seconds is None:
        return None
    longer = at_its_pace(seconds, fingerprint) - seconds
    if _waits_for_sync(seconds, fingerprint):
        seconds += SYNC_JITTER * (fingerprint.sync_seconds - SYNC_SECONDS)
        seconds = max(_SHORTEST, seconds)
    return seconds + longer


def at_its_pace(seconds: float, fingerprint: Fingerprint) -> float:
    """Return the catalogue's seconds, which have a default sync in them, at the node's own pace."""
    own = seconds
    if _waits_for_sync(seconds, fingerprint):
        syncs = max(1, int(seconds // _OF_A_SYNC))
        own = max(_SHORTEST, seconds - syncs * SYNC_JITTER * SYNC_SECONDS)
    return seconds - own + fingerprint.patience(own)


def _waits_for_sync(seconds: float, fingerprint: Fingerprint) -> bool:
    return seconds > SYNC_SECONDS and follows_the_sync(fingerprint)


def follows_the_sync(fingerprint: Fingerprint) -> bool:
    """Return whether the status of a resize waits for the next periodic sync."""
    return parse_release(fingerprint.kubernetes) < V1_32
