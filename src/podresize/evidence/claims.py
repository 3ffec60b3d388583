"""Claims: what a check found that is no timeline of one resize, as data.

Some requirements are about more than one pod (a quota, the scheduler's accounting) or about an
answer alone. Their checks compare what they got with what the specification wants, one claim for
each comparison. Claims are stored as they are, so that a stored run is judged again from them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from podresize.evidence.records import VerdictKind

RELATIONS = {
    "==": "",
    "in": "one of ",
    "contains": "it to contain ",
    "<=": "at most ",
    ">=": "at least ",
}
"""How ``got`` may have to be to ``want``, each with the words that go before ``want``."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One comparison: ``what`` was looked at, what it was, and what it had to be.

    ``got`` and ``want`` are JSON values. ``relation`` is ``==``, ``in`` (``want`` is a list of
    values), ``contains`` (``want`` is part of the text or list ``got``), ``<=`` or ``>=``.
    ``requirement`` is the catalogue id it speaks for. ``reading`` and ``guilty`` (a
    ``Party``) say who is wrong where it does not hold, as far as that is known, ``witnesses`` what
    each of them said, in short. ``update`` is the number of the check's update that it is about.
    """

    requirement: str
    what: str
    got: Any
    want: Any
    relation: str = "=="
    reading: str = ""
    guilty: str = ""
    witnesses: dict[str, str] = dataclasses.field(default_factory=dict)
    update: int | None = None

    @property
    def holds(self) -> bool:
        """Whether what was got is what was wanted."""
        match self.relation:
            case "==":
                return bool(self.got == self.want)
            case "in":
                return self.got in self.want
            case "contains":
                return self.got is not None and self.want in self.got
            case "<=":
                return self.got is not None and bool(self.got <= self.want)
            case ">=":
                return self.got is not None and bool(self.got >= self.want)
        raise ValueError(f"no such relation: {self.relation}")

    def __str__(self) -> str:
        return f"{self.what} is {self.got!r}, expected {RELATIONS[self.relation]}{self.want!r}"

    def to_json(self) -> dict[str, Any]:
        """Return the claim as a JSON object."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Claim:
        """Rebuild from ``to_json``; an unknown key is a ``TypeError``."""
        return cls(**raw)


def judge_claims(claims: Iterable[Claim]) -> dict[str, tuple[VerdictKind, list[str]]]:
    """Return verdict and faults by requirement: passed when each of its claims holds."""
    result: dict[str, tuple[VerdictKind, list[str]]] = {}
    for claim in claims:
        _, faults = result.get(claim.requirement, (VerdictKind.PASSED, []))
        faults = faults if claim.holds else [*faults, str(claim)]
        kind = VerdictKind.FAILED if faults else VerdictKind.PASSED
        result[claim.requirement] = (kind, faults)
    return result
