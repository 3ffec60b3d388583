"""``podresize nightly``: the cells of a matrix, a bundle of each, and what changed since."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from podresize.cli.driving import EXIT_INTERRUPTED
from podresize.cli.history import PAGE, history_option, regressions_json, write_page
from podresize.cli.matrix_file import Cell, chosen, read_matrix
from podresize.cli.output import Output, format_option
from podresize.errors import EXIT_OK, EXIT_UNEXPECTED, EXIT_USAGE, HostError
from podresize.evidence.records import new_run_id
from podresize.manifests import manifests
from podresize_reports.history.page import history_page
from podresize_reports.history.regression import Regression, regressions
from podresize_reports.history.report import report
from podresize_reports.history.store import History
from podresize_reports.text import plural
from podresize_reports.verifying import verify_bundle
from podresize_reports.write import write_atomically

_OUT = Path("reports/out/nightly")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A cell that was run: its exit code, seconds, and its bundle, None where it made none."""

    cell: Cell
    code: int
    seconds: float
    bundle: Path | None


@click.command()
@click.option(
    "--matrix",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The cells (TOML).  [default: that of podresize, manifests/matrix.toml]",
)
@click.option("--only", multiple=True, metavar="CELL", help="This cell; may be repeated.")
@click.option("--shard", metavar="I/N", help="Every Nth cell, from the Ith: for several jobs.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=_OUT,
    show_default=True,
    metavar="DIR",
    help="Where each night gets a directory, with its bundles and its report.",
)
@history_option
@format_option
def nightly(
    matrix: Path | None,
    only: tuple[str, ...],
    shard: str | None,
    out: Path,
    place: Path,
    output: Output,
) -> None:
    """Run the cells of a matrix one after the other, and report what changed on each stack.

    A cell that this host cannot run is told and passed over. Exit codes: 0 nothing is worse than
    before, 1 something is, or a cell made no bundle; 2 usage.
    """
    matrix = matrix or manifests("matrix.toml")
    cells = chosen(read_matrix(matrix), only, shard, matrix)
    with History.open(place):
        pass  # one that cannot be read is said before the night and not after it
    night = out / new_run_id()
    try:
        night.mkdir(parents=True)
    except OSError as error:
        raise HostError(
            f"the night's directory cannot be made: {error.strerror}",
            value=str(night),
            origin="--out or its default",
            causes=("the directory belongs to someone else", "the disk is full"),
            next_command=f"df -h {out.parent}",
        ) from error
    ran = []
    for number, cell in enumerate(cells, 1):
        output.say(f"[{number} of {len(cells)}] {cell.name} ", nl=False)
        ran.append(_run(cell, night))
        output.say(f"{ran[-1].seconds:.0f} s, exit code {ran[-1].code}")
        if ran[-1].code == EXIT_INTERRUPTED:
            sys.exit(EXIT_INTERRUPTED)
    text, page, is_worse, found = _reported(ran, place)
    output.say(text, nl=False)
    output.say(f"written: {write_atomically(night / 'nightly.txt', text.encode())}")
    output.say(f"written: {write_page(page, night / PAGE)}")
    cells_ran = [
        {"name": each.cell.name, "exit": each.code, "seconds": each.seconds, "bundle": each.bundle}
        for each in ran
    ]
    output.document(
        "podresize-night", is_worse=is_worse, cells=cells_ran, **regressions_json(found)
    )
    sys.exit(EXIT_UNEXPECTED if is_worse else EXIT_OK)


def _run(cell: Cell, night: Path) -> Ran:
    place, bundle = night / cell.name, night / f"{cell.name}.zip"
    place.mkdir()
    began = time.monotonic()
    with (place / "screen.txt").open("w", encoding="utf-8") as screen:
        code = _call([*cell.command, f"--out={place}", f"--bundle={bundle}"], screen)
    seconds = round(time.monotonic() - began, 1)
    return Ran(cell=cell, code=code, seconds=seconds, bundle=bundle if bundle.exists() else None)


def _call(command: Sequence[str], screen: io.TextIOWrapper) -> int:
    child = subprocess.Popen(
        [sys.executable, "-m", "podresize", *command],
        stdin=subprocess.DEVNULL,
        stdout=screen,
        stderr=subprocess.STDOUT,
    )
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.wait()  # Ctrl-C is the whole group's
        return EXIT_INTERRUPTED


def _reported(ran: Sequence[Ran], place: Path) -> tuple[str, bytes, bool, list[Regression]]:
    """Return the night's text, the history's page, whether somebody has to look, and what changed.

    What changed is that of each stack.
    """
    lines: list[str] = []
    runs: set[str] = set()
    is_worse = False
    with History.open(place) as history:
        for each in ran:
            problem = _taken_in(each, history, runs)
            if problem is not None:
                lines.append(f"{each.cell.name}: {problem}")
                is_worse = is_worse or each.code != EXIT_USAGE
        found = [each for each in regressions(history) if each.now.id in runs]
        page = history_page(history)
    head = f"{plural(len(ran), 'cell')}, {sum(each.seconds for each in ran) / 60:.0f} min"
    text = "\n".join([head, *lines, report(found)])
    return text, page, is_worse or any(each.is_worse for each in found), found


def _taken_in(each: Ran, history: History, runs: set[str]) -> str | None:
    """Take a cell's bundle into the history; return what kept it outside."""
    if each.bundle is None:
        return f"no bundle (exit code {each.code}): see its screen.txt"
    found = verify_bundle(each.bundle)
    if found.complaints or found.run is None:
        return f"its bundle has a complaint: {found.complaints[0]}"
    history.add(found.run, digest=found.digest)
    runs.add(found.run.id)
    return None
