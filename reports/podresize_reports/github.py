"""For GitHub's CI: an annotation for each thing that went wrong, and a summary of the job.

One root cause is one annotation: what fails of one requirement on one target by the same party's
fault is told once, with how many checks said so. The workflow commands' escapes keep what a pod
printed from being one, and of each kind there are no more than GitHub shows (GitHub Actions,
"Workflow commands for GitHub Actions"). A run that died, and one that executed nothing, are errors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize_reports.loading import Run
from podresize_reports.markdown import summary
from podresize_reports.summary import complaint
from podresize_reports.text import natural, one_line, plural, shorten

MOST = 10
"""GitHub shows no more of a kind for a step."""
SUMMARY_BYTES = 1 << 20
"""GitHub takes no more from a step: of a larger summary it shows nothing at all."""
_MESSAGE = 600
_PROPERTY = 200
_SIGNS = {VerdictKind.FAILED: "error", VerdictKind.FLAKY: "warning", VerdictKind.ERROR: "warning"}


def commands(run: Run) -> list[str]:
    """Return the lines that make GitHub show what went wrong, worst first.

    At most ``MOST`` of a kind; what is left out is counted in a notice.
    """
    causes: dict[tuple[VerdictKind, str, str, str], list[VerdictRecord]] = defaultdict(list)
    for verdict in run.verdicts:
        if verdict.verdict.is_unexpected:
            key = (verdict.verdict, verdict.requirement, verdict.target, verdict.guilty or "")
            causes[key].append(verdict)
    order = sorted(causes, key=lambda key: (list(_SIGNS).index(key[0]), natural(key[1]), *key[2:]))
    lines: dict[str, list[str]] = {"error": [], "warning": []}
    if wrong := complaint(run):
        lines["error"].append(_command("error", wrong, title="podresize"))
    for key in order:
        lines[_SIGNS[key[0]]].append(_of_cause(causes[key]))
    shown = [line for own in lines.values() for line in own[:MOST]]
    if left_out := sum(len(own) for own in lines.values()) - len(shown):
        shown.append(_command("notice", f"and {left_out} more, in the report", title="podresize"))
    return shown


def _of_cause(verdicts: list[VerdictRecord]) -> str:
    # Not the first that came: with several workers that is another one in each run.
    first = min(verdicts, key=lambda verdict: (natural(verdict.check), verdict.reading))
    title = f"{first.requirement} {first.verdict} on {first.target}"
    message = shorten(one_line(first.reading), _MESSAGE)
    checks = len({each.check for each in verdicts})
    if checks > 1:
        message += f" ({plural(checks, 'check')})"
    place = {"file": first.check.partition("::")[0]}
    if first.line is not None:
        place["line"] = str(first.line)
    return _command(_SIGNS[first.verdict], message, **place, title=title)


def _command(kind: str, message: str, **properties: str) -> str:
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    return f"::{kind} {given}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    shown = shorten(one_line(text), _PROPERTY)
    return _data(shown).replace(":", "%3A").replace(",", "%2C")


def tell(run: Run, environment: Mapping[str, str]) -> list[str]:
    """Return the annotations where this is GitHub's CI, and add the run to the job's summary.

    Raises ``OSError`` where the summary cannot be written.
    """
    if environment.get("GITHUB_ACTIONS") != "true":
        return []
    if place := environment.get("GITHUB_STEP_SUMMARY"):
        with Path(place).open("a", encoding="utf-8") as file:
            room = SUMMARY_BYTES - file.tell()
            file.write(summary(run, most_bytes=max(0, room)))
    return commands(run)
