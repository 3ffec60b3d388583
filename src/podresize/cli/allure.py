"""``--allure``: results for an Allure report, where allure-pytest is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click

from podresize.cli.output import PEOPLE, Output
from podresize.errors import HostError, UsageError
from podresize_reports.allure_files import CATEGORIES, ENVIRONMENT, write_allure_files

# The files of an earlier run. What else is there (an Allure report's `history`) is somebody's.
_RESULTS = ("*-result.json", "*-container.json", "*-attachment.*", "*-globals.json")

allure_option = click.option(
    "--allure",
    "allure",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Also write results for an Allure report there, those of all targets; the results of an "
    "earlier run in it are removed. Needs allure-pytest: pip install podresize[allure].",
)


def begin_allure(directory: Path | None) -> list[str]:
    """Make room for the results of a run; return the options that have pytest write them.

    Raises ``UsageError`` where allure-pytest is not installed, ``HostError`` where the directory
    cannot be written.
    """
    if directory is None:
        return []
    if importlib.util.find_spec("allure_pytest") is None:
        raise UsageError(
            "allure-pytest, which writes the results for an Allure report, is not installed",
            value=str(directory),
            origin="--allure",
            causes=("podresize was installed without its extra",),
            next_command="pip install 'podresize[allure]'",
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for pattern in (*_RESULTS, ENVIRONMENT, CATEGORIES):
            for file in directory.glob(pattern):
                file.unlink()
    except OSError as error:
        raise _not_writable(directory, error) from error
    return [f"--alluredir={directory.resolve()}"]


def end_allure(directory: Path | None, records: Path, output: Output = PEOPLE) -> None:
    """Write what an Allure report has of the run as a whole. Raises ``HostError``."""
    if directory is None:
        return
    try:
        write_allure_files(records, directory, is_over=True)
    except OSError as error:
        raise _not_writable(directory, error) from error
    output.say(f"allure results: {directory}")


def _not_writable(directory: Path, error: OSError) -> HostError:
    return HostError(
        f"the Allure results cannot be written: {error.strerror}",
        value=str(error.filename or directory),
        origin="--allure",
        causes=("the disk is full", "the directory belongs to someone else"),
        next_command=f"ls -la {directory}",
    )
