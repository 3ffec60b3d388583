"""What the run of a mutant shows, beside that of the good stack: is it caught, and by whom?

A requirement **catches** a mutant when a check finds it not met, failed or as a deviation, that
finds it met on the good stack. What fails there as well says nothing.
"""

from __future__ import annotations

import dataclasses
import enum
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize.requirements.mutants import Mutant
from podresize_reports.loading import Run
from podresize_reports.text import natural, one_line, shorten

_NOT_MET = (VerdictKind.FAILED, VerdictKind.FLAKY, VerdictKind.DEVIATION)
_NAMED_LEAST = 0.95
_READING_CHARS = 160


class Fate(enum.StrEnum):
    """What became of a mutant. All but the first three are wrong."""

    KILLED = "killed"
    WITHSTOOD = "withstood"
    ENDED = "ended as an error"
    SURVIVED = "survived"
    MISATTRIBUTED = "caught by the wrong requirement"
    UNJUDGED = "not judged"

    @property
    def is_right(self) -> bool:
        """Whether it is what the catalogue of mutants says."""
        return self in (Fate.KILLED, Fate.WITHSTOOD, Fate.ENDED)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One mutant on one stack.

    ``caught`` are the requirements that caught it, ``missed`` those that had to and did not,
    ``unasked`` those that had to and that this run put to nobody, ``wrong`` those that may not.
    ``readings`` counts the failures by who is named in them (None: nobody), of what caught it
    rightly; ``named`` are those that name a guilty one. ``why`` is a line for people.
    """

    mutant: str
    base: str
    fate: Fate
    caught: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    readings: Mapping[str | None, int] = dataclasses.field(default_factory=dict)
    named: int = 0
    why: str = ""
    seconds: float = 0.0

    @property
    def told(self) -> int:
        """How many failures there were to name somebody in."""
        return sum(self.readings.values())

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object; who is named by nobody is ``""``."""
        return dataclasses.asdict(self) | {
            "readings": {who or "": count for who, count in self.readings.items()}
        }


def judge_mutant(
    mutant: Mutant, base: str, spoilt: Run, good: Run, *, seconds: float = 0.0
) -> Result:
    """Return what the run of a mutant on a stack shows beside the run of the good one."""
    fate, why = Fate.KILLED, ""
    catches = _catches(spoilt, good)
    caught = {each.requirement for each in catches}
    asked = {each.requirement for each in spoilt.verdicts if each.verdict.is_executed}
    errors = [each for each in spoilt.verdicts if each.verdict is VerdictKind.ERROR]
    missed = (mutant.caught_by & asked) - caught
    wrong = caught - mutant.caught_by - mutant.also
    right = [each for each in catches if each.requirement not in wrong]
    if not asked:
        fate, why = Fate.UNJUDGED, "; ".join(spoilt.problems) or "nothing was put to the target"
    elif mutant.error:
        fate = Fate.MISATTRIBUTED if wrong else Fate.ENDED if errors else Fate.SURVIVED
        why = _first(catches or errors)
    elif mutant.withstood:
        fate = Fate.MISATTRIBUTED if wrong else Fate.UNJUDGED if errors else Fate.WITHSTOOD
        why = _first(catches or errors)
    elif missed or not caught & mutant.caught_by:
        fate = Fate.UNJUDGED if errors and not caught else Fate.SURVIVED
        why = _first(errors)
    elif wrong:
        fate = Fate.MISATTRIBUTED
        why = _first(each for each in catches if each.requirement in wrong)
    else:
        why = _first(each for each in right if each.requirement in mutant.caught_by)
    readings = Counter(each.guilty for each in right if each.verdict is VerdictKind.FAILED)
    return Result(
        mutant=mutant.id,
        base=base,
        fate=fate,
        caught=_in_order(caught - wrong),
        missed=_in_order(missed),
        unasked=_in_order(mutant.caught_by - asked),
        wrong=_in_order(wrong),
        readings=dict(readings),
        named=sum(count for who, count in readings.items() if who in mutant.guilty),
        why=why,
        seconds=seconds,
    )


def _catches(spoilt: Run, good: Run) -> list[VerdictRecord]:
    before = {(each.check, each.requirement) for each in good.verdicts if each.verdict in _NOT_MET}
    return [
        each
        for each in spoilt.verdicts
        if each.verdict in _NOT_MET and (each.check, each.requirement) not in before
    ]


def _first(verdicts: Iterable[VerdictRecord]) -> str:
    for each in verdicts:
        return shorten(one_line(f"{each.requirement}: {each.reading}"), _READING_CHARS)
    return ""


def _in_order(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(ids, key=natural))


def is_right(results: Sequence[Result]) -> bool:
    """Whether every mutant is what it has to be, and enough readings name who is guilty."""
    told = sum(each.told for each in results)
    named = sum(each.named for each in results)
    return all(each.fate.is_right for each in results) and named >= _NAMED_LEAST * told


def markdown(results: Sequence[Result]) -> str:
    """Return the table of all mutants and the totals, as Markdown that ends in a newline."""
    lines = [
        "| mutant | on | fate | caught by | missed by | wrongly by | named | a reading |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in results:
        cells = (
            each.mutant,
            each.base,
            str(each.fate) if each.fate.is_right else f"**{each.fate}**",
            ", ".join(each.caught),
            ", ".join(each.missed),
            ", ".join(each.wrong),
            f"{each.named} of {each.told}" if each.told else "",
            each.why.replace("|", "\\|"),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", totals(results)]) + "\n"


def totals(results: Sequence[Result]) -> str:
    """Return the counts in one line."""
    fates = Counter(str(each.fate) for each in results)
    told, named = sum(each.told for each in results), sum(each.named for each in results)
    said = ", ".join(f"{fates[fate]} {fate}" for fate in map(str, Fate) if fates[fate])
    share = f" ({100 * named / told:.1f} %)" if told else ""
    return (
        f"{len(results)} runs of mutants: {said or 'none'}; "
        f"{named} of {told} readings name who is guilty{share}"
    )
