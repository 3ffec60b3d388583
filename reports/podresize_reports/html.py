"""index.html: the run as one page that opens anywhere, on a phone too, with no network.

The page is a function of the records alone: no clock, no host, no random id goes in, so the same
records give the same bytes. Everything a cluster printed is escaped by the template engine and its
control characters by ``clean``; the content security policy names the hashes of our own style and
script, so that nothing else runs even if an escape were missing.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import json
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from podresize.evidence.claims import RELATIONS, Claim
from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize_reports.drawing import Drawing, draw
from podresize_reports.loading import Run, TargetRecord, TimelineRecord
from podresize_reports.summary import (
    SEVERITY,
    STEPS,
    Row,
    count,
    detail,
    headline,
    rows,
    step_times,
    tone,
)
from podresize_reports.text import (
    clean,
    natural,
    one_line,
    plural,
    seconds_number,
    seconds_text,
    shorten,
)

SIGNS = {
    VerdictKind.PASSED: "✓",
    VerdictKind.FAILED: "✗",
    VerdictKind.ERROR: "!",
    VerdictKind.FLAKY: "~",
    VerdictKind.DEVIATION: "◆",
    VerdictKind.SKIPPED: "–",
    VerdictKind.UNSUPPORTED: "○",
}
_LINE_LIMIT = 400  # of anything that is meant to be a line: a page is to be read
_CLAIM_LIMIT = 50  # of one verdict
_TEXT_LIMIT = 20_000  # of one failure text; the rest is in records.jsonl


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One timeline on the page."""

    anchor: str
    record: TimelineRecord
    drawing: Drawing | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """One claim on the page: what was looked at, what it was, what it had to be."""

    holds: bool
    what: str
    got: str
    want: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One verdict on the page; ``figure`` is drawn here, ``elsewhere`` is where it is drawn.

    ``claims`` are what the check claimed for this requirement, those that do not hold first;
    ``unshown`` counts the rest of them.
    """

    verdict: VerdictRecord
    name: str
    open: bool
    figure: Figure | None
    elsewhere: Figure | None
    claims: tuple[ClaimRow, ...] = ()
    unshown: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One requirement on one target with its verdicts."""

    anchor: str
    row: Row
    column: str
    open: bool
    entries: tuple[Entry, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One requirement: a line of the matrix (``cells`` by target) and a section of the page."""

    anchor: str
    row: Row
    cells: tuple[Group | None, ...]

    @property
    def telling(self) -> bool:
        """True when it is not simply met, or not judged, on every target."""
        return any(cell.open for cell in self.cells if cell)


def html_page(run: Run) -> bytes:
    """Return the whole page, UTF-8, the same bytes for the same records."""
    environment = _environment()
    requirements, figures = _requirements(run)
    style, script = _asset("page.css"), _asset("page.js")
    page = environment.get_template("index.html.j2").render(
        run=run,
        headline=headline(run),
        detail=detail(run),
        tone=tone(run),
        counts=count(run.verdicts),
        columns=column_names(run.targets),
        steps=[step_times(run, target.label) for target in run.targets],
        requirements=requirements,
        figures=figures,
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
    )
    return page.encode()


def column_names(targets: tuple[TargetRecord, ...]) -> tuple[str, ...]:
    """Return for each target the parts of its label that set it apart from the others."""
    parts = [[part.strip() for part in target.label.split(",")] for target in targets]
    common = set(parts[0]).intersection(*parts[1:]) if len(parts) > 1 else set()
    names = [", ".join(part for part in own if part not in common) for own in parts]
    return tuple(
        shorten(one_line(name or target.label), 80)
        for name, target in zip(names, targets, strict=True)
    )


def _requirements(run: Run) -> tuple[tuple[Requirement, ...], tuple[Figure, ...]]:
    """Return the requirements and the figures that none of their entries draws."""
    figures = {
        record.timeline.id: Figure(
            anchor=f"timeline-{number}", record=record, drawing=draw(record.timeline)
        )
        for number, record in enumerate(run.timelines.values(), 1)
    }
    found = rows(run)
    columns = dict(
        zip((target.label for target in run.targets), column_names(run.targets), strict=True)
    )
    cells: dict[str, dict[str, Group]] = {}
    free = dict(figures)
    for row in sorted(found, key=lambda row: natural(row.requirement)):
        own = cells.setdefault(row.requirement, {})
        number = f"{len(cells)}-{list(columns).index(row.target) + 1}"
        own[row.target] = Group(
            anchor=f"result-{number}",
            row=row,
            column=columns[row.target],
            open=_telling(row.verdict),
            entries=tuple(
                _entry(verdict, position, figures, free, _claims_of(run, verdict))
                for position, verdict in enumerate(row.verdicts)
            ),
        )
    return tuple(
        Requirement(
            anchor=f"requirement-{number}",
            row=next(iter(own.values())).row,
            cells=tuple(own.get(label) for label in columns),
        )
        for number, own in enumerate(cells.values(), 1)
    ), tuple(free.values())


def _entry(
    verdict: VerdictRecord,
    position: int,
    figures: dict[str, Figure],
    free: dict[str, Figure],
    claims: list[Claim],
) -> Entry:
    telling = _telling(verdict.verdict)
    # A timeline is evidence for several verdicts but drawn once: where it explains the most.
    figure = free.pop(verdict.timeline, None) if telling and verdict.timeline else None
    return Entry(
        verdict=verdict,
        name=verdict.check.rpartition("::")[2] or verdict.check,
        # The first of a kind is enough to read; the page stays short when all checks tell the same.
        open=telling and position == 0,
        figure=figure,
        elsewhere=None if figure else figures.get(verdict.timeline or ""),
        claims=tuple(_row(claim) for claim in claims[:_CLAIM_LIMIT]),
        unshown=max(0, len(claims) - _CLAIM_LIMIT),
    )


def _claims_of(run: Run, verdict: VerdictRecord) -> list[Claim]:
    made = run.claims.get((verdict.check, verdict.target), ())
    own = [claim for claim in made if claim.requirement == verdict.requirement]
    return sorted(own, key=lambda claim: claim.holds)


def _row(claim: Claim) -> ClaimRow:
    words = RELATIONS[claim.relation]
    return ClaimRow(
        holds=claim.holds,
        what=claim.what,
        got=_value(claim.got),
        want=f"{words}{_value(claim.want)}",
    )


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _telling(kind: VerdictKind) -> bool:
    """True for the verdicts that a reader came for: they are shown unfolded and first."""
    return kind.is_unexpected or kind is VerdictKind.DEVIATION


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("podresize_reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters |= {
        "line": lambda value: shorten(one_line(str(value)), _LINE_LIMIT),
        "text": _limited,
        "seconds": seconds_text,
        "number": seconds_number,
        "plural": plural,
    }
    environment.globals |= {"SIGNS": SIGNS, "STEPS": STEPS, "SEVERITY": SEVERITY}
    return environment


def _finalize(value: Any) -> Any:
    """Clean every text that the template shows, so that no place can forget to."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _limited(text: str) -> str:
    if len(text) <= _TEXT_LIMIT:
        return text
    return f"{text[:_TEXT_LIMIT]}\n… {len(text) - _TEXT_LIMIT} more characters in records.jsonl"


@functools.cache
def _asset(name: str) -> str:
    return (resources.files("podresize_reports") / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
