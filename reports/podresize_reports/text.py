"""Text from elsewhere, made safe to show, and the few formats all reports share.

Readings, node ids and above all what a pod printed come from outside. A terminal obeys escape
sequences, XML 1.0 forbids most control characters, and a bidirectional override can make a line
read as its opposite. Every report passes such text through ``clean`` so that all of them show the
same thing for the same record.
"""

from __future__ import annotations

import functools
import re
import textwrap
import unicodedata

# C0 and C1 controls, marks and overrides of direction, surrogates without a partner, and the two
# code points that XML 1.0 leaves out of its character range.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def clean(text: str, *, keep: str = "\n\t") -> str:
    """Return the text with unsafe characters shown as pictures of themselves (ESC as ``␛``)."""

    def picture(match: re.Match[str]) -> str:
        character = match.group()
        if character in keep:
            return character
        code = ord(character)
        if code < 0x20:
            return chr(0x2400 + code)
        return "\u2421" if code == 0x7F else "\ufffd"

    # What Python calls printable has no control, no mark of direction and no lone surrogate in it.
    return text if text.isprintable() else _UNSAFE.sub(picture, text)


def one_line(text: str) -> str:
    """Return the text cleaned and with every run of white space as one space."""
    return " ".join(clean(text).split())


def shorten(text: str, limit: int) -> str:
    """Return at most ``limit`` characters, the last one an ellipsis when something is missing."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def fit(text: str, width: int) -> str:
    """Return at most ``width`` terminal columns, an ellipsis last when something is missing."""
    if columns(text) <= width:
        return text
    room, kept = max(0, width - 1), ""
    for character in text:
        room -= columns(character)
        if room < 0:
            break
        kept += character
    return (kept.rstrip() + "…")[: max(0, width)]


def columns(text: str) -> int:
    """Return how many terminal columns the text takes: wide characters two, combining ones none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Return the text filled with spaces to ``width`` columns; ``right`` aligns it right."""
    fill = " " * max(0, width - columns(text))
    return fill + text if right else text + fill


def wrap(text: str, width: int, *, lines: int) -> list[str]:
    """Return the text in one to ``lines`` lines; a wide character is counted as two columns."""
    # textwrap counts characters: text with wide ones gets half the room, which is always enough.
    room = width if columns(text) <= len(text) else max(8, width // 2)
    found = textwrap.wrap(text, max(8, room)) or [""]
    if len(found) > lines:
        found = [*found[: lines - 1], shorten(found[lines - 1] + " …", max(8, room))]
    return found


def seconds_text(seconds: float) -> str:
    """Return seconds with the digits that matter: ``0.012 s``, ``0.11 s``, ``45.2 s``."""
    return f"{seconds_number(seconds)} s"


def seconds_number(seconds: float) -> str:
    """Return the same without its unit, for columns whose heading names it."""
    digits = 3 if abs(seconds) < 0.1 else 2 if abs(seconds) < 10 else 1
    return f"{seconds:.{digits}f}"


def plural(count: int, noun: str) -> str:
    """Return ``1 check`` or ``4 checks``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


@functools.lru_cache(maxsize=16384)  # sorted by it again and again, the same few names
def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key under which ST-9 comes before ST-21."""
    return tuple(
        (0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part)
        for part in re.split(r"([0-9]{1,9})", text)
        if part
    )
