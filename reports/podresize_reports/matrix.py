"""Requirement by target: what each of several targets did with each requirement, in one table.

For a vendor who asks which runtime meets what, and for whoever asks what another cgroup version
changes. Records of one run or of many; a target is a column with the clusters that its checks had
for themselves, one of several runs a single column, its verdicts together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize_reports.loading import Run, TargetRecord
from podresize_reports.required import stack_of
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
# Beside what makes a stack, these tell one column from another.
_APART = ("provider", "cgroup_version", "cgroup_driver", "handler", "kernel")
_TITLE = 44
_READING = 160
# A page breaks its lines itself; what it says is to be read to its end.
_READING_ON_A_PAGE = 400


@dataclasses.dataclass(frozen=True, slots=True)
class Matrix:
    """``targets`` are labels; ``cells`` has, by requirement, one text for each of them.

    ``reasons`` has for each of the cells what a check said of it, empty where nothing was wrong.
    """

    targets: tuple[str, ...]
    titles: dict[str, str]
    cells: dict[str, tuple[str, ...]]
    reasons: dict[str, tuple[str, ...]]
    totals: tuple[str, ...]

    @property
    def differences(self) -> Matrix:
        """The rows in which not all targets are alike. A race that one saw is no difference."""
        rows = {
            id_: cells
            for id_, cells in self.cells.items()
            if len({text.partition(" (")[0] for text in cells}) > 1
        }
        return dataclasses.replace(self, cells=rows)

    def why(self, id_: str) -> list[tuple[str, str]]:
        """Return the reasons of a row: the numbers of the targets, from 1, and what was said."""
        said: dict[str, list[str]] = {}
        for number, reason in enumerate(self.reasons[id_], start=1):
            if reason:
                said.setdefault(reason, []).append(str(number))
        return [(", ".join(numbers), reason) for reason, numbers in said.items()]


def matrix(runs: Sequence[Run]) -> Matrix:
    """Return the table of all targets that the runs have verdicts of, in order of arrival."""
    columns_of: dict[tuple[object, ...], str] = {}
    found: dict[tuple[str, str], list[VerdictRecord]] = {}
    titles: dict[str, str] = {}
    for run in runs:
        keys = {target.label: _key(target) for target in run.targets}
        checked = {verdict.target for verdict in run.verdicts}
        # The run's own targets come first, and give their columns the name.
        for target in run.targets:
            if target.label in checked:
                columns_of.setdefault(keys[target.label], target.label)
        for verdict in run.verdicts:
            titles[verdict.requirement] = verdict.title
            column = columns_of[keys[verdict.target]]
            found.setdefault((verdict.requirement, column), []).append(verdict)
    targets = tuple(dict.fromkeys(columns_of.values()))
    rows = {id_: [found.get((id_, target), []) for target in targets] for id_ in titles}
    return Matrix(
        targets=targets,
        titles=titles,
        cells={id_: tuple(map(cell, rows[id_])) for id_ in sorted(titles, key=natural)},
        reasons={id_: tuple(map(_reason, row)) for id_, row in rows.items()},
        totals=tuple(
            counts_text(count([each for row in rows.values() for each in row[number]]))
            for number in range(len(targets))
        ),
    )


def _key(target: TargetRecord) -> tuple[object, ...]:
    """Return what the targets of one column have in common; of what nobody detected, the label."""
    if not target.fingerprint:
        return (target.label,)
    return (*stack_of(target), *(repr(target.fingerprint.get(name)) for name in _APART))


def _worst(verdicts: Sequence[VerdictRecord]) -> VerdictKind:
    kinds = [verdict.verdict for verdict in verdicts]
    return next(kind for kind in _WORST_FIRST if kind in kinds)


def _reason(verdicts: Sequence[VerdictRecord]) -> str:
    """Return what the first check that saw the worst said, empty for a requirement that is met."""
    if not verdicts or (worst := _worst(verdicts)) is VerdictKind.PASSED:
        return ""
    return next(each.reading for each in verdicts if each.verdict is worst)


def cell(verdicts: Sequence[VerdictRecord]) -> str:
    """Return what one target did with one requirement: its worst verdict.

    A failure with how many of the checks that were executed showed it, a deviation by its ids, a
    race behind what is passed but for it.
    """
    if not verdicts:
        return ""
    kinds = [verdict.verdict for verdict in verdicts]
    worst = _worst(verdicts)
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


def matrix_markdown(found: Matrix, *, reasons: bool = False) -> str:
    """Return the table as Markdown, its columns numbered and named below it.

    With ``reasons`` each row ends with what was said of it.
    """
    numbers = [str(number) for number in range(1, len(found.targets) + 1)]
    heads = [*numbers, *(["reason"] if reasons else [])]
    lines = [
        f"| requirement | | {' | '.join(heads)} |",
        f"|---|---|{'---|' * len(heads)}",
    ]
    for id_, cells in found.cells.items():
        said = [
            f"{which}: {shorten(one_line(text), _READING_ON_A_PAGE)}"
            for which, text in found.why(id_)
        ]
        words = [found.titles[id_], *cells, *(["; ".join(said)] if reasons else [])]
        lines.append(f"| {_safe(id_)} | {' | '.join(map(_safe, words))} |")
    lines.append("")
    lines += [
        f"{number}. {_safe(target)}: {_safe(total)}"
        for number, target, total in zip(numbers, found.targets, found.totals, strict=True)
    ]
    return "\n".join(lines) + "\n"


def matrix_text(found: Matrix, *, reasons: bool = False) -> str:
    """Return the table as plain text, its columns numbered and named above it.

    With ``reasons`` a line below each row has what was said of it.
    """
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
    for row in rows:
        texts = [pad(text, width) for text, width in zip(row, widths, strict=True)]
        lines.append("  ".join(texts).rstrip())
        if reasons and row[0] in found.cells:
            lines += [
                f"    {which}: {shorten(one_line(text), _READING)}"
                for which, text in found.why(row[0])
            ]
    return "\n".join(lines) + "\n"


def _safe(text: str) -> str:
    return one_line(text).replace("|", r"\|").replace("<", "&lt;")
