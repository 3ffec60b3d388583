"""The cells of a night, or of an Indexed Job: a TOML file of names and commands of podresize."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from podresize.errors import UsageError
from podresize.requirements.shard import Shard

_NAME = re.compile(r"[\w.-]+")
_COMMANDS = ("run", "certify-runtime")
_NOT_OF_A_CELL = ("--out", "--bundle")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One run of a night: its name, and the command of podresize without where it writes."""

    name: str
    command: tuple[str, ...]


def read_matrix(place: Path) -> list[Cell]:
    """Return the cells of a matrix file. Raises ``UsageError`` for one that is malformed."""
    try:
        cells = tomllib.loads(place.read_text(encoding="utf-8")).get("cell")
    except (OSError, ValueError) as error:
        raise bad_matrix(place, f"it cannot be read: {error}") from None
    if not isinstance(cells, list) or not cells:
        raise bad_matrix(place, "it has no [[cell]]")
    found: list[Cell] = []
    for each in cells:
        cell = _cell(place, each)
        if cell.name in [other.name for other in found]:
            raise bad_matrix(place, f"two cells are named {cell.name}")
        found.append(cell)
    return found


def _cell(place: Path, raw: Any) -> Cell:
    if not isinstance(raw, dict) or raw.keys() != {"name", "command"}:
        raise bad_matrix(place, f"a cell has name and command: {raw!r}")
    name, command = raw["name"], raw["command"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise bad_matrix(place, f"a name is of letters, digits, dots and dashes: {name!r}")
    if not isinstance(command, list) or not all(isinstance(word, str) for word in command):
        raise bad_matrix(place, f"the command of {name} is a list of words")
    if not command or command[0] not in _COMMANDS:
        raise bad_matrix(place, f"the command of {name} begins with {' or '.join(_COMMANDS)}")
    for word in command:
        if word.partition("=")[0] in _NOT_OF_A_CELL:
            raise bad_matrix(place, f"where {name} writes is the night's: {word}")
    return Cell(name=name, command=tuple(command))


def chosen(cells: list[Cell], only: Sequence[str], shard: str | None, place: Path) -> list[Cell]:
    """Return the cells that are asked for. Raises ``UsageError`` where that is none."""
    known = {cell.name: cell for cell in cells}
    for name in only:
        if name not in known:
            raise bad_matrix(place, f"there is no cell {name}; all: {', '.join(known)}")
    wanted = [known[name] for name in only] or cells
    if shard is None:
        return wanted
    part = Shard.parse(shard)
    return wanted[part.number - 1 :: part.of]


def bad_matrix(place: Path, why: str) -> UsageError:
    """Return the error for a matrix that cannot be used."""
    return UsageError(
        "this is no matrix of cells",
        value=f"{place}: {why}",
        origin="--matrix",
        causes=("a typing error", "it is another file"),
        next_command="podresize nightly --help",
    )
