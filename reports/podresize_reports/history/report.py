"""The regression report as text: what a team reads in the morning, worst first.

One root cause is one entry, whatever number of requirements it breaks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podresize.evidence.records import VerdictKind
from podresize_reports.alike import by_cause, cause
from podresize_reports.history.course import Flaky
from podresize_reports.history.regression import Change, Regression
from podresize_reports.history.slower import Slower
from podresize_reports.history.store import Standing
from podresize_reports.text import one_line, plural, seconds_text, shorten, wrap

_READING = 160
_WIDTH = 100
_LINES = 12


def report(found: Sequence[Regression]) -> str:
    """Return the report on all stacks, those with new failures first."""
    if not found:
        return "the history holds no run\n"
    worse = [each for each in found if each.is_worse]
    lines = [
        f"{plural(len(found), 'stack')}: "
        + (f"{len(worse)} worse than before" if worse else "none worse than before")
    ]
    for each in sorted(found, key=lambda each: not each.is_worse):
        lines += ["", one_line(each.label), *(f"  {line}" for line in changes_of(each))]
    return "\n".join(lines) + "\n"


def changes_of(found: Regression) -> Iterator[str]:
    """Yield the lines on one stack, without its label."""
    if found.before is None:
        yield f"{one_line(found.now.id)}: the first run here; there is nothing to compare with"
        return
    yield f"{one_line(found.now.id)} after {one_line(found.before.id)}"
    told = [*_sections(found), *_deviations(found)]
    told += [_flaky(each) for each in found.flaky]
    told += [line for each in found.slower for line in _slower(each)]
    yield from told or ["nothing changed"]
    for name, before, now in found.facets:
        yield f"changed beside: {one_line(name)} {one_line(before)} -> {one_line(now)}"


def _sections(found: Regression) -> Iterator[str]:
    for title, changes in (
        ("NEW FAILURES", found.new_failures),
        ("new requirements", found.new),
        ("fixed", found.fixed),
        ("failed before, a catalogued deviation now", found.excused),
        ("still failing", found.still_failing),
        ("gone", found.gone),
        ("not put to the target any more", found.unseen),
        ("put to the target now", found.seen),
    ):
        if changes:
            yield f"{title} ({len(changes)})"
            for same in _together(changes):
                yield from (f"  {line}" for line in _entry(same, title))


def _together(changes: Sequence[Change]) -> list[list[Change]]:
    """Return those of one cause together."""

    def key(change: Change) -> str:
        turn = f"{_kind(change.before)} -> {_kind(change.now)}"
        return f"{turn}, {change.since}: {_cause(_telling(change))}"

    return [same for _, same in by_cause(changes, key)]


def _telling(change: Change) -> Standing | None:
    """Return what says why: the newest run where something is to be said, else the one before."""
    now = change.now
    told = change.before if now is None or now.verdict is VerdictKind.PASSED else now
    return None if told is None or told.verdict is VerdictKind.PASSED else told


def _cause(told: Standing | None) -> str:
    if told is None:
        return ""
    found = cause(told.reading, told.deviations[0] if told.deviations else None)
    return found if told.verdict.is_executed else found.replace(told.requirement, "it")


def _kind(standing: Standing | None) -> str:
    return "absent" if standing is None else str(standing.verdict)


def _entry(same: Sequence[Change], title: str) -> Iterator[str]:
    first = same[0]
    told = _telling(first)
    names = ", ".join(one_line(change.requirement) for change in same)
    turn = f"{_kind(first.before)} -> {_kind(first.now)}"
    if title == "still failing" and first.since:
        turn += f", since {one_line(first.since)} ({plural(first.runs, 'run')})"
    if len(same) == 1:
        yield f"{names}  {turn}"
    else:
        yield f"{plural(len(same), 'requirement')}{' of one cause' if told else ''}  {turn}"
        yield from (f"    {line}" for line in wrap(names, _WIDTH, lines=_LINES))
    for change in same:
        if title == "NEW FAILURES" and change.flaky:
            yield f"    known to be flaky: {_rate(change.flaky)}"
    if told is not None:
        words = told.reading if len(same) == 1 else _cause(told)
        yield f"    {'' if told is first.now else 'was: '}{shorten(one_line(words), _READING)}"
        if told is first.now:
            yield f"    {one_line(told.check)}"


def _deviations(found: Regression) -> Iterator[str]:
    for title, pairs in (
        ("deviations that came", found.deviations_new),
        ("deviations that vanished", found.deviations_gone),
    ):
        by_id: dict[str, list[str]] = {}
        for deviation, requirement in pairs:
            by_id.setdefault(one_line(deviation), []).append(one_line(requirement))
        if by_id:
            said = (f"{one} ({', '.join(others)})" for one, others in by_id.items())
            yield f"{title}: " + "; ".join(said)


def _flaky(found: Flaky) -> str:
    return f"flaky: {_rate(found)}"


def _rate(found: Flaky) -> str:
    low, high = (f"{100 * each:.0f} %" for each in found.interval)
    share = f"{100 * found.wrong / found.runs:.0f} %"
    return (
        f"{one_line(found.requirement)} failed in {found.wrong} of {plural(found.runs, 'run')} "
        f"({share}; 95 % interval {low} to {high})"
    )


def _slower(found: Slower) -> Iterator[str]:
    usual = found.usual
    whose = "of another fingerprint" if found.beside else "of the same fingerprint"
    yield (
        f"slower: {one_line(found.step)} {seconds_text(found.now)}, "
        f"{found.now / usual.median if usual.median else float('inf'):.1f} times the median of "
        f"{plural(usual.runs, 'run')} {whose}, {seconds_text(usual.median)} "
        f"(robust deviation {seconds_text(usual.deviation)})"
    )
    for name, before, now in found.beside:
        yield f"    with it changed: {one_line(name)} {one_line(before)} -> {one_line(now)}"
