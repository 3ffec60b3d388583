"""A run as Markdown: for a job's summary, an issue, a chat."""

from __future__ import annotations

from xml.sax.saxutils import escape

from podresize.evidence.records import VerdictKind
from podresize_reports.html import column_names
from podresize_reports.loading import Run
from podresize_reports.summary import Row, counts_text, detail, headline, rows
from podresize_reports.text import clean, natural, shorten

_LISTED = 40
_READING = 240
_CALM = (VerdictKind.PASSED, VerdictKind.SKIPPED, VerdictKind.UNSUPPORTED)


def summary(run: Run) -> str:
    """Return the verdict first, the counts by target, and every requirement that is not met."""
    names = dict(zip((each.label for each in run.targets), column_names(run.targets), strict=True))
    found = rows(run)
    lines = [f"## podresize: {text(headline(run))}", "", text(detail(run)), ""]
    lines += ["| target | results |", "|---|---|"]
    for label, name in names.items():
        own = [row for row in found if row.target == label]
        counts: dict[VerdictKind, int] = {}
        for row in own:
            counts[row.verdict] = counts.get(row.verdict, 0) + 1
        lines.append(f"| {text(name)} | {text(counts_text(counts))} |")
    telling = sorted(
        (row for row in found if row.verdict not in _CALM),
        key=lambda row: (row.verdict is VerdictKind.DEVIATION, natural(row.requirement)),
    )
    if telling:
        lines += ["", "| requirement | verdict | target | reading |", "|---|---|---|---|"]
        lines += [_row(row, names[row.target]) for row in telling[:_LISTED]]
    if (more := len(telling) - _LISTED) > 0:
        lines += ["", f"and {more} more in the report."]
    lines += [f"* {text(problem)}" for problem in run.problems]
    return "\n".join(lines) + "\n"


def _row(row: Row, target: str) -> str:
    verdict = " ".join([str(row.verdict), *row.deviations])
    cells = (f"{row.requirement} {row.title}", verdict, target, shorten(row.reading, _READING))
    return "| " + " | ".join(text(cell) for cell in cells) + " |"


def text(raw: str) -> str:
    """Return a text on one line that cannot be read as Markdown or HTML."""
    shown = escape(" ".join(clean(raw).split()))
    for mark in "\\`*_[]|#":
        shown = shown.replace(mark, f"\\{mark}")
    return shown
