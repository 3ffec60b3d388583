"""``podresize history``: bundles taken into a history, and what changed since the run before."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from podresize.cli.bundle import refuse_nothing
from podresize.cli.output import Output, format_option, plain
from podresize.errors import EXIT_OK, EXIT_UNEXPECTED, UsageError
from podresize_reports.history.regression import LAST_RUNS, Regression, regressions
from podresize_reports.history.report import report as report_text
from podresize_reports.history.store import History, no_history
from podresize_reports.text import one_line, plural
from podresize_reports.verifying import verify_bundle

_HISTORY = Path("reports/out/history.sqlite")

history_option = click.option(
    "--history",
    "place",
    type=click.Path(path_type=Path, dir_okay=False),
    default=_HISTORY,
    show_default=True,
    metavar="FILE",
)


def regressions_json(found: Sequence[Regression]) -> dict[str, Any]:
    """Return what changed on each stack, as ``--format json`` has it."""
    return {"stacks": [{"is_worse": each.is_worse, **plain(each)} for each in found]}


@click.group()
def history() -> None:
    """Runs of many nights, and what changed from one to the next."""


@history.command()
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
@history_option
@click.option("--rebuild", is_flag=True, help="Begin the history anew, with these bundles alone.")
def add(bundles: tuple[Path, ...], place: Path, rebuild: bool) -> None:
    """Take bundles into the history. Each is verified first; one with a complaint stays outside.

    A run that is known is taken in anew. Exit codes: 0 all are in, 1 a bundle had a complaint.
    """
    for bundle in bundles:
        refuse_nothing(bundle)
    refused = 0
    # Until the new one is whole, the old one stays.
    new = place.with_name(f".{place.name}.new") if rebuild else place
    if rebuild:
        new.unlink(missing_ok=True)
    with History.open(new) as kept:
        for bundle in bundles:
            found = verify_bundle(bundle)
            if found.complaints or found.run is None:
                refused += 1
                for complaint in found.complaints[:3]:
                    click.echo(f"{bundle}: {complaint}", err=True)
                continue
            is_new = kept.add(found.run, digest=found.digest)
            click.echo(f"{bundle}: {one_line(found.run.id)}{'' if is_new else ', anew'}")
    if rebuild:
        new.replace(place)
    if refused:
        click.echo(f"{plural(refused, 'bundle')} left out", err=True)
    sys.exit(EXIT_UNEXPECTED if refused else EXIT_OK)


@history.command()
@history_option
@click.option(
    "--last",
    type=click.IntRange(min=2),
    default=LAST_RUNS,
    show_default=True,
    help="Compare with so many runs before.",
)
@format_option
def report(place: Path, last: int, output: Output) -> None:
    """Print what changed on each stack with its newest run.

    Exit codes: 0 nothing is worse, 1 something fails that did not, 2 usage.
    """
    if not place.exists():
        raise UsageError(
            "there is no such history",
            value=str(place),
            origin="--history",
            causes=("no bundle was added yet",),
            next_command="podresize history add bundle.zip",
        )
    try:
        with History.open(place) as kept:
            found = regressions(kept, last=last)
    # A history is a file like any other: somebody may have written into it.
    except (LookupError, ValueError, TypeError) as error:
        raise no_history(place, f"what it holds makes no sense ({error})") from None
    output.document("podresize-regressions", **regressions_json(found))
    if not output.is_json:
        click.echo(report_text(found), nl=False)
    sys.exit(EXIT_UNEXPECTED if any(each.is_worse for each in found) else EXIT_OK)
