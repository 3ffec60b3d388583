"""A run as Markdown: for a job's summary, an issue, a chat."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape

from podresize.evidence.records import VerdictKind
from podresize_reports.html import column_names
from podresize_reports.loading import Run
from podresize_reports.summary import Row, counts_text, detail, headline, rows
from podresize_reports.text import clean, natural, shorten

_LISTED = 40
_CELL = 240
_CALM = (VerdictKind.PASSED, VerdictKind.SKIPPED, VerdictKind.UNSUPPORTED)
# What GitHub makes a link, or a mention of somebody, without any mark around it.
_LINKED = re.compile(r"(?<=@)(?=\w)|(?<=\w)(?=://)|(?<=www)(?=\.)", re.I)
_LEFT_OUT = "\nWhat did not fit here is in the report.\n"


def markdown(run: Run) -> bytes:
    """Return ``summary`` as a file, UTF-8, the same bytes for the same records."""
    return summary(run).encode()


def summary(run: Run, *, most_bytes: int | None = None) -> str:
    """Return the verdict first, the counts by target, and every requirement that is not met.

    With ``most_bytes`` lines are left out from the end until the rest has no more of them, in
    UTF-8; the last line then says so.
    """
    text = "".join(f"{line}\n" for line in _lines(run))
    if most_bytes is None or len(text.encode()) <= most_bytes:
        return text
    room = most_bytes - len(_LEFT_OUT.encode())
    kept = text.encode()[: max(0, room)].decode(errors="ignore")
    whole = kept[: kept.rfind("\n") + 1]
    return whole + _LEFT_OUT if room >= 0 else ""


def _lines(run: Run) -> Iterator[str]:
    names = dict(zip((each.label for each in run.targets), column_names(run.targets), strict=True))
    found = rows(run)
    yield f"## podresize: {text(headline(run))}"
    yield ""
    yield text(detail(run))
    yield ""
    yield from ("| target | results |", "|---|---|")
    for label, name in names.items():
        own = [row for row in found if row.target == label]
        counts: dict[VerdictKind, int] = {}
        for row in own:
            counts[row.verdict] = counts.get(row.verdict, 0) + 1
        yield f"| {text(name)} | {text(counts_text(counts))} |"
    telling = sorted(
        (row for row in found if row.verdict not in _CALM),
        key=lambda row: (row.verdict is VerdictKind.DEVIATION, natural(row.requirement)),
    )
    if telling:
        yield from ("", "| requirement | verdict | target | reading |", "|---|---|---|---|")
        yield from (_row(row, names[row.target]) for row in telling[:_LISTED])
    if (more := len(telling) - _LISTED) > 0:
        yield from ("", f"and {more} more in the report.")
    if run.problems:
        yield ""
        yield from (f"* {text(shorten(problem, _CELL))}" for problem in run.problems)


def _row(row: Row, target: str) -> str:
    verdict = " ".join([str(row.verdict), *row.deviations])
    cells = (f"{row.requirement} {row.title}", verdict, target, row.reading)
    return "| " + " | ".join(text(shorten(cell, _CELL)) for cell in cells) + " |"


def text(raw: str) -> str:
    """Return a text on one line that cannot be read as Markdown or HTML, links and mentions too."""
    shown = escape(" ".join(clean(raw).split()))
    for mark in "\\`*_[]|#~$":
        shown = shown.replace(mark, f"\\{mark}")
    # An empty comment shows nothing and keeps the two sides apart.
    return _LINKED.sub("<!-- -->", shown)
