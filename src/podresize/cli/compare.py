"""``podresize compare``: two bundles, or records of runs, beside each other, stack by stack."""

from __future__ import annotations

import shutil
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import click

from podresize.cli.output import Output, format_option
from podresize.errors import EXIT_OK, EXIT_UNEXPECTED, UsageError
from podresize.requirements.target import UNKNOWN
from podresize_reports.bundle import MANIFEST, RECORDS
from podresize_reports.comparing import compare as compare_stacks
from podresize_reports.comparison_text import comparison_json, comparison_table
from podresize_reports.contents import UnreadableError, contents
from podresize_reports.loading import Run, TargetRecord, load_strangers_run, read_run
from podresize_reports.required import stack_of
from podresize_reports.text import one_line
from podresize_reports.verifying import read_lines, verify_bundle

Stack = tuple[TargetRecord, ...]
_GATE = -1  # where ``stack_of`` has it


@click.command()
@click.argument("left", type=click.Path(path_type=Path))
@click.argument("right", type=click.Path(path_type=Path))
@click.option("--checks", is_flag=True, help="Name every check of a difference.")
@format_option
@click.option("--unverified", is_flag=True, help="Take a bundle that has a complaint, too.")
def compare(left: Path, right: Path, checks: bool, output: Output, unverified: bool) -> None:
    """Compare two runs, each a bundle, the directory of a run or its records.jsonl.

    Stacks of the same versions are put beside each other, with the clusters that their checks had
    for themselves; where each run has one stack, these. Exit code 1 when a verdict differs, or a
    stack of one run has no match in the other.
    """
    ours, theirs = (load(path, unverified=unverified) for path in (left, right))
    width = shutil.get_terminal_size((110, 24)).columns
    pairs = _pairs(ours, theirs, (left, right))
    found = [compare_stacks((ours, one), (theirs, other)) for one, other in pairs]
    alone = [
        (side, stack[0].label)
        for side, run, number in (("left", ours, 0), ("right", theirs, 1))
        for stack in _stacks(run)
        if stack not in [pair[number] for pair in pairs]
    ]
    differ = bool(alone) or any(each.differences for each in found)
    output.document(
        "podresize-comparison",
        left=_source(left, ours),
        right=_source(right, theirs),
        differ=differ,
        stacks=[comparison_json(each) for each in found],
        alone=[{"side": side, "stack": label} for side, label in alone],
    )
    if not output.is_json:
        for each in found:
            click.echo(comparison_table(each, width=width, checks=checks))
        for side, label in alone:
            click.echo(f"only {side}: {one_line(label)}")
    sys.exit(EXIT_UNEXPECTED if differ else EXIT_OK)


def _source(path: Path, run: Run) -> dict[str, str]:
    return {"source": str(path), "run": run.id, "podresize": run.version}


def load(path: Path, *, unverified: bool = False) -> Run:
    """Return the run of a bundle, of a records file, or of the directory that holds one.

    Raises ``UsageError`` for one that cannot be read, has no verdict, or is a bundle with a
    complaint, unless that is to be taken ``unverified``.
    """
    is_bundle = (path / MANIFEST).is_file() if path.is_dir() else _is_archive(path)
    run = _of_bundle(path, unverified) if is_bundle else _of_records(path)
    if not run.verdicts:
        raise UsageError(
            "the records hold no verdict",
            value=str(path),
            origin="the command line",
            causes=("the run ended before its first check", "it is another file"),
            next_command=f"head -c 300 {path / RECORDS if path.is_dir() else path}",
        )
    return run


def _is_archive(path: Path) -> bool:
    try:
        # A device or a pipe has no end to look at.
        return path.suffix == ".zip" or (path.is_file() and zipfile.is_zipfile(path))
    except OSError:
        return False


def _of_records(path: Path) -> Run:
    file = path / RECORDS if path.is_dir() else path
    try:
        return load_strangers_run(file)
    except OSError as error:
        raise UsageError(
            f"the records cannot be read: {error.strerror}",
            value=str(file),
            origin="the command line",
            causes=("a typing error in the path", "the run wrote them elsewhere (--out)"),
            next_command="ls reports/out",
        ) from None


def _of_bundle(path: Path, unverified: bool) -> Run:
    if unverified:
        try:
            return read_run(read_lines(contents(path)))
        except UnreadableError as error:
            why = str(error)
    else:
        found = verify_bundle(path)
        if not found.complaints and found.run is not None:
            return found.run
        first, more = found.complaints[0], len(found.complaints) - 1
        why = f"{first}{f', and {more} more' if more else ''}"
    raise UsageError(
        "the bundle has a complaint" if not unverified else "the bundle's records cannot be read",
        value=f"{path}: {why}",
        origin="the command line",
        causes=("it was cut short or changed", "it is of another release of podresize"),
        next_command=f"podresize verify {path}, or --unverified to take it as it is",
    )


def _pairs(ours: Run, theirs: Run, paths: tuple[Path, Path]) -> list[tuple[Stack, Stack]]:
    mine, other = _stacks(ours), _stacks(theirs)
    if len(mine) == len(other) == 1:
        return [(mine[0], other[0])]
    found = [(one, two) for one in mine for two in other if _are_alike(one, two)]
    # What is left over differs on purpose: a matrix before and after an upgrade, say.
    lone = [stack for stack in mine if stack not in [one for one, _ in found]]
    others = [stack for stack in other if stack not in [two for _, two in found]]
    for stack in lone:
        same = [each for each in others if _gate(each) == _gate(stack)]
        if len(same) == 1 and [_gate(each) for each in lone].count(_gate(stack)) == 1:
            found.append((stack, same[0]))
    if not found:
        raise UsageError(
            "the two runs have no stack in common",
            value=f"{paths[0]}: {_labels(mine)}; {paths[1]}: {_labels(other)}",
            origin="the command line",
            causes=("a stack is the same by its versions, OCI runtime and gate",),
            next_command="podresize compare of two runs of one stack each",
        )
    return found


def _labels(stacks: Iterable[Stack]) -> str:
    return " and ".join(one_line(stack[0].label) for stack in stacks)


def _stacks(run: Run) -> list[Stack]:
    """Return the targets that were checked, by what makes a stack; the run's own target first."""
    checked = {verdict.target for verdict in run.verdicts}
    found: dict[tuple[object, ...], list[TargetRecord]] = {}
    for target in run.targets:
        if target.label in checked:
            found.setdefault(stack_of(target), []).append(target)
    return [tuple(targets) for targets in found.values()]


def _gate(stack: Stack) -> object:
    return stack_of(stack[0])[_GATE]


def _are_alike(one: Stack, two: Stack) -> bool:
    """Whether nothing that was detected on both tells them apart."""
    pairs = zip(stack_of(one[0]), stack_of(two[0]), strict=True)
    return all(left == right or UNKNOWN in (left, right) for left, right in pairs)
