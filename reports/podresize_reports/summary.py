"""What a run comes to: one row per requirement and target, step times, one sentence.

The terminal, the page and later the certificate say the same because they ask the same functions.
A requirement that several checks judged is as good as its worst verdict, and says how many of
each there were: a mean would hide the one that failed.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize_reports.loading import Run
from podresize_reports.text import natural, one_line, plural, shorten

# Worst first of what was put to the target, then what was not: a requirement that some checks could
# put to it and others could not is shown by the former.
SEVERITY = (
    VerdictKind.FAILED,
    VerdictKind.ERROR,
    VerdictKind.FLAKY,
    VerdictKind.DEVIATION,
    VerdictKind.PASSED,
    VerdictKind.SKIPPED,
    VerdictKind.UNSUPPORTED,
)

SIGNS = {
    VerdictKind.PASSED: "✓",
    VerdictKind.FAILED: "✗",
    VerdictKind.ERROR: "!",
    VerdictKind.FLAKY: "~",
    VerdictKind.DEVIATION: "◆",
    VerdictKind.SKIPPED: "–",
    VerdictKind.UNSUPPORTED: "○",
}
"""A verdict is told by its sign and its word as well as by its colour."""

# The steps of a resize in the order in which a conformant stack shows them.
STEPS = {
    "patched": "API accepts the patch",
    "proposed": "Proposed",
    "allocated": "node admits the requests",
    "in_progress": "InProgress",
    "asked": "kubelet asks the runtime",
    "answered": "runtime has answered",
    "kernel": "kernel has the values",
    "cri": "runtime reports them",
    "status": "status.resources follows",
    "done": "resize done",
    "sampling_gap": "(cgroups not read for)",
}

DIED = "The run died half way: this is what it had recorded."
NOTHING_EXECUTED = "Nothing was executed."

_OTHERWISE = {
    VerdictKind.FAILED: "failed",
    VerdictKind.ERROR: "could not be judged (harness)",
    VerdictKind.FLAKY: "did not hold every time",
    VerdictKind.SKIPPED: "skipped",
    VerdictKind.UNSUPPORTED: "not supported by the target",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One requirement on one target; ``verdicts`` are worst first, ``verdict`` is the worst."""

    requirement: str
    level: str
    title: str
    clause: str
    target: str
    verdict: VerdictKind
    verdicts: tuple[VerdictRecord, ...]

    @property
    def deviations(self) -> tuple[str, ...]:
        """The catalogued deviations seen, each once, in natural order."""
        return tuple(sorted({v.deviation for v in self.verdicts if v.deviation}, key=natural))

    @property
    def slowest(self) -> float:
        """Seconds of the slowest check: checks share a cluster, so their sum means little."""
        return max(v.seconds for v in self.verdicts)

    @property
    def reading(self) -> str:
        """The reading of the worst verdict."""
        return self.verdicts[0].reading

    @property
    def checks(self) -> str:
        """``4 checks`` when all agree, ``1 failed, 3 passed`` when not; races are counted."""
        counted = count(self.verdicts)
        if len(counted) == 1:
            text = plural(len(self.verdicts), "check")
        else:
            text = ", ".join(f"{number} {kind}" for kind, number in counted.items())
        raced = sum(v.verdict is VerdictKind.PASSED and bool(v.deviation) for v in self.verdicts)
        return f"{text}, {plural(raced, 'race')}" if raced else text


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StepTime:
    """How long after the patch a step was seen, over the ``of`` resizes of a target."""

    step: str
    seen: int
    of: int
    least: float | None
    median: float | None
    most: float | None


def count(verdicts: Iterable[VerdictRecord]) -> dict[VerdictKind, int]:
    """Return how many there are of each kind that occurs, worst first."""
    counted = Counter(verdict.verdict for verdict in verdicts)
    return {kind: counted[kind] for kind in SEVERITY if counted[kind]}


def worst_first(verdict: VerdictRecord) -> tuple[object, ...]:
    """Return a sort key: the worst verdict first, then by check; equal for equal records."""
    clean = verdict.deviation is None  # of what is passed, that with a race tells more
    return (SEVERITY.index(verdict.verdict), clean, natural(verdict.check), verdict.reading)


def rows(run: Run) -> tuple[Row, ...]:
    """Return one row per target and requirement: targets as they came, requirements by id."""
    groups: dict[tuple[str, str], list[VerdictRecord]] = defaultdict(list)
    for verdict in run.verdicts:
        groups[verdict.target, verdict.requirement].append(verdict)
    order = {target.label: position for position, target in enumerate(run.targets)}
    found = []
    for target, requirement in sorted(groups, key=lambda key: (order[key[0]], natural(key[1]))):
        verdicts = sorted(groups[target, requirement], key=worst_first)
        found.append(
            Row(
                requirement=requirement,
                level=verdicts[0].level,
                title=verdicts[0].title,
                clause=verdicts[0].clause,
                target=target,
                verdict=verdicts[0].verdict,
                verdicts=tuple(verdicts),
            )
        )
    return tuple(found)


