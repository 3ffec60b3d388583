"""Profiles: named sets of requirements, and with them of checks.

The catalogue says of each requirement in which profiles it is. Two more are made by the markers of
checks: ``headline``, the announcement's own behaviour in a few minutes, and ``extended``, the large
cross products of what ``core`` checks by example.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from podresize.errors import UsageError
from podresize.requirements.loader import Catalogue, load_catalogue

HEADLINE = "headline"
EXTENDED = "extended"


def known_profiles(catalogue: Catalogue | None = None) -> frozenset[str]:
    """Return every profile that a requirement or a check can be in."""
    requirements = (catalogue or load_catalogue()).requirements.values()
    return frozenset({HEADLINE, EXTENDED}).union(*(item.profiles for item in requirements))


def check_profiles(names: Iterable[str]) -> None:
    """Raise ``UsageError`` for a profile that there is not; the nearest is offered."""
    known = sorted(known_profiles())
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name.lower(), known, n=1)
            raise UsageError(
                "there is no such profile",
                value=name,
                origin="--profile",
                causes=(*(f"the nearest is: {each}" for each in near), f"all: {', '.join(known)}"),
                next_command="podresize run --profile core",
            )
