"""``podresize report``: the reports of a run drawn again from its records, as far as they go.

A run that is killed leaves its records and no reports. CI systems collect them in a step of their
own, which runs whatever became of the one before.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from podresize.cli.allure import end_allure
from podresize.cli.driving import commands_unread, show_table
from podresize.errors import HostError, UsageError
from podresize_reports import github
from podresize_reports.bundle import MANIFEST, RECORDS
from podresize_reports.loading import Run, load_run
from podresize_reports.markdown import markdown
from podresize_reports.write import write_atomically, write_reports

SUMMARY = "summary.md"


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where junit.xml, index.html and summary.md go.  [default: beside the records]",
)
@click.option(
    "--allure",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="Also bring the Allure results there, of the same run, up to date: environment, "
    "categories, and a broken result where the run died.",
)
def report(run: Path, out: Path | None, allure: Path | None) -> None:
    """Draw the reports of a run again: of one that was killed, or by a newer podresize.

    RUN is its records.jsonl or the directory of that. What the records lack the reports say: that
    the run died half way, and lines that are torn. In GitHub's CI the job gets annotations and a
    summary, as from the run itself.

    Exit codes: 0 the reports are written, whatever they say; 2 usage or host.
    """
    records = run / RECORDS if run.is_dir() else run
    out = out or records.parent
    if (out / MANIFEST).exists():
        raise UsageError(
            "a bundle's reports are those that it was made with",
            value=str(out),
            origin="the command line",
            causes=("the directory is a bundle, and its manifest names the hash of each report",),
            next_command=f"podresize report {run} --out <another directory>",
        )
    seen = _read(records)
    try:
        written = write_reports(records, out)
        written.append(write_atomically(out / SUMMARY, markdown(seen)))
        told = github.tell(seen, os.environ)
    except OSError as error:
        raise HostError(
            f"the reports cannot be written: {error.strerror}",
            value=str(error.filename or out),
            origin="--out or the directory of the records",
            causes=("the disk is full", "the directory belongs to someone else"),
            next_command=f"podresize report {run} --out <another directory>",
        ) from error
    for line in told:
        click.echo(line)
    with commands_unread():
        show_table(seen)
    click.echo(f"written: {', '.join(map(str, written))}")
    end_allure(allure, records)


def _read(records: Path) -> Run:
    try:
        seen = load_run(records)
    except OSError as error:
        raise UsageError(
            f"the records cannot be read: {error.strerror}",
            value=str(records),
            origin="the command line",
            causes=("it is another directory", "the run wrote them elsewhere (--out)"),
            next_command="ls reports/out",
        ) from None
    if not seen.id and not seen.verdicts:
        raise UsageError(
            "there is no record of a run in this file",
            value=str(records),
            origin="the command line",
            causes=("it is another file", "the run died before it had begun"),
            next_command="ls reports/out",
        )
    return seen
