"""The regression report as text: what a team reads in the morning, worst first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podresize_reports.history.regression import Change, Regression
from podresize_reports.text import one_line, plural, seconds_text, shorten

_READING = 160


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
        lines += ["", *_stack(each)]
    return "\n".join(lines) + "\n"


def _stack(found: Regression) -> Iterator[str]:
    yield one_line(found.label)
    if found.before is None:
        yield f"  {found.now.id}: the first run here; there is nothing to compare with"
        return
    yield f"  {found.now.id} after {found.before.id}"
    sections = (
        ("NEW FAILURES", found.new_failures),
        ("new requirements", found.new),
        ("fixed", found.fixed),
        ("still failing", found.still_failing),
        ("gone", found.gone),
    )
    calm = True
    for title, changes in sections:
        if changes:
            calm = False
            yield f"  {title} ({len(changes)})"
            for change in changes:
                yield from _change(change, is_old=title == "still failing")
    for title, pairs in (
        ("deviations that came", found.deviations_new),
        ("deviations that vanished", found.deviations_gone),
    ):
        if pairs:
            calm = False
            yield f"  {title}: " + ", ".join(f"{one} ({other})" for one, other in pairs)
    for flaky in found.flaky:
        calm = False
        low, high = (f"{100 * each:.0f} %" for each in flaky.interval)
        yield (
            f"  flaky: {flaky.requirement} failed in {flaky.wrong} of {flaky.runs} runs "
            f"(rate {low} to {high})"
        )
    for slower in found.slower:
        calm = False
        yield (
            f"  slower: {slower.step} {seconds_text(slower.now)}, median of {slower.runs} runs "
            f"{seconds_text(slower.median)} (deviation {seconds_text(slower.deviation)})"
        )
    if calm:
        yield "  nothing changed"
    for name, before, now in found.facets:
        yield f"  changed beside: {name} {one_line(before)} -> {one_line(now)}"


def _change(change: Change, *, is_old: bool) -> Iterator[str]:
    before = "absent" if change.before is None else str(change.before.verdict)
    now = "absent" if change.now is None else str(change.now.verdict)
    since = f", since {change.since}" if is_old and change.since else ""
    yield f"    {change.requirement}  {before} -> {now}{since}"
    told = change.now or change.before
    if told is not None and (told is change.now) and now not in ("passed", "absent"):
        yield f"        {shorten(one_line(told.reading), _READING)}"
        yield f"        {one_line(told.check)}"
