"""The lines of a records file that may be anybody's: never more than fits into memory.

JSON of few bytes can be many objects (``[[],[],[]`` is twenty times its size in memory), so what
separates values is counted before a line is parsed.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator

LARGEST_RECORDS = 128 << 20
"""Bytes; core on one target writes 5 MiB."""
LONGEST_LINE = 4 << 20
"""Bytes; the longest timelines have 80 KiB."""
MOST_VALUES = 4_000_000
"""Values of JSON; core on one target has 250,000."""
_OPENING = b",[{"


class TooLargeError(OSError):
    """Records that no run writes."""

    def __init__(self, why: str) -> None:
        super().__init__(errno.EFBIG, why)


def limited_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file, each with its end but for a torn one.

    Raises ``TooLargeError`` at a line that is too long, or once all have been too much.
    """
    size = values = 0
    rest = b""
    for block in blocks:
        size += len(block)
        if size > LARGEST_RECORDS:
            raise TooLargeError(f"the records are larger than {LARGEST_RECORDS >> 20} MiB")
        values += sum(block.count(sign) for sign in _OPENING)
        if values > MOST_VALUES:
            raise TooLargeError(f"the records hold more than {MOST_VALUES:,} values")
        *lines, rest = (rest + block).split(b"\n")
        if len(rest) > LONGEST_LINE or any(len(line) > LONGEST_LINE for line in lines):
            raise TooLargeError(f"a line of the records is longer than {LONGEST_LINE >> 20} MiB")
        for line in lines:
            yield line + b"\n"
    if rest:
        yield rest
