"""The last words of a guest that did not come up."""

from __future__ import annotations

import re
from pathlib import Path

_LINES = 12
_LONGEST = 300
# A terminal's colours and cursor movements, and what a serial line brings with them.
_CONTROL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[0-Z\\-~])|[\x00-\x08\x0b-\x1f\x7f]")
_OWN = "podresize"
LAST_WORDS = re.compile(rf"Kernel panic|^{_OWN}")
"""What a kernel that gives up begins with, and what the guest's own parts say: why it did."""


def last_lines(console: Path, count: int = _LINES) -> list[str]:
    """Return the last lines that a console said anything in; none where there is no such file."""
    try:
        text = console.read_bytes().decode(errors="replace")
    except OSError:
        return []
    lines = [_CONTROL.sub("", line).strip() for line in text.splitlines()]
    return [line[:_LONGEST] for line in lines if line][-count:]


def own_words(console: Path) -> str | None:
    """Return the last line in which the kernel or the guest's own parts say what is wrong."""
    said = [line for line in last_lines(console, 200) if LAST_WORDS.search(line)]
    return said[-1] if said else None
