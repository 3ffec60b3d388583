"""``podresize matrix``: requirement by target, over the records of one run or of several."""

from __future__ import annotations

from pathlib import Path

import click

from podresize.cli.compare import load
from podresize_reports.matrix import matrix as make_matrix
from podresize_reports.matrix import matrix_markdown, matrix_text


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--markdown", is_flag=True, help="As a table of Markdown.")
@click.option(
    "--differences",
    is_flag=True,
    help="Only the requirements of which not all targets are alike, with what was said of them.",
)
@click.option("--unverified", is_flag=True, help="Take a bundle that has a complaint, too.")
def matrix(runs: tuple[Path, ...], markdown: bool, differences: bool, unverified: bool) -> None:
    """Print what each target did with each requirement.

    RUNS are bundles, records.jsonl files or their directories; each target is a column, with the
    clusters that its checks had for themselves.
    """
    found = make_matrix([load(path, unverified=unverified) for path in runs])
    text = matrix_markdown if markdown else matrix_text
    click.echo(
        text(found.differences, reasons=True) if differences else text(found),
        nl=False,
    )
