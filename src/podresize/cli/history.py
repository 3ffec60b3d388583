"""``podresize history``: bundles taken into a history, and what changed since the run before."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from podresize.cli.bundle import refuse_nothing
from podresize.cli.output import Output, format_option, plain
from podresize.errors import EXIT_OK, EXIT_UNEXPECTED, HostError, UsageError
from podresize_reports.history.page import MOST_RUNS, SHOWN_RUNS, history_page
from podresize_reports.history.regression import LAST_RUNS, Regression, regressions
from podresize_reports.history.report import report as report_text
from podresize_reports.history.store import History, no_history
from podresize_reports.text import one_line, plural
from podresize_reports.verifying import verify_bundle
from podresize_reports.write import write_atomically

_HISTORY = Path("reports/out/history.sqlite")
PAGE = "history.html"

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
    with _rebuilt(place) if rebuild else History.open(place) as kept:
        refused = _take_in(kept, bundles)
    if refused:
        click.echo(f"{plural(refused, 'bundle')} left out", err=True)
    sys.exit(EXIT_UNEXPECTED if refused else EXIT_OK)


def _take_in(kept: History, bundles: tuple[Path, ...]) -> int:
    """Take in the bundles without a complaint; return how many have one."""
    refused = 0
    for bundle in bundles:
        found = verify_bundle(bundle)
        if found.complaints or found.run is None:
            refused += 1
            for complaint in found.complaints[:3]:
                click.echo(f"{bundle}: {complaint}", err=True)
            continue
        is_new = kept.add(found.run, digest=found.digest)
        click.echo(f"{bundle}: {one_line(found.run.id)}{'' if is_new else ', anew'}")
    return refused


@contextlib.contextmanager
def _rebuilt(place: Path) -> Iterator[History]:
    """Yield a new history, which takes the place of the old one when all bundles are in."""
    History.refuse_other_file(place)
    fresh = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        with History.open(fresh) as kept:
            yield kept
        fresh.replace(place)
    finally:
        fresh.unlink(missing_ok=True)


last_option = click.option(
    "--last",
    type=click.IntRange(min=2),
    default=LAST_RUNS,
    show_default=True,
    help="Compare with so many runs before.",
)


@history.command()
@history_option
@last_option
@format_option
def report(place: Path, last: int, output: Output) -> None:
    """Print what changed on each stack with its newest run.

    Exit codes: 0 nothing is worse, 1 something fails that did not, 2 usage.
    """
    _refuse_nothing(place)
    with _making_sense(place), History.open(place) as kept:
        found = regressions(kept, last=last)
    output.document("podresize-regressions", **regressions_json(found))
    if not output.is_json:
        click.echo(report_text(found), nl=False)
    sys.exit(EXIT_UNEXPECTED if any(each.is_worse for each in found) else EXIT_OK)


@history.command()
@history_option
@last_option
@click.option(
    "--shown",
    type=click.IntRange(min=2, max=MOST_RUNS),
    default=SHOWN_RUNS,
    show_default=True,
    help="Draw so many runs of each stack.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="Where the page goes; history.html in it where that is a directory.",
)
def page(place: Path, last: int, shown: int, out: Path) -> None:
    """Write the history as one page: what changed, requirement by run, and the steps' times.

    It opens anywhere, without a network. Exit codes: 0 written, 2 usage or host.
    """
    _refuse_nothing(place)
    with _making_sense(place), History.open(place) as kept:
        content = history_page(kept, shown=shown, last=last)
    click.echo(f"written: {write_page(content, out / PAGE if out.is_dir() else out)}")


@contextlib.contextmanager
def _making_sense(place: Path) -> Iterator[None]:
    # A history is a file like any other: somebody may have written into it.
    try:
        yield
    except (LookupError, ValueError, TypeError) as error:
        raise no_history(place, f"what it holds makes no sense ({error})") from None


def write_page(content: bytes, place: Path) -> Path:
    """Write the page of a history. Raises ``HostError`` where that cannot be."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        return write_atomically(place, content)
    except OSError as error:
        raise HostError(
            f"the page cannot be written: {error.strerror}",
            value=str(place),
            origin="--out or its default",
            causes=("the directory belongs to someone else", "the disk is full"),
            next_command=f"df -h {place.parent}",
        ) from error


def _refuse_nothing(place: Path) -> None:
    if not place.exists():
        raise UsageError(
            "there is no such history",
            value=str(place),
            origin="--history",
            causes=("no bundle was added yet",),
            next_command="podresize history add bundle.zip",
        )
