"""Whether claims that do not hold are what a catalogued deviation makes of them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from podresize.evidence.claims import Claim
from podresize.requirements.loader import Catalogue, load_catalogue
from podresize.requirements.matching import AnyFingerprint, is_affected
from podresize.requirements.model import Deviation, Shows


def explanation(
    requirement: str,
    broken: Sequence[Claim],
    fingerprint: AnyFingerprint | None,
    *,
    catalogue: Catalogue | None = None,
) -> Deviation | None:
    """Return the deviation of this target that explains the broken claims of a requirement.

    Each of them has to be one that the deviation ``shows``: one that it does not is a failure.
    """
    if fingerprint is None or not broken:
        return None
    for deviation in (catalogue or load_catalogue()).explaining(requirement):
        if not deviation.shows or not is_affected(deviation, fingerprint):
            continue
        if all(any(is_shown(each, claim) for each in deviation.shows) for claim in broken):
            return deviation
    return None


def is_shown(shows: Shows, claim: Claim) -> bool:
    """Return whether a claim is of the kind that a deviation makes fail."""
    return all(
        re.fullmatch(pattern, text, re.DOTALL)
        for pattern, text in (
            (shows.what, claim.what),
            (shows.got, json.dumps(claim.got)),
            (shows.want, json.dumps(claim.want)),
        )
    )
