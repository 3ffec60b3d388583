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
    Where it takes several deviations, each of which shows some of them, it is the first of those,
    one that is no race before one that is.
    """
    if fingerprint is None or not broken:
        return None
    known = [
        each
        for each in (catalogue or load_catalogue()).explaining(requirement)
        if each.shows and is_affected(each, fingerprint)
    ]
    parts = {each.id: [claim for claim in broken if _shows(each, claim)] for each in known}
    there = [each for each in known if _is_there(each, parts[each.id])]
    for each in there:
        if len(parts[each.id]) == len(broken):
            return each
    if not all(any(claim in parts[each.id] for each in there) for claim in broken):
        return None
    return min(there, key=lambda each: each.race)


def _shows(deviation: Deviation, claim: Claim) -> bool:
    return any(is_shown(each, claim) for each in deviation.shows)


def _is_there(deviation: Deviation, claims: Sequence[Claim]) -> bool:
    """Return whether any of these claims is more than what follows from the deviation."""
    own = [each for each in deviation.shows if not each.follows]
    return any(is_shown(each, claim) for each in own for claim in claims)


def is_shown(shows: Shows, claim: Claim) -> bool:
    """Return whether a claim is of the kind that a deviation makes fail."""
    if shows.fewer and not _has_fewer(claim.got, claim.want, shows.lacking):
        return False
    return all(
        re.fullmatch(pattern, text, re.DOTALL)
        for pattern, text in (
            (shows.what, claim.what),
            (shows.got, json.dumps(claim.got)),
            (shows.want, json.dumps(claim.want)),
        )
    )


def _has_fewer(got: object, want: object, lacking: frozenset[str]) -> bool:
    if not (isinstance(got, dict) and isinstance(want, dict) and got.items() < want.items()):
        return False
    return not lacking or want.keys() - got.keys() <= lacking
