"""What stands where on the page: requirements by target, their verdicts, root causes, evidence.

A verdict that a reader came for (unexpected, a deviation, a race) is an entry that can be opened.
All others are a line, those with one reading together; the evidence of either is linked.
"""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict

from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize_reports.causes import Cause, causes, counts_by_requirement
from podresize_reports.loading import Run
from podresize_reports.page.evidence import CLAIM_LIMIT, ClaimRow, Evidence, claim_rows, evidence_of
from podresize_reports.page.failure import Failure, failure_parts
from podresize_reports.page.names import name_of, suite_of
from podresize_reports.summary import Row, rows
from podresize_reports.text import natural

# What the page names itself (target-1, timeline-4) has small letters.
_ID = re.compile(r"[A-Z]{1,8}-[0-9A-Za-z-]{1,24}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One verdict that can be opened; ``cause`` and ``suite`` are numbers of the page, 0 for none.

    ``drawn`` says that its evidence is drawn in it and not linked. ``claims`` are those of the
    check on this requirement that do not hold; ``held`` counts the others, ``unshown`` the broken
    ones for which there is no room.
    """

    verdict: VerdictRecord
    name: str
    open: bool
    cause: int
    suite: int
    parts: Failure | None
    evidence: Evidence | None
    drawn: bool
    claims: tuple[ClaimRow, ...]
    held: int
    unshown: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One verdict that says nothing unusual; ``reading`` is empty where its batch says it."""

    name: str
    reading: str
    seconds: float
    suite: int
    evidence: Evidence | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Verdicts of one kind; of one ``reading`` where that is not empty."""

    verdict: VerdictKind
    reading: str
    lines: tuple[Line, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One requirement on one target with its verdicts; ``open`` where it explains a cause."""

    anchor: str
    row: Row
    target: int
    open: bool
    entries: tuple[Entry, ...]
    batches: tuple[Batch, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One requirement: a line of the matrix (``cells`` by target) and a section of the page."""

    anchor: str
    row: Row
    cells: tuple[Group | None, ...]

    @property
    def telling(self) -> bool:
        """True when it is not simply met, or not judged, on every target."""
        return any(is_telling(cell.row.verdict) for cell in self.cells if cell)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CauseLine:
    """One root cause; ``links`` are (requirement, title, [(anchor, target number, verdicts)])."""

    number: int
    cause: Cause
    links: tuple[tuple[str, str, tuple[tuple[str, int, int], ...]], ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """All of it. ``evidence`` is what no entry shows in its place."""

    requirements: tuple[Requirement, ...]
    causes: tuple[CauseLine, ...]
    suites: tuple[str, ...]
    evidence: tuple[Evidence, ...]


def contents(run: Run) -> Contents:
    """Return what the page of a run shows; a function of the records alone."""
    return _Making(run).contents()


def is_telling(kind: VerdictKind) -> bool:
    """True for the verdicts that a reader came for: they are shown unfolded and first."""
    return kind.is_unexpected or kind is VerdictKind.DEVIATION


class _Making:
    """The parts of the page that refer to each other, while they are being made."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.causes = causes(run.verdicts)
        self.cause_of = {
            id(verdict): number
            for number, cause in enumerate(self.causes, 1)
            for verdict in cause.verdicts
        }
        self.first_of = {id(cause.verdicts[0]) for cause in self.causes}
        self.suites = tuple(sorted({suite_of(v.check) for v in run.verdicts}, key=natural))
        self.by_timeline, self.by_check = evidence_of(run)

    def contents(self) -> Contents:
        requirements = self._requirements()
        anchors = {
            (group.row.requirement, group.row.target): group
            for requirement in requirements
            for group in requirement.cells
            if group
        }
        everything = [*self.by_timeline.values(), *self.by_check.values()]
        return Contents(
            requirements=requirements,
            causes=tuple(
                CauseLine(number=number, cause=cause, links=_links(cause, anchors))
                for number, cause in enumerate(self.causes, 1)
            ),
            suites=self.suites,
            evidence=tuple(each for each in everything if not each.in_place),
        )

    def _requirements(self) -> tuple[Requirement, ...]:
        labels = [target.label for target in self.run.targets]
        cells: dict[str, dict[str, Row]] = defaultdict(dict)
        for row in sorted(rows(self.run), key=lambda row: natural(row.requirement)):
            cells[row.requirement][row.target] = row
        found = []
        for number, (requirement, own) in enumerate(cells.items(), 1):
            anchor = requirement if _ID.fullmatch(requirement) else f"requirement-{number}"
            groups = tuple(
                self._group(own[label], f"{anchor}.{target}", target) if label in own else None
                for target, label in enumerate(labels, 1)
            )
            found.append(Requirement(anchor=anchor, row=next(iter(own.values())), cells=groups))
        return tuple(found)

    def _group(self, row: Row, anchor: str, target: int) -> Group:
        entries, batches = [], defaultdict(list)
        for verdict in row.verdicts:
            if is_telling(verdict.verdict) or verdict.deviation:
                entries.append(self._entry(verdict))
            else:
                batches[verdict.verdict, verdict.reading].append(verdict)
        return Group(
            anchor=anchor,
            row=row,
            target=target,
            open=any(entry.open for entry in entries),
            entries=tuple(entries),
            batches=self._batches(batches),
        )

    def _batches(
        self, found: dict[tuple[VerdictKind, str], list[VerdictRecord]]
    ) -> tuple[Batch, ...]:
        """Return a batch for each reading that several share, and one of each kind's others."""
        others: dict[VerdictKind, list[VerdictRecord]] = defaultdict(list)
        batches = []
        for (kind, reading), verdicts in found.items():
            if len(verdicts) == 1:
                others[kind] += verdicts
            else:
                batches.append(self._batch(kind, reading, verdicts))
        return (*(self._batch(kind, "", own) for kind, own in others.items()), *batches)

    def _batch(self, kind: VerdictKind, reading: str, verdicts: list[VerdictRecord]) -> Batch:
        lines = tuple(
            Line(
                name=name_of(verdict.check),
                reading="" if reading else verdict.reading,
                seconds=verdict.seconds,
                suite=self.suites.index(suite_of(verdict.check)) + 1,
                evidence=self._evidence(verdict),
            )
            for verdict in verdicts
        )
        return Batch(verdict=kind, reading=reading, lines=lines)

    def _entry(self, verdict: VerdictRecord) -> Entry:
        evidence = self._evidence(verdict)
        is_first = id(verdict) in self.first_of
        drawn = bool(is_first and evidence and evidence.record and not evidence.in_place)
        if drawn and evidence:
            evidence.in_place = True
        made = self.run.claims.get((verdict.check, verdict.target), ())
        own = [claim for claim in made if claim.requirement == verdict.requirement]
        broken = claim_rows(claim for claim in own if not claim.holds)
        return Entry(
            verdict=verdict,
            name=name_of(verdict.check),
            # The first of a cause is enough to read: the others tell the same.
            open=is_first,
            cause=self.cause_of.get(id(verdict), 0),
            suite=self.suites.index(suite_of(verdict.check)) + 1,
            parts=failure_parts(verdict.text) if verdict.text else None,
            evidence=evidence,
            drawn=drawn,
            claims=tuple(broken[:CLAIM_LIMIT]),
            held=len(own) - len(broken),
            unshown=max(0, len(broken) - CLAIM_LIMIT),
        )

    def _evidence(self, verdict: VerdictRecord) -> Evidence | None:
        if verdict.timeline and (found := self.by_timeline.get(verdict.timeline)):
            return found
        return self.by_check.get((verdict.check, verdict.target))


def _links(
    cause: Cause, groups: dict[tuple[str, str], Group]
) -> tuple[tuple[str, str, tuple[tuple[str, int, int], ...]], ...]:
    found: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    titles = {}
    for (requirement, target), number in counts_by_requirement(cause).items():
        group = groups[requirement, target]
        found[requirement].append((group.anchor, group.target, number))
        titles[requirement] = group.row.title
    return tuple((id_, titles[id_], tuple(links)) for id_, links in found.items())
