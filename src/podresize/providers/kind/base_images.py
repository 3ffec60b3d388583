"""The images that another runtime is put on: out of the engine, which pulls what it lacks."""

from __future__ import annotations

from pathlib import Path

from podresize.artifacts.progress import Progress
from podresize.errors import HostError
from podresize.providers.kind.engine import Engine

# An image of kindest/node has about a gigabyte.
_PULL_SECONDS = 1800.0
_SAVE_SECONDS = 600.0


def save_base(engine: Engine, name: str, target: Path, *, progress: Progress) -> None:
    """Write an image of the engine to an archive, pulled first where the engine does not have it.

    Raises ``HostError`` for an image that can be had nowhere.
    """
    if not _has(engine, name):
        with progress.work(f"{name}: pulling into {engine.name}", unit="images"):
            _pull(engine, name)
    with progress.work(f"{name}: saving", unit="images"):
        engine.run("save", "--output", str(target), name, seconds=_SAVE_SECONDS)


def _has(engine: Engine, name: str) -> bool:
    try:
        engine.run("image", "inspect", "--format", "{{.Id}}", name)
    except HostError:
        return False
    return True


def _pull(engine: Engine, name: str) -> None:
    try:
        engine.run("pull", name, seconds=_PULL_SECONDS)
    except HostError as error:
        raise HostError(
            "The base image is not in the container engine, and it cannot be pulled.",
            value=name,
            origin="--base",
            causes=(
                f"{engine.name} pull: {error.what.removeprefix('the container engine refused: ')}",
                "no way from here to its registry: an image of podresize's own needs none "
                "(podresize artifacts get node-image, without --base)",
                "a typing error in its name",
            ),
            next_command=f"{engine.name} load --input ARCHIVE_OF_THE_IMAGE",
        ) from error
