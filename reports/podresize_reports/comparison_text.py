"""A comparison as text, for a person or an issue, and as JSON, for a program."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from podresize_reports.comparing import Comparison, Timing
from podresize_reports.differing import CHECKS_ALONE, Cause, Difference, causes
from podresize_reports.steps import StepShift
from podresize_reports.text import one_line, pad, plural, seconds_number, wrap

_READING_LINES = 3
_NAMES_LINES = 12


def comparison_table(comparison: Comparison, *, width: int = 100, checks: bool = False) -> str:
    """Return the comparison as plain text, ending in newline; with each check of a difference."""
    lines = [
        *_labels("left", comparison.left.label, width),
        *_labels("right", comparison.right.label, width),
    ]
    if comparison.facets:
        lines += ["", "detected otherwise: left | right", *_facets(comparison.facets, width)]
    lines.append("")
    total = sum(comparison.same.values())
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(comparison.same.items()))
    lines.append(f"{plural(total, 'verdict')} the same on both: {counts or 'none'}")
    lines.append(f"{plural(len(comparison.differences), 'difference')}")
    for section, found in comparison.sections:
        verdicts = [each for cause in found for each in cause.differences]
        requirements = len({each.requirement for each in verdicts})
        head = f"{plural(len(verdicts), 'verdict')} of {plural(requirements, 'requirement')}"
        lines += ["", f"{section}: {head}"]
        for cause in found:
            lines += _cause(cause, width, checks)
    if comparison.missed:
        lines += ["", "seen on one side alone, since it lasts for milliseconds:"]
        for cause in causes(comparison.missed):
            lines += _cause(cause, width, checks)
    for timing in comparison.timings:
        lines += ["", *_timing(timing, width)]
    return "\n".join(lines) + "\n"


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as an object of docs/comparing.md."""
    return {
        "left": comparison.left.label,
        "right": comparison.right.label,
        "detected": [
            {"path": path, "left": left, "right": right} for path, left, right in comparison.facets
        ],
        "same": dict(sorted(comparison.same.items())),
        "differences": len(comparison.differences),
        "sections": [
            {"section": str(section), "causes": [_cause_json(each) for each in found]}
            for section, found in comparison.sections
        ],
        "missed": [_cause_json(each) for each in causes(comparison.missed)],
        "timings": [
            {"settings": timing.settings, "steps": [_step_json(each) for each in timing.steps]}
            for timing in comparison.timings
        ],
    }


def _labels(side: str, label: str, width: int) -> Iterator[str]:
    first, *rest = wrap(one_line(label), width - 7, lines=_READING_LINES)
    yield f"{pad(side, 5)}  {first}"
    yield from (f"       {line}" for line in rest)


def _facets(facets: Sequence[tuple[str, str, str]], width: int) -> Iterator[str]:
    shown = [tuple(map(one_line, each)) for each in facets]
    room = max(len(name) for name, *_ in shown)
    for name, left, right in shown:
        text = f"  {pad(name, room)}  {left} | {right}"
        if len(text) <= width:
            yield text
        else:
            yield f"  {name}"
            yield from (f"      {line}" for line in wrap(left, width - 6, lines=_READING_LINES))
            yield from (f"    | {line}" for line in wrap(right, width - 6, lines=_READING_LINES))


def _cause(cause: Cause, width: int, checks: bool) -> Iterator[str]:
    names = ", ".join(map(one_line, cause.requirements))
    turn = f"{cause.left} | {cause.right}"
    first = cause.differences[0]
    if len(cause.differences) == 1:
        yield f"  {names}  {turn}  {one_line(first.check)}"
        yield from _said(first.reading, width)
        return
    number = f"{plural(len(cause.differences), 'verdict')} of {plural(cause.checks, 'check')}"
    if len(names) + len(turn) + len(number) + 8 <= width:
        yield f"  {names}  {turn}  {number}"
    else:
        yield f"  {turn}  {number}"
        yield from (f"    {line}" for line in wrap(names, width - 4, lines=_NAMES_LINES))
    if first.section in CHECKS_ALONE:
        yield f"      {one_line(cause.cause)}"
        return
    yield from _said(_words(cause), width)
    if checks:
        for each in cause.differences:
            yield f"        {one_line(each.requirement)}  {one_line(each.check)}"


def _words(cause: Cause) -> str:
    """Return the cause, and with a deviation's id what it reads."""
    first = cause.differences[0]
    if cause.cause.startswith("deviation ") and not first.reading.startswith("deviation "):
        return f"{cause.cause}: {first.reading}"
    return cause.cause


def _said(reading: str, width: int) -> Iterator[str]:
    said = wrap(one_line(reading), width - 6, lines=_READING_LINES)
    yield from (f"      {line}" for line in said if line)


def _timing(timing: Timing, width: int) -> Iterator[str]:
    where = f"seconds after the patch, in checks of both runs; {one_line(timing.settings)}"
    yield from wrap(where, width, lines=_READING_LINES)
    head = ("step", "left p50", "p90", "right p50", "p90", "right/left", "95 %", "resizes", "")
    cells = [head, *map(_step, timing.steps)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        numbers = (pad(row[at], widths[at], right=True) for at in range(1, 8))
        yield "  ".join(["", pad(row[0], widths[0]), *numbers, row[8]]).rstrip()


def _step(each: StepShift) -> tuple[str, ...]:
    return (
        one_line(each.step),
        *map(seconds_number, (each.left.p50, each.left.p90, each.right.p50, each.right.p90)),
        f"{each.ratio:.3g}",
        "{:.3g}..{:.3g}".format(*each.interval),
        f"{each.left.number}, {each.right.number}",
        says(each).upper(),
    )


def says(step: StepShift) -> str:
    """Return ``slower``, ``faster`` or nothing: what the right side is."""
    return "slower" if step.is_slower else "faster" if step.is_faster else ""


def _cause_json(found: Cause) -> dict[str, Any]:
    return {
        "cause": found.cause,
        "left": found.left,
        "right": found.right,
        "requirements": list(found.requirements),
        "verdicts": [_verdict_json(each) for each in found.differences],
    }


def _verdict_json(each: Difference) -> dict[str, str]:
    return {
        "requirement": each.requirement,
        "check": each.check,
        "left": each.left,
        "right": each.right,
        "reading": each.reading,
    }


def _step_json(each: StepShift) -> dict[str, Any]:
    return {
        "step": each.step,
        "left": dataclasses.asdict(each.left),
        "right": dataclasses.asdict(each.right),
        "ratio": each.ratio,
        "interval": list(each.interval),
        "says": says(each),
    }
