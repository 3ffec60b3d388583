"""Root causes: what is wrong, told once however many checks saw it.

A stack that is wrong in one place breaks dozens of requirements. What makes two verdicts one cause:

* a catalogued deviation: its id, whatever each check read;
* where the witnesses tell who is at fault and what he did, that: the party and its deed, since what
  follows from it (a cgroup, a condition, a generation) is symptom;
* else the reading, with its numbers, times and names taken out, and which witnesses disagree.

Failed, flaky and error stay apart, since an error says nothing of the target.
"""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize.requirements.model import Party
from podresize_reports.summary import SEVERITY, worst_first
from podresize_reports.text import natural, one_line
from podresize_reports.witnessed import disagreeing

_PARTIES = "|".join(re.escape(str(party)) for party in Party)
# Also inside of a reading that quotes a whole failure text, whose line breaks may be escaped there.
_BLAME = re.compile(
    rf"At fault is the (?P<party>{_PARTIES})(?:, which (?P<deed>.+?))?\s*(?:\\n|\n|$)"
)
_CODE = re.compile(
    r"(?<=answered )[2-5]\d\d\b|(?<=answered with )[2-5]\d\d\b|(?<=\()[2-5]\d\d(?=\))"
)
_TELLING = re.compile(r"^  reading: (.+)$", re.MULTILINE)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
# A path, what has a digit in it, and the identifiers of fields and files (cpu.max, cpu_shares).
_NAME = re.compile(r"\S+/\S+|\S*\d\S*|\w+[._]\w[\w.]*")
_CONTAINER = re.compile(r"\b(containers?|pod) \S+ of \S+")
_LIST = re.compile(r"…(?:[\],;:.)(\[]* (?:(?:and|or) )?[\[(]*…)+")
_HOLE = "…"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One thing that is wrong; ``verdicts`` are all that saw it, worst and then by check.

    ``sentence`` says it in one line. ``guilty`` is the party that does wrong, where known.
    """

    verdict: VerdictKind
    sentence: str
    guilty: str | None
    deviation: str | None
    verdicts: tuple[VerdictRecord, ...]

    @property
    def checks(self) -> int:
        """How many checks saw it."""
        return len({verdict.check for verdict in self.verdicts})

    @property
    def requirements(self) -> tuple[str, ...]:
        """The requirements that it breaks, in natural order."""
        return tuple(sorted({verdict.requirement for verdict in self.verdicts}, key=natural))

    @property
    def targets(self) -> tuple[str, ...]:
        """The labels of the targets that show it, in order of arrival."""
        return tuple(dict.fromkeys(verdict.target for verdict in self.verdicts))


def causes(verdicts: Iterable[VerdictRecord]) -> tuple[Cause, ...]:
    """Return what is wrong: failures first, then what was seen by most checks."""
    groups: dict[tuple[object, ...], list[VerdictRecord]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.verdict.is_unexpected or verdict.verdict is VerdictKind.DEVIATION:
            groups[cause_key(verdict)].append(verdict)
    found = [_cause(sorted(group, key=_first_of_all)) for group in groups.values()]
    return tuple(
        sorted(
            found,
            key=lambda cause: (
                SEVERITY.index(cause.verdict),
                -cause.checks,
                natural(cause.deviation or ""),
                cause.sentence,
                cause.guilty or "",
            ),
        )
    )


def cause_key(verdict: VerdictRecord) -> tuple[object, ...]:
    """Return what is equal for two verdicts exactly where one cause explains both."""
    if verdict.deviation and verdict.verdict is VerdictKind.DEVIATION:
        return (verdict.verdict, verdict.deviation)
    party, deed = _blame(verdict)
    if deed:
        return (verdict.verdict, party, normalised(deed))
    reading = normalised(_symptom(verdict))
    return (verdict.verdict, party, reading, disagreeing(verdict.witnesses))


def normalised(text: str) -> str:
    """Return a reading without what differs from check to check: numbers, times and names.

    The code of an HTTP answer stays: 200 and 422 are two faults.
    """
    codes: list[str] = []

    def keep(match: re.Match[str]) -> str:
        codes.append(match.group())
        return f"\0{chr(0xE000 + len(codes) - 1)}"  # no digit, so that no later step takes it out

    text = _CODE.sub(keep, text.replace("\0", " "))
    text = _QUOTED.sub(_HOLE, text)
    text = _CONTAINER.sub(rf"\1 {_HOLE}", text)
    text = one_line(_NAME.sub(_HOLE, text).replace("\0", "\x01"))
    text = _LIST.sub(_HOLE, text)
    for number, code in enumerate(codes):
        text = text.replace(f"\u2401{chr(0xE000 + number)}", code)
    return text


def counts_by_requirement(cause: Cause) -> Mapping[tuple[str, str], int]:
    """Return how many verdicts each requirement and target has of a cause, in natural order."""
    found: dict[tuple[str, str], int] = defaultdict(int)
    for verdict in cause.verdicts:
        found[verdict.requirement, verdict.target] += 1
    order = {target: position for position, target in enumerate(cause.targets)}
    return {key: found[key] for key in sorted(found, key=lambda k: (natural(k[0]), order[k[1]]))}


def _blame(verdict: VerdictRecord) -> tuple[str | None, str | None]:
    match = _BLAME.search(_told(verdict))
    if match is None:
        return verdict.guilty, None
    return match["party"], match["deed"]


def _symptom(verdict: VerdictRecord) -> str:
    """Return the reading without who is at fault."""
    told = _told(verdict)
    return _BLAME.sub("", told).rstrip(" :.") or told


def _told(verdict: VerdictRecord) -> str:
    """Return the reading; where that is the head of a failure text, the reading in the text."""
    text = verdict.text or ""
    if not text.startswith(verdict.reading.split("\n")[0].rstrip("…")):
        return verdict.reading
    told = _TELLING.search(text)
    return told[1] if told else verdict.reading


def _first_of_all(verdict: VerdictRecord) -> tuple[object, ...]:
    """Return a sort key that does not depend on which check ended first."""
    return (worst_first(verdict), natural(verdict.requirement), verdict.target)


def _cause(verdicts: list[VerdictRecord]) -> Cause:
    first = verdicts[0]
    party, deed = _blame(first)
    sentence = f"the {party} {deed}" if deed else _symptom(first)
    return Cause(
        verdict=first.verdict,
        sentence=one_line(sentence).removesuffix(f". Deviation {first.deviation}"),
        guilty=party,
        deviation=first.deviation if first.verdict is VerdictKind.DEVIATION else None,
        verdicts=tuple(verdicts),
    )
