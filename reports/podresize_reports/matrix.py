"""Requirement by target: what each of several targets did with each requirement, in one table.

For a vendor who asks which runtime meets what. Records of one run or of many; a target of several
runs is one column, its verdicts together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize_reports.loading import Run
from podresize_reports.summary import count, counts_text
from podresize_reports.text import columns, natural, one_line, pad, shorten

# The worst that a check said of a requirement is what the target did with it.
_WORST_FIRST = (
    VerdictKind.FAILED,
    VerdictKind.ERROR,
    VerdictKind.FLAKY,
    VerdictKind.DEVIATION,
    VerdictKind.PASSED,
    VerdictKind.SKIPPED,
    VerdictKind.UNSUPPORTED,
)
_TITLE = 44


@dataclasses.dataclass(frozen=True, slots=True)
class Matrix:
    """``targets`` are labels; ``cells`` has, by requirement, one text for each of them."""

    targets: tuple[str, ...]
    titles: dict[str, str]
    cells: dict[str, tuple[str, ...]]
    totals: tuple[str, ...]


def matrix(runs: Sequence[Run]) -> Matrix:
    """Return the table of all targets that the runs have verdicts of, in order of arrival."""
    verdicts = [verdict for run in runs for verdict in run.verdicts]
    targets = tuple(dict.fromkeys(verdict.target for verdict in verdicts))
    titles = {verdict.requirement: verdict.title for verdict in verdicts}
    found: dict[tuple[str, str], list[VerdictRecord]] = {}
    for verdict in verdicts:
        found.setdefault((verdict.requirement, verdict.target), []).append(verdict)
    return Matrix(
        targets=targets,
        titles=titles,
        cells={
            id_: tuple(cell(found.get((id_, target), [])) for target in targets)
            for id_ in sorted(titles, key=natural)
        },
        totals=tuple(
            counts_text(count([verdict for verdict in verdicts if verdict.target == target]))
            for target in targets
        ),
    )


def cell(verdicts: Sequence[VerdictRecord]) -> str:
    """Return what one target did with one requirement: its worst verdict.

    A failure with how many of the checks that were executed showed it, a deviation by its ids, a
    race behind what is passed but for it.
    """
    if not verdicts:
        return ""
    kinds = [verdict.verdict for verdict in verdicts]
    worst = next(kind for kind in _WORST_FIRST if kind in kinds)
    ids = sorted({str(each.deviation) for each in verdicts if each.deviation}, key=natural)
    match worst:
        case VerdictKind.FAILED | VerdictKind.ERROR | VerdictKind.FLAKY:
            executed = sum(kind.is_executed for kind in kinds)
            return f"{worst} {kinds.count(worst)}/{executed}"
        case VerdictKind.DEVIATION:
            return ", ".join(ids)
        case VerdictKind.PASSED if ids:
            return f"passed ({', '.join(ids)})"
    return str(worst)


def matrix_markdown(found: Matrix) -> str:
    """Return the table as Markdown, its columns numbered and named below it."""
    numbers = [str(number) for number in range(1, len(found.targets) + 1)]
    lines = [
        f"| requirement | | {' | '.join(numbers)} |",
        f"|---|---|{'---|' * len(numbers)}",
    ]
    for id_, cells in found.cells.items():
        title = _safe(found.titles[id_])
        lines.append(f"| {_safe(id_)} | {title} | {' | '.join(map(_safe, cells))} |")
    lines.append("")
    lines += [
        f"{number}. {_safe(target)}: {_safe(total)}"
        for number, target, total in zip(numbers, found.targets, found.totals, strict=True)
    ]
    return "\n".join(lines) + "\n"


def matrix_text(found: Matrix) -> str:
    """Return the table as plain text, its columns numbered and named above it."""
    numbers = [str(number) for number in range(1, len(found.targets) + 1)]
    rows = [("requirement", "", *numbers)]
    rows += [
        (id_, shorten(one_line(found.titles[id_]), _TITLE), *map(one_line, cells))
        for id_, cells in found.cells.items()
    ]
    widths = [max(columns(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        f"{number}  {one_line(target)}: {total}"
        for number, target, total in zip(numbers, found.targets, found.totals, strict=True)
    ]
    lines.append("")
    lines += [
        "  ".join(pad(text, width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _safe(text: str) -> str:
    return one_line(text).replace("|", r"\|").replace("<", "&lt;")