def silent(run: Run) -> tuple[str, ...]:
    """Return the requirements that a target could show and no check of the run put to any.

    Every check of such a one was skipped: that its row is not red says nothing of the target.
    """
    kinds: dict[str, set[VerdictKind]] = defaultdict(set)
    for verdict in run.verdicts:
        kinds[verdict.requirement].add(verdict.verdict)
    return tuple(
        sorted(
            (
                id_
                for id_, seen in kinds.items()
                if VerdictKind.SKIPPED in seen and not any(kind.is_executed for kind in seen)
            ),
            key=natural,
        )
    )


def resizes(run: Run, target: str) -> dict[str, dict[str, float]]:
    """Return the facts of each resize of a target that has any, by its timeline or check.

    Several requirements are read off one resize: it is counted once.
    """
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for verdict in run.verdicts:
        if verdict.target == target and verdict.facts:
            found[verdict.timeline or verdict.check].update(verdict.facts)
    return dict(found)


def steps_of(facts: Iterable[dict[str, float]]) -> list[str]:
    """Return the steps in the order of a conformant stack, then those that this does not know."""
    measured = {step for each in facts for step in each}
    return [*STEPS, *sorted(measured - STEPS.keys())]


def step_times(run: Run, target: str) -> tuple[StepTime, ...]:
    """Return the times of each step on a target; empty when no check measured any."""
    measured = list(resizes(run, target).values())
    found = []
    for step in steps_of(measured) if measured else ():
        times = [facts[step] for facts in measured if step in facts]
        found.append(
            StepTime(
                step=STEPS.get(step, step),
                seen=len(times),
                of=len(measured),
                least=min(times, default=None),
                median=statistics.median(times) if times else None,
                most=max(times, default=None),
            )
        )
    return tuple(found)


def counts_text(counted: dict[VerdictKind, int]) -> str:
    """Return ``1 failed, 4 deviation, 20 passed``."""
    return ", ".join(f"{number} {kind}" for kind, number in counted.items()) or "no verdicts"


def tone(run: Run) -> VerdictKind:
    """Return the verdict that the whole run stands for: its worst, ``error`` when it died."""
    if not run.complete or not run.executed:
        worst = {v.verdict for v in run.verdicts} | {VerdictKind.ERROR}
    else:
        # A skip does not colour a run in which other things were shown.
        worst = {v.verdict for v in run.verdicts if v.verdict.is_executed}
    return next(kind for kind in SEVERITY if kind in worst)


def complaint(run: Run) -> str | None:
    """Return why the run as a whole shows nothing, or not all; None where it does.

    For reports in which a run is its cases: those before its death would look like all of them.
    """
    if not run.complete:
        return DIED
    return None if run.executed else NOTHING_EXECUTED


def headline(run: Run) -> str:
    """Return the verdict on the run in one short sentence."""
    if not run.executed:
        return NOTHING_EXECUTED
    found = rows(run)
    broken = [row for row in found if row.verdict in (VerdictKind.FAILED, VerdictKind.FLAKY)]
    unjudged = [row for row in found if row.verdict is VerdictKind.ERROR]
    # An error is the harness's: it is never said to be the target's as long as it stands alone.
    if worst := broken or unjudged:
        names = _names(row.requirement for row in worst)
        verb = "did not hold" if broken else "could not be judged"
        return f"{names} {verb}{_where({row.target for row in worst}, run)}."
    if not run.complete:
        return "The run died half way."
    if all(row.verdict is VerdictKind.PASSED for row in found):
        return f"Every requirement is met{_where({row.target for row in found}, run)}."
    return "Nothing unexpected."


def detail(run: Run) -> str:
    """Return the sentence that follows the headline: how much is met and what is not."""
    found = rows(run)
    kinds = Counter(row.verdict for row in found)
    met = f"{kinds[VerdictKind.PASSED]} of {plural(len(found), 'result')} meet the requirement"
    parts = [met]
    if raced := [row for row in found if row.verdict is VerdictKind.PASSED and row.deviations]:
        seen = sorted({d for row in raced for d in row.deviations}, key=natural)
        parts.append(f"{len(raced)} of them but for a known race ({', '.join(seen)})")
    if deviating := [row for row in found if row.verdict is VerdictKind.DEVIATION]:
        catalogued = sorted({d for row in deviating for d in row.deviations}, key=natural)
        named = f" ({', '.join(catalogued)})" if catalogued else ""
        does = "does" if len(deviating) == 1 else "do"
        parts.append(f"{len(deviating)} {does} not, by a known deviation{named}")
    for kind, words in _OTHERWISE.items():
        if kinds[kind]:
            parts.append(f"{kinds[kind]} {words}")
    if run.executed and (unseen := silent(run)):
        parts.append(f"no check put {_names(unseen)} to a target that could show it")
    died = "" if run.complete else f" {DIED}"
    return "; ".join(parts) + "." + died


def sentence(run: Run) -> str:
    """Return headline and detail together."""
    return f"{headline(run)} {detail(run)}"


def _where(targets: Collection[str], run: Run) -> str:
    if len(run.targets) == 1:
        return ""
    if len(targets) == len(run.targets):
        return f" on all {len(targets)} targets"
    return f" on {len(targets)} of {len(run.targets)} targets"


def _names(requirements: Iterable[str]) -> str:
    names = [shorten(one_line(name), 40) for name in sorted(set(requirements), key=natural)]
    if len(names) > 4:
        return f"{len(names)} requirements"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
