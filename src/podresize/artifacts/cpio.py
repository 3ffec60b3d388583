"""An archive of the kernel's own kind, for the first file system of a guest.

The format is "newc" of Documentation/driver-api/early-userspace/buffer-format.rst: a header of
thirteen numbers in eight hexadecimal digits each, the name, the bytes, all filled up to four bytes.
Written here, so that device files need no root, and the same files give the same bytes.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

Content = bytes | Path | str | tuple[int, int] | None
"""A file's bytes, the file that has them, a link's target, a character device's two numbers, or
None for a directory."""

_END = "TRAILER!!!"


def write_cpio(target: Path, entries: dict[str, tuple[Content, int]]) -> None:
    """Write files, links and devices by place with their permissions, and all directories above.

    Owner is root, the time is 0.
    """
    parents = {str(up) for place in entries for up in PurePosixPath(place).parents} - {"."}
    with target.open("wb") as file:
        number = 0
        for number, place in enumerate(sorted(parents | entries.keys()), start=1):
            _write(file, number, place, *entries.get(place, (None, 0o755)))
        _record(file, number + 1, _END, mode=0)


def _write(file: BinaryIO, number: int, place: str, content: Content, permissions: int) -> None:
    match content:
        case None:
            _record(file, number, place, mode=stat.S_IFDIR | permissions, links=2)
        case str():
            _record(file, number, place, mode=stat.S_IFLNK | permissions, data=content.encode())
        case tuple():
            _record(file, number, place, mode=stat.S_IFCHR | permissions, device=content)
        case bytes():
            _record(file, number, place, mode=stat.S_IFREG | permissions, data=content)
        case _:
            data = content.read_bytes()
            _record(file, number, place, mode=stat.S_IFREG | permissions, data=data)


def _record(
    file: BinaryIO,
    number: int,
    place: str,
    *,
    mode: int,
    links: int = 1,
    data: bytes = b"",
    device: tuple[int, int] = (0, 0),
) -> None:
    name = place.encode() + b"\0"
    # inode, mode, uid, gid, links, time, size, the file system's device, its own device, the name's
    # length, and a checksum that this kind of archive has not.
    numbers: Iterable[int] = (
        *(number, mode, 0, 0, links, 0, len(data)),
        *(0, 0, *device, len(name), 0),
    )
    header = b"070701" + b"".join(b"%08X" % each for each in numbers)
    file.write(_filled(header + name) + _filled(data))


def _filled(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
