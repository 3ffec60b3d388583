"""Evidence on the page: the timelines and the claims that verdicts rest on, each told once.

What explains a root cause is drawn in its place. The rest, most of a page's weight, is kept as data
of a line each, which the page's script draws when somebody opens it. ``page.js`` draws that data as
``figure.html.j2`` does a ``Drawing``: tests/browser holds one to the other.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

from podresize.evidence.claims import RELATIONS, Claim
from podresize_reports.drawing import Drawing, draw
from podresize_reports.loading import Run, TimelineRecord
from podresize_reports.page.names import name_of
from podresize_reports.summary import STEPS
from podresize_reports.text import clean, one_line, seconds_text, shorten

CLAIM_LIMIT = 50  # of one verdict
LINE_LIMIT = 400  # of anything that is meant to be a line: a page is to be read
_TONES = ("old", "new", "absent")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """One claim on the page: what was looked at, what it was, what it had to be."""

    holds: bool
    what: str
    got: str
    want: str


@dataclasses.dataclass(slots=True, kw_only=True)
class Evidence:
    """What one check saw on a target: a timeline, or claims. ``title`` says of what.

    ``in_place`` is set where an entry draws it; else it stands among the evidence at the end.
    """

    anchor: str
    title: str
    check: str
    target: str
    record: TimelineRecord | None = None
    claims: tuple[Claim, ...] = ()
    facts: dict[str, float] = dataclasses.field(default_factory=dict)
    in_place: bool = False

    @property
    def name(self) -> str:
        """The check, in short; of a timeline without one, its pod."""
        return name_of(self.check) or self.title

    @property
    def kind(self) -> str:
        """What a link to it is called."""
        return "timeline" if self.record else "claims"

    def drawing(self) -> Drawing | None:
        """Return its timeline, laid out; None where there is nothing to draw."""
        return draw(self.record.timeline) if self.record else None


def evidence_of(run: Run) -> tuple[dict[str, Evidence], dict[tuple[str, str], Evidence]]:
    """Return the evidence by timeline, and that by check and target where claims were made."""
    by_timeline = {
        identity: Evidence(
            anchor=f"timeline-{number}",
            title=_line(record.timeline.pod),
            check=record.check,
            target=record.target,
            record=record,
        )
        for number, (identity, record) in enumerate(run.timelines.items(), 1)
    }
    by_check = {
        (check, target): Evidence(
            anchor=f"claims-{number}",
            title=f"{len(made)} claims" if len(made) != 1 else "1 claim",
            check=check,
            target=target,
            claims=made,
        )
        for number, ((check, target), made) in enumerate(run.claims.items(), 1)
    }
    for verdict in run.verdicts:
        if verdict.facts and (found := by_timeline.get(verdict.timeline or "")):
            found.facts.update(verdict.facts)
    return by_timeline, by_check


def claim_rows(claims: Iterable[Claim]) -> list[ClaimRow]:
    """Return claims as rows, those that do not hold first."""
    return [
        ClaimRow(
            holds=claim.holds,
            what=_line(claim.what),
            got=_line(_value(claim.got)),
            want=_line(f"{RELATIONS[claim.relation]}{_value(claim.want)}"),
        )
        for claim in sorted(claims, key=lambda claim: claim.holds)
    ]


def as_data(each: Evidence, *, target: str) -> str:
    """Return the evidence as one line of JSON that can stand in a script element.

    ``target`` is how the page calls its target, empty where there is only one.
    """
    data: dict[str, Any] = {"facts": _facts(each.facts)}
    if each.record:
        timeline = each.record.timeline
        data |= {
            "pod": _line(timeline.pod),
            "on": target,
            "started": _line(timeline.started),
            "ended": seconds_text(timeline.ended),
            "drawing": _compact(each.drawing()),
        }
    if each.claims:
        kept, cut = _by_requirement(each.claims)
        data |= {"claims": kept, "cut": cut}
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _facts(facts: dict[str, float]) -> list[list[str]]:
    return [[label, seconds_text(facts[step])] for step, label in STEPS.items() if step in facts]


def _by_requirement(claims: tuple[Claim, ...]) -> tuple[list[list[Any]], int]:
    by_requirement: dict[str, list[Claim]] = {}
    for claim in claims:
        by_requirement.setdefault(claim.requirement, []).append(claim)
    kept = [
        [_line(requirement), row.holds, row.what, row.got, row.want]
        for requirement, made in by_requirement.items()
        for row in claim_rows(made)[:CLAIM_LIMIT]
    ]
    return kept, len(claims) - len(kept)


def _compact(drawing: Drawing | None) -> dict[str, Any] | None:
    """Return a drawing as data: its lanes, and its segments in the order of the table."""
    if drawing is None:
        return None
    marks = []
    for lane, seen in drawing.order:
        time = seen.time if seen.t >= 0 else ""
        marks.append([lane, seen.x, seen.width, seen.label, _TONES.index(seen.tone), time])
    return {
        "height": drawing.height,
        "bar": drawing.bar,
        "top": drawing.top,
        "patch": drawing.patch_x,
        "cut": drawing.cut,
        "ticks": [[tick.x, tick.label] for tick in drawing.ticks],
        "lanes": [
            [lane.kind, lane.teller, lane.name, int(lane.points), lane.name_y, lane.y]
            for lane in drawing.lanes
        ],
        "marks": marks,
    }


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _line(value: str) -> str:
    return shorten(one_line(clean(value)), LINE_LIMIT)
