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
def matrix(runs: tuple[Path, ...], markdown: bool) -> None:
    """Print what each target did with each requirement.

    RUNS are records.jsonl files or their directories; each target is a column.
    """
    found = make_matrix([load(path) for path in runs])
    click.echo(matrix_markdown(found) if markdown else matrix_text(found), nl=False)
