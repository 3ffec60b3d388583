"""``podresize job``: the cells of a matrix as an Indexed Job, on the cluster that they check.

One index is one shard of one cell. Its pod runs ``podresize job index`` with the rights of
manifests/kubeconfig/rbac.yaml and writes a bundle into a volume that all share.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from podresize.artifacts.self_image import self_image
from podresize.cli.driving import EXIT_INTERRUPTED
from podresize.cli.job_objects import BUNDLES, KUBECONFIG, NAMESPACE, JobOptions, job_yaml
from podresize.cli.matrix_file import Cell, bad_matrix, read_matrix
from podresize.errors import EXIT_OK, HostError, UsageError
from podresize.manifests import manifests
from podresize.requirements.shard import Shard

INDEX = "JOB_COMPLETION_INDEX"
"""The variable in which Kubernetes tells a pod of an Indexed Job its number, from 0."""
_PROVIDER = "--provider=kubeconfig"
# What the Job gives a cell, since it knows it and the cell does not.
_OF_THE_JOB = ("--shard", "--kubeconfig", "--context")

matrix_option = click.option(
    "--matrix",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The cells (TOML).  [default: that of podresize, manifests/job-matrix.toml]",
)
shards_option = click.option(
    "--shards",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Into how many parts each cell is divided; every part is an index.",
)


@click.group()
def job() -> None:
    """Cells of a matrix as an Indexed Job of Kubernetes, on the cluster that they check."""


@job.command()
@matrix_option
@shards_option
@click.option("--image", required=True, metavar="IMAGE", help="podresize, as the nodes have it.")
@click.option("--name", default="podresize", show_default=True, metavar="NAME")
@click.option(
    "--server",
    default="https://kubernetes.default.svc",
    show_default=True,
    metavar="URL",
    help="The apiserver as a pod reaches it.",
)
@click.option(
    "--parallelism",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Pods at a time. Two on one node take each other's room.",
)
@click.option(
    "--claim",
    default="podresize-bundles",
    show_default=True,
    metavar="NAME",
    help="The PersistentVolumeClaim into which the bundles go.",
)
@click.option(
    "--node-directory",
    metavar="DIR",
    help="Make that claim too, of a directory of the node that user 65535 may write.",
)
def manifest(matrix: Path | None, **options: object) -> None:
    """Print the objects: a ConfigMap, the Job, and with --node-directory its volume.

    Apply manifests/kubeconfig/rbac.yaml before them.
    """
    place = matrix or manifests("job-matrix.toml")
    cells = read_cells(place)
    text = place.read_text(encoding="utf-8")
    found = JobOptions(cells=len(cells), matrix=text, **options)  # type: ignore[arg-type]  # click's
    click.echo(job_yaml(found), nl=False)


@job.command()
@click.argument("archive", type=click.Path(path_type=Path, dir_okay=False))
def image(archive: Path) -> None:
    """Write this podresize as an image, to ARCHIVE, for nodes that can pull from nowhere.

    `ctr -n k8s.io images import` and `docker load` read it. Its name is printed.
    """
    try:
        archive.parent.mkdir(parents=True, exist_ok=True)
        made = self_image(archive)
    except OSError as error:
        raise HostError(
            f"the image cannot be written: {error.strerror}",
            value=str(archive),
            origin="the command line",
            causes=("the disk is full", "the directory belongs to someone else"),
            next_command=f"df -h {archive.parent}",
        ) from error
    click.echo(made.name)


@job.command()
@matrix_option
@shards_option
@click.option(
    "--bundles",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(BUNDLES),
    show_default=True,
    metavar="DIR",
    help="Where the bundle goes, as <cell>-<i>-of-<n>.zip.",
)
def index(matrix: Path | None, shards: int, bundles: Path) -> None:
    """Run the part that is this pod's, by the variable JOB_COMPLETION_INDEX.

    A verdict that is unexpected does not make the pod fail: it is in the bundle, and a second try
    would not change it. Exit codes: 0 the bundle is there, else those of the run.
    """
    cells = read_cells(matrix or manifests("job-matrix.toml"))
    cell, shard = part_of(index_of(os.environ), cells, shards)
    place = bundles / f"{cell.name}-{shard.number}-of-{shard.of}.zip"
    if place.exists():
        click.echo(f"{place} is there already")
        return
    code = _call(command_of(cell, shard, place))
    sys.exit(EXIT_OK if place.exists() and code != EXIT_INTERRUPTED else code)


def read_cells(place: Path) -> list[Cell]:
    """Return the cells of a matrix for a Job. Raises ``UsageError`` for one that cannot be."""
    cells = read_matrix(place)
    for cell in cells:
        if cell.command[0] != "run" or _PROVIDER not in cell.command:
            raise bad_matrix(place, f"a pod can run no cluster: {cell.name} lacks {_PROVIDER}")
        for word in cell.command:
            if word.partition("=")[0] in _OF_THE_JOB:
                raise bad_matrix(place, f"the Job gives {cell.name} its own: {word}")
    return cells


def index_of(environment: Mapping[str, str]) -> int:
    """Return the pod's number, from 0. Raises ``UsageError`` where there is none."""
    text = environment.get(INDEX, "")
    if not (text.isascii() and text.isdecimal()):
        raise UsageError(
            "this is no pod of an Indexed Job",
            value=text or "it is not set",
            origin=INDEX,
            causes=("the Job has another completionMode", "it was started by hand"),
            next_command=f"{INDEX}=0 podresize job index",
        )
    return int(text)


def part_of(number: int, cells: Sequence[Cell], shards: int) -> tuple[Cell, Shard]:
    """Return the cell and the shard of an index: all shards of a cell follow each other.

    Raises ``UsageError`` for an index beyond the last.
    """
    if number >= len(cells) * shards:
        raise UsageError(
            "there is no part of that index",
            value=f"{number}, of {len(cells)} cells in {shards} shards",
            origin=INDEX,
            causes=("the Job has more completions than its matrix has parts",),
            next_command="podresize job manifest, which counts them",
        )
    return cells[number // shards], Shard(number % shards + 1, shards)


def command_of(cell: Cell, shard: Shard, bundle: Path) -> list[str]:
    """Return the command of podresize for a part: a cell's own words come first."""
    words = [*cell.command, f"--kubeconfig={KUBECONFIG}", f"--bundle={bundle}"]
    if not any(word.partition("=")[0] == "--namespace" for word in cell.command):
        words.append(f"--namespace={NAMESPACE}")
    # A cell in one part is a whole run, and its bundle needs no merge.
    return words if shard.of == 1 else [*words, f"--shard={shard}"]


def _call(command: Sequence[str]) -> int:
    return subprocess.run([sys.executable, "-m", "podresize", *command], check=False).returncode
