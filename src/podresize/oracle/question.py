"""What the oracle was asked: enough to ask a newer one the same, with no cluster."""

from __future__ import annotations

import dataclasses
from typing import Any

from podresize.oracle.change import Change
from podresize.oracle.edit import Edit
from podresize.oracle.surroundings import Surroundings


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A pod, what is asked of it, and what surrounds it.

    ``pod`` is its raw JSON from just before, without ``managedFields``. ``changes`` holds one
    change, several where ``is_series``, none where it is asked what becomes of a pending resize.
    """

    pod: dict[str, Any]
    changes: tuple[Change | Edit, ...]
    surroundings: Surroundings
    is_series: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object that ``from_json`` turns back into an equal question."""
        return {
            "pod": self.pod,
            "changes": [dataclasses.asdict(each) for each in self.changes],
            "surroundings": dataclasses.asdict(self.surroundings),
            "is_series": self.is_series,
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Question:
        """Rebuild from ``to_json``; an unknown key is a ``TypeError``."""
        around = raw["surroundings"]
        rules = {key: tuple(around[key]) for key in ("limit_ranges", "quotas")}
        return cls(
            pod=raw["pod"],
            changes=tuple(_change(each) for each in raw["changes"]),
            surroundings=Surroundings(**(around | rules)),
            is_series=raw["is_series"],
        )


def question(
    pod: dict[str, Any],
    changes: tuple[Change | Edit, ...],
    surroundings: Surroundings,
    *,
    is_series: bool = False,
) -> Question:
    """Return the question, without what no answer depends on and nobody wants to store."""
    metadata = {
        key: value for key, value in pod.get("metadata", {}).items() if key != "managedFields"
    }
    return Question(
        pod=pod | {"metadata": metadata},
        changes=changes,
        surroundings=surroundings,
        is_series=is_series,
    )


def _change(raw: dict[str, Any]) -> Change | Edit:
    if "operations" in raw:
        return Edit(name=raw["name"], operations=tuple(raw["operations"]))
    return Change(**(raw | {"more": tuple(_part(each) for each in raw["more"])}))


def _part(raw: dict[str, Any]) -> Change:
    part = _change(raw)
    if not isinstance(part, Change):
        raise TypeError("a part of a change is no edit")
    return part
