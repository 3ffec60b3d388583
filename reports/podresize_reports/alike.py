"""Readings of one root cause, where a reading is all that is kept: in a history, in a comparison.

A catalogued deviation is one cause. Where the reading names who is guilty, that is one, since it is
the first place in the chain that went wrong and all else follows from it. What is left is alike
where it differs in nothing but the fields of a value and what ``causes.normalised`` takes out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TypeVar

from podresize_reports.causes import normalised
from podresize_reports.text import one_line

_Item = TypeVar("_Item")
# The words of attribution.Blame and of claim_judging.
_GUILTY = re.compile(r"At fault is the .*")
# A value of several fields: which of them differ is the check's own.
_FIELDS = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]")


def cause(reading: str, deviation: str | None = None) -> str:
    """Return what verdicts of one root cause have in common, as a line for people."""
    if deviation:
        return f"deviation {deviation}"
    line = one_line(reading)
    if guilty := _GUILTY.search(line):
        return guilty.group()
    return line


def by_cause(
    items: Iterable[_Item], cause_of: Callable[[_Item], str]
) -> list[tuple[str, list[_Item]]]:
    """Return the items of each cause, most items first, and the cause in the words of its first."""
    words: dict[str, str] = {}
    groups: dict[str, list[_Item]] = defaultdict(list)
    for item in items:
        said = cause_of(item)
        key = normalised(_FIELDS.sub("{}", said))
        words.setdefault(key, said)
        groups[key].append(item)
    return [
        (words[key], groups[key])
        for key in sorted(groups, key=lambda key: (-len(groups[key]), words[key]))
    ]
