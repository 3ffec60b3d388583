"""The closing table: what a run came to, as plain text for a terminal or a log.

Plain text, because it is read in CI logs, mails and issues as often as on a terminal; colour is
only laid over it when the caller knows that a terminal shows it. A narrow terminal gets the
reading on lines of its own instead of a column three words wide.
"""

from __future__ import annotations

from collections.abc import Sequence

from podresize.evidence.records import VerdictKind
from podresize_reports.loading import Run
from podresize_reports.summary import Row, StepTime, count, counts_text, rows, silent, step_times
from podresize_reports.text import (
    columns,
    one_line,
    pad,
    plural,
    seconds_number,
    seconds_text,
    shorten,
    wrap,
)

_COLOURS = {
    VerdictKind.PASSED: "32",
    VerdictKind.FAILED: "1;31",
    VerdictKind.ERROR: "1;35",
    VerdictKind.FLAKY: "35",
    VerdictKind.DEVIATION: "33",
    VerdictKind.SKIPPED: "2",
    VerdictKind.UNSUPPORTED: "2",
}
_READING_COLUMN = 32  # narrower than this, a column of text is worse than lines of its own
_READING_LINES = 4


def closing_table(run: Run, *, width: int = 100, colour: bool = False) -> str:
    """Return the table of each target, its step times and the line of counts, ending in newline."""
    found = rows(run)
    lines: list[str] = []
    for target in run.targets:
        lines += _wrapped(target.label, width, indent="", colour="1" if colour else "")
        for note in target.notes:
            lines += _wrapped(note, width, indent="  ")
        here = [row for row in found if row.target == target.label]
        lines += _rows(here, width, colour) if here else ["  no verdicts"]
        if steps := step_times(run, target.label):
            lines += ["", *_steps(steps)]
        lines.append("")
    if not run.complete:
        lines += _wrapped("The run died half way: this is what it had recorded.", width, indent="")
    for problem in run.problems:
        lines += _wrapped(f"records: {problem}", width, indent="")
    if run.executed and (unseen := silent(run)):
        text = f"supported, and put to no target by any check: {', '.join(unseen)}"
        lines += _wrapped(text, width, indent="")
    lines.append(_total(run, colour))
    return "\n".join(lines) + "\n"


def _rows(found: Sequence[Row], width: int, colour: bool) -> list[str]:
    cells = [("requirement", "verdict", "slowest", "")] + [
        (
            shorten(one_line(row.requirement), 24),
            shorten(_verdict(row), 40),
            # A requirement that was not put to the target took no time.
            seconds_text(row.slowest) if row.verdict.is_executed else "–",
            row.checks,
        )
        for row in found
    ]
    widths = [max(columns(line[column]) for line in cells) for column in range(4)]
    room = width - 2 - sum(widths) - 2 * 4
    beside = room >= _READING_COLUMN
    lines = []
    for position, line in enumerate(cells):
        row = found[position - 1] if position else None
        reading = one_line(row.reading) if row else "reading"
        verdict = pad(line[1], widths[1])
        if row and colour:
            verdict = _paint(verdict, _COLOURS[row.verdict])
        head = "  " + "  ".join(
            [
                pad(line[0], widths[0]),
                verdict,
                pad(line[2], widths[2], right=True),
                pad(line[3], widths[3]),
            ]
        )
        if beside:
            first, *rest = wrap(reading, room, lines=_READING_LINES)
            lines.append(f"{head}  {first}".rstrip())
            lines += [" " * (width - room) + more for more in rest]
        else:
            lines.append(head.rstrip())
            if row and reading:
                lines += [
                    "      " + more for more in wrap(reading, width - 6, lines=_READING_LINES)
                ]
    return lines


def _verdict(row: Row) -> str:
    return one_line(" ".join([str(row.verdict), ", ".join(row.deviations)]))


def _steps(steps: Sequence[StepTime]) -> list[str]:
    cells = [("seconds after the patch", "min", "median", "max", "seen in")] + [
        (
            shorten(one_line(step.step), 32),
            _time(step.least),
            _time(step.median),
            _time(step.most),
            f"{step.seen} of {plural(step.of, 'resize')}",
        )
        for step in steps
    ]
    widths = [max(columns(line[column]) for line in cells) for column in range(5)]
    return [
        "  "
        + "  ".join(
            [
                pad(line[0], widths[0]),
                *(pad(line[column], widths[column], right=True) for column in (1, 2, 3)),
                line[4],
            ]
        )
        for line in cells
    ]


def _time(seconds: float | None) -> str:
    return "–" if seconds is None else seconds_number(seconds)


def _total(run: Run, colour: bool) -> str:
    counted = count(run.verdicts)
    if not counted:
        return "no verdicts: nothing was executed"
    text = counts_text(counted)
    if colour:
        text = ", ".join(
            _paint(f"{number} {kind}", _COLOURS[kind]) for kind, number in counted.items()
        )
    total = f"{plural(len(run.verdicts), 'verdict')}: {text}"
    return total if run.executed else f"{total}; nothing was executed"


def _wrapped(text: str, width: int, *, indent: str, colour: str = "") -> list[str]:
    lines = wrap(one_line(text), width - len(indent), lines=_READING_LINES)
    return [indent + (_paint(line, colour) if colour else line) for line in lines]


def _paint(text: str, colour: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m"
