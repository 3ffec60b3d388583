"""The files of a bundle, read from a directory or an archive that nobody vouches for.

Nothing is unpacked. Names that lead elsewhere, links, and sizes that no run has are complaints, and
what a member says of its own size is not believed.
"""

from __future__ import annotations

import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

LARGEST_FILE = 256 << 20
"""Bytes; the records of the largest profile are a tenth of it."""
MOST_FILES = 2000
_BLOCK = 1 << 20


class UnreadableError(Exception):
    """A bundle that cannot be read at all, in words for people."""


class Contents(Protocol):
    """The files of a bundle by their names, parts joined by slashes."""

    def names(self) -> list[str]:
        """Return the name of each file, in order."""

    def blocks(self, name: str) -> Iterator[bytes]:
        """Yield what a file holds. Raises ``UnreadableError``, also where it is too large."""


def contents(path: Path) -> Contents:
    """Return the files of a bundle. Raises ``UnreadableError`` for what is none."""
    if path.is_dir():
        return _Directory(path)
    try:
        return _Archive(path)
    except FileNotFoundError:
        raise UnreadableError("there is no such file or directory") from None
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise UnreadableError(f"it is neither a directory nor a whole archive: {error}") from None


def why_no_name(name: str) -> str | None:
    """Return what is wrong with a file's name; None for one that leads nowhere but into it."""
    path = PurePosixPath(name)
    if not name or "\\" in name or "\0" in name or name != str(path):
        return "it is not a plain path"
    if path.is_absolute() or ".." in path.parts:
        return "it leads out of the bundle"
    return None


class _Directory:
    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> list[str]:
        found = []
        for path in sorted(self._root.rglob("*")):
            if path.is_symlink():
                raise UnreadableError(f"{path.relative_to(self._root)} is a link")
            if not path.is_dir():
                found.append(path.relative_to(self._root).as_posix())
            if len(found) > MOST_FILES:
                raise UnreadableError(f"it has more than {MOST_FILES} files")
        return found

    def blocks(self, name: str) -> Iterator[bytes]:
        try:
            with (self._root / name).open("rb") as file:
                yield from _limited(file, name)
        except OSError as error:
            raise UnreadableError(f"{name}: {error.strerror}") from None


class _Archive:
    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path)

    def names(self) -> list[str]:
        members = self._archive.infolist()
        if len(members) > MOST_FILES:
            raise UnreadableError(f"it has {len(members)} files, at most {MOST_FILES} are read")
        names = [member.filename for member in members if not member.is_dir()]
        for member in members:
            # Of an archive made elsewhere the upper half may hold the mode of a file there.
            mode = member.external_attr >> 16
            if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
                raise UnreadableError(f"{member.filename!r} is no plain file")
        for name in sorted(names):
            if why := why_no_name(name):
                raise UnreadableError(f"the name {name!r}: {why}")
            if names.count(name) > 1:
                raise UnreadableError(f"{name!r} is in it twice")
        return sorted(names)

    def blocks(self, name: str) -> Iterator[bytes]:
        try:
            with self._archive.open(name) as file:
                yield from _limited(file, name)
        # A RuntimeError is of a member that is encrypted or packed in a way that is not known here.
        except (
            *(OSError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError, EOFError),
        ) as error:
            raise UnreadableError(f"{name}: {error}") from None


def _limited(file: IO[bytes], name: str) -> Iterator[bytes]:
    size = 0
    while block := file.read(_BLOCK):
        size += len(block)
        if size > LARGEST_FILE:
            raise UnreadableError(f"{name} is larger than {LARGEST_FILE >> 20} MiB")
        yield block
