"""The files of a bundle, read from a directory or an archive that nobody vouches for.

Nothing is unpacked. Names that lead elsewhere, links, devices and sizes that no run has are
complaints, and what a member says of its own size is not believed.
"""

from __future__ import annotations

import os
import stat
import weakref
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

LARGEST_FILE = 256 << 20
"""Bytes; the records of the largest profile are a tenth of it."""
LARGEST_BUNDLE = 1 << 30
"""Bytes that are read of one bundle, however its members overlap."""
MOST_FILES = 2000
_BLOCK = 1 << 20
# The directory of an archive with so many members, and room to spare.
_LARGEST_DIRECTORY = 4 << 20
# What podresize writes. Others can make gigabytes of one block, or want gigabytes to begin with.
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


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
    try:
        if path.is_dir():
            return _Directory(path)
        return _Archive(path)
    except FileNotFoundError:
        raise UnreadableError("there is no such file or directory") from None
    except PermissionError as error:
        raise UnreadableError(f"it may not be read: {error.strerror}") from None
    # A NotImplementedError is of an archive of a later format.
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UnreadableError(f"it is neither a directory nor a whole archive: {error}") from None


def open_plain(path: Path, *, follow: bool = True) -> IO[bytes]:
    """Open a plain file to read it. Raises ``OSError``, also for a pipe, device or directory.

    Without ``follow`` a link is refused as well. A pipe is not waited for.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is no plain file", str(path))
    return os.fdopen(descriptor, "rb")


def why_no_name(name: str) -> str | None:
    """Return what is wrong with a file's name; None for one that leads nowhere but into it."""
    path = PurePosixPath(name)
    if not name or "\\" in name or "\0" in name or name != str(path):
        return "it is not a plain path"
    if path.is_absolute() or ".." in path.parts:
        return "it leads out of the bundle"
    return None


class _Read:
    """How many bytes of a bundle were read."""

    def __init__(self) -> None:
        self._all = 0

    def limited(self, file: IO[bytes], name: str) -> Iterator[bytes]:
        size = 0
        while block := file.read(_BLOCK):
            size += len(block)
            self._all += len(block)
            if size > LARGEST_FILE:
                raise UnreadableError(f"{name} is larger than {LARGEST_FILE >> 20} MiB")
            if self._all > LARGEST_BUNDLE:
                raise UnreadableError(f"its files are larger than {LARGEST_BUNDLE >> 20} MiB")
            yield block


class _Directory:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._read = _Read()

    def names(self) -> list[str]:
        found: list[str] = []
        waiting = [self._root]
        seen = 0
        while waiting:
            directory = waiting.pop()
            for entry in self._entries(directory):
                seen += 1
                if seen > MOST_FILES:
                    raise UnreadableError(f"it has more than {MOST_FILES} files")
                name = Path(entry.path).relative_to(self._root).as_posix()
                if entry.is_symlink():
                    raise UnreadableError(f"{name} is a link")
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False):
                    found.append(name)
                else:
                    raise UnreadableError(f"{name} is no plain file")
        return sorted(found)

    def _entries(self, directory: Path) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(directory) as entries:
                yield from entries
        except OSError as error:
            name = directory.relative_to(self._root).as_posix()
            raise UnreadableError(f"the directory {name}: {error.strerror}") from None

    def blocks(self, name: str) -> Iterator[bytes]:
        try:
            with open_plain(self._root / name, follow=False) as file:
                yield from self._read.limited(file, name)
        except OSError as error:
            raise UnreadableError(f"{name}: {error.strerror}") from None


class _OneRead:
    """A file for ``ZipFile``, which reads the directory of an archive at once, however large."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if size > _LARGEST_DIRECTORY:
            raise UnreadableError("its list of files is larger than that of any bundle")
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class _Archive:
    def __init__(self, path: Path) -> None:
        file = open_plain(path)
        weakref.finalize(self, file.close)
        self._archive = zipfile.ZipFile(_OneRead(file))
        self._read = _Read()

    def names(self) -> list[str]:
        members = self._archive.infolist()
        if len(members) > MOST_FILES:
            raise UnreadableError(f"it has {len(members)} files, at most {MOST_FILES} are read")
        for member in members:
            # Of an archive made elsewhere the upper half may hold the mode of a file there.
            mode = member.external_attr >> 16
            if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
                raise UnreadableError(f"{member.filename!r} is no plain file")
            if member.compress_type not in _PACKED:
                raise UnreadableError(f"{member.filename!r} is packed as no bundle is")
        counts = Counter(member.filename for member in members if not member.is_dir())
        for name, count in sorted(counts.items()):
            if why := why_no_name(name):
                raise UnreadableError(f"the name {name!r}: {why}")
            if count > 1:
                raise UnreadableError(f"{name!r} is in it twice")
        return sorted(counts)

    def blocks(self, name: str) -> Iterator[bytes]:
        try:
            with self._archive.open(name) as file:
                yield from self._read.limited(file, name)
        except KeyError:
            raise UnreadableError(f"it has no {name}") from None
        # A RuntimeError is of a member that is encrypted or packed in a way that is not known here.
        except (
            *(OSError, zipfile.BadZipFile, zlib.error, ValueError, RuntimeError, EOFError),
        ) as error:
            raise UnreadableError(f"{name}: {error}") from None
