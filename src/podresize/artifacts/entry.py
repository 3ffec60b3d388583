"""One cached thing as the index describes it: a JSON file per entry."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

from podresize.artifacts.artifact import Component, Source

_SCHEMA = 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One file of an entry: what it must be (``sha256``, ``size``) and how it lay when stored."""

    sha256: str
    size: int
    mtime_ns: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One component of one version, architecture and source.

    ``stored_at`` and ``used_at`` (the last time it was handed out) are Unix seconds.
    """

    component: Component
    version: str
    arch: str
    source: Source
    stored_at: float
    files: dict[str, Stored]
    used_at: float = 0.0

    @property
    def size(self) -> int:
        """The bytes of all its files."""
        return sum(file.size for file in self.files.values())

    def __str__(self) -> str:
        return f"{self.component} {self.version} {self.arch} ({self.source})"


def entry_text(entry: Entry) -> str:
    """Return an entry as the JSON document that ``read_entry`` reads."""
    document = {"schema": _SCHEMA} | dataclasses.asdict(entry)
    del document["used_at"]  # the index file's own time
    return json.dumps(document, indent=1) + "\n"


def read_entry(path: Path) -> Entry | None:
    """Return the entry that an index file describes, ``None`` where it describes none.

    An entry of a newer podresize, or one that somebody edited, is as good as none.
    """
    try:
        raw = json.loads(path.read_text("utf-8"))
        if raw.pop("schema") != _SCHEMA:
            return None
        raw |= {"component": Component(raw["component"]), "source": Source(raw["source"])}
        raw["files"] = {name: Stored(**file) for name, file in raw["files"].items()}
        return Entry(**raw | {"used_at": path.stat().st_mtime})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def entry_order(entry: Entry) -> tuple[str, list[int], str, str, str]:
    """Return the key by which entries are shown: component, version, architecture, source."""
    # Numbers as numbers: 1.6.8 comes before 1.6.36.
    numbers = [int(number) for number in re.findall(r"\d+", entry.version)]
    return (entry.component, numbers, entry.version, entry.arch, entry.source)
