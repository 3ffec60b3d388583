"""The five parts of a failure's text, taken apart so that a page can set them.

A text of another shape (a traceback, a text of a later version) has no parts and is shown whole.
"""

from __future__ import annotations

import dataclasses
import re

_PARTS = re.compile(
    r"(?P<title>\S[^\n]*?)(?:   +(?P<source>[^\n]*))?\n"
    r"(?P<faults>(?:  (?!witnesses: |reading: |again: )[^\n]*\n)*)"
    r"  witnesses: (?P<witnesses>[^\n]*)\n"
    r"  reading: (?P<reading>[^\n]*)\n"
    r"  again: (?P<again>[^\n]*?)   +evidence: (?P<evidence>[^\n]*)\n?"
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a failure says: requirement and clause, faults, witnesses, reading, what to do next."""

    title: str
    source: str
    faults: tuple[str, ...]
    witnesses: str
    reading: str
    again: str
    evidence: str


def failure_parts(text: str) -> Failure | None:
    """Return the parts of a failure's text, None where it has another shape."""
    match = _PARTS.fullmatch(text)
    if match is None:
        return None
    return Failure(
        title=match["title"],
        source=match["source"] or "",
        faults=tuple(line.strip() for line in match["faults"].splitlines()),
        witnesses=match["witnesses"],
        reading=match["reading"],
        again=match["again"],
        evidence=match["evidence"],
    )
