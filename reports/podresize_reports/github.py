"""For GitHub's CI: an annotation for each thing that went wrong, and a summary of the job.

One root cause is one annotation: what fails with the same reading on the same target is told once,
with how many checks said so. The workflow commands' escapes keep what a pod printed from being one
(GitHub Actions, "Workflow commands").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize_reports.loading import Run
from podresize_reports.markdown import summary
from podresize_reports.text import natural, one_line, plural, shorten

MOST = 10
"""GitHub shows no more of a kind for a step."""
_MESSAGE = 600
_SIGNS = {VerdictKind.FAILED: "error", VerdictKind.FLAKY: "warning", VerdictKind.ERROR: "warning"}


def commands(run: Run) -> list[str]:
    """Return the lines that make GitHub show what went wrong, worst first."""
    causes: dict[tuple[VerdictKind, str, str, str], list[VerdictRecord]] = defaultdict(list)
    for verdict in run.verdicts:
        if verdict.verdict.is_unexpected:
            key = (verdict.verdict, verdict.requirement, verdict.target, verdict.guilty or "")
            causes[key].append(verdict)
    order = sorted(causes, key=lambda key: (list(_SIGNS).index(key[0]), natural(key[1]), key[2]))
    lines = [_line(causes[key]) for key in order[:MOST]]
    if (more := len(order) - MOST) > 0:
        lines.append(f"::warning title=podresize::and {more} more, in the report")
    return lines


def _line(verdicts: list[VerdictRecord]) -> str:
    first = verdicts[0]
    title = f"{first.requirement} {first.verdict} on {first.target}"
    message = shorten(one_line(first.reading), _MESSAGE)
    checks = len({each.check for each in verdicts})
    if checks > 1:
        message += f" ({plural(checks, 'check')})"
    file = first.check.partition("::")[0]
    return (
        f"::{_SIGNS[first.verdict]} file={_property(file)},title={_property(title)}"
        f"::{_data(message)}"
    )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(one_line(text)).replace(":", "%3A").replace(",", "%2C")


def tell(run: Run, environment: Mapping[str, str]) -> list[str]:
    """Return the annotations where this is GitHub's CI, and add the run to the job's summary.

    Raises ``OSError`` where the summary cannot be written.
    """
    if environment.get("GITHUB_ACTIONS") != "true":
        return []
    if place := environment.get("GITHUB_STEP_SUMMARY"):
        with Path(place).open("a", encoding="utf-8") as file:
            file.write(summary(run))
    return commands(run)
