"""The words that a run was started with, as its records have them."""

from __future__ import annotations

from collections.abc import Iterable


def without_options(words: Iterable[str], *names: str) -> tuple[str, ...]:
    """Return the words without some options that take a value, as ``--name=x`` or ``--name x``."""
    kept, skips = [], False
    for word in words:
        name, equals, _ = word.partition("=")
        if skips:
            skips = False
        elif name.startswith("--") and name[2:] in names:
            skips = not equals
        else:
            kept.append(word)
    return tuple(kept)
