"""``podresize compare``: two records files beside each other, target by target."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from podresize.cli.output import Output, format_option
from podresize.errors import EXIT_OK, EXIT_UNEXPECTED, UsageError
from podresize.requirements.target import UNKNOWN
from podresize_reports.comparing import Comparison, comparison_table
from podresize_reports.comparing import compare as compare_targets
from podresize_reports.loading import Run, TargetRecord, load_strangers_run

# What makes two targets the same but for where they run.
_SAME = (
    *("kubernetes", "kubelet", "runtime", "runtime_version", "oci_runtime", "gate"),
    *("cpu_manager_policy", "memory_manager_policy", "sync_seconds"),
)


@click.command()
@click.argument("left", type=click.Path(path_type=Path))
@click.argument("right", type=click.Path(path_type=Path))
@format_option
def compare(left: Path, right: Path, output: Output) -> None:
    """Compare the verdicts of two runs, each given as its records.jsonl or its directory.

    Targets of the same versions and policies are put beside each other, those of checks with a
    cluster of their own too; where each run has one target, these. Exit code 1 when a verdict
    differs, or a target of one run has no match in the other.
    """
    ours, theirs = load(left), load(right)
    width = shutil.get_terminal_size((110, 24)).columns
    pairs = _pairs(ours, theirs, (left, right))
    differ = False
    shown: list[Comparison] = []
    alone: dict[str, list[str]] = {"left": [], "right": []}
    for one, other in pairs:
        comparison = compare_targets((ours, one), (theirs, other))
        shown.append(comparison)
        if not output.is_json:
            click.echo(comparison_table(comparison, width=width))
        differ = differ or bool(comparison.differences)
    for side, run, number in (("left", ours, 0), ("right", theirs, 1)):
        for target in _with_verdicts(run):
            if target not in [pair[number] for pair in pairs]:
                alone[side].append(target.label)
                if not output.is_json:
                    click.echo(f"only {side}: {target.label}")
                differ = True
    output.document(
        "podresize-comparison",
        targets=[
            {
                "left": each.left.label,
                "right": each.right.label,
                "facets": [
                    dict(zip(("name", "left", "right"), one, strict=True)) for one in each.facets
                ],
                "same": each.same,
                "differences": each.differences,
                "missed": each.missed,
            }
            for each in shown
        ],
        only=alone,
    )
    sys.exit(EXIT_UNEXPECTED if differ else EXIT_OK)


def load(path: Path) -> Run:
    """Return the run that a records file, or the directory that holds it, tells of.

    Raises ``UsageError`` for one that cannot be read or has no verdict.
    """
    file = path / "records.jsonl" if path.is_dir() else path
    try:
        run = load_strangers_run(file)
    except OSError as error:
        raise UsageError(
            f"the records cannot be read: {error.strerror}",
            value=str(file),
            origin="the command line",
            causes=("a typing error in the path", "the run wrote them elsewhere (--out)"),
            next_command="ls reports/out",
        ) from None
    if not run.verdicts:
        raise UsageError(
            "the records hold no verdict",
            value=str(file),
            origin="the command line",
            causes=("the run ended before its first check", "it is another file"),
            next_command=f"head -c 300 {file}",
        )
    return run


def _pairs(
    ours: Run, theirs: Run, paths: tuple[Path, Path]
) -> list[tuple[TargetRecord, TargetRecord]]:
    mine, other = _with_verdicts(ours), _with_verdicts(theirs)
    if len(mine) == len(other) == 1:
        return [(mine[0], other[0])]
    found = [(one, two) for one in mine for two in other if _are_alike(one, two)]
    if not found:
        raise UsageError(
            "the two runs have no target in common",
            value=f"{paths[0]}: {len(mine)} targets, {paths[1]}: {len(other)}",
            origin="the command line",
            causes=(f"a target is the same by {', '.join(_SAME)}",),
            next_command=f"grep '\"target\"' {paths[0]}",
        )
    return found


def _with_verdicts(run: Run) -> list[TargetRecord]:
    """Return the targets that were checked."""
    counts: dict[str, int] = {}
    for verdict in run.verdicts:
        counts[verdict.target] = counts.get(verdict.target, 0) + 1
    return [target for target in run.targets if counts.get(target.label)]


def _are_alike(one: TargetRecord, two: TargetRecord) -> bool:
    """Whether nothing that was detected on both tells them apart."""
    for name in _SAME:
        left, right = one.fingerprint.get(name), two.fingerprint.get(name)
        if left != right and UNKNOWN not in (left, right):
            return False
    return True
