"""Data files that people edit by hand: lists of mappings, read so that every mistake is told."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from typing import Any, TypeVar

import yaml

from podresize.errors import UsageError

ID = re.compile(r"[A-Z]{1,4}-\d{2,3}")
_Entry = TypeVar("_Entry")
_Enum = TypeVar("_Enum", bound=enum.StrEnum)

# libyaml's, ten times as fast, where it is built in: each of a dozen workers reads the catalogue.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_list(
    text: str, origin: str, build: Callable[[Reader], _Entry], *, id_: re.Pattern[str] = ID
) -> dict[str, _Entry]:
    """Return what is built of each mapping of a YAML list, by id. Raises ``UsageError``."""
    try:
        entries = yaml.load(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise bad("a catalogue file is not YAML", str(error), origin) from error
    if not isinstance(entries, list):
        raise bad("a catalogue file must hold a list", type(entries).__name__, origin)
    result: dict[str, _Entry] = {}
    for number, raw in enumerate(entries, start=1):
        reader = Reader(raw, f"{origin}, entry {number}")
        identity = reader.text("id")
        reader.origin = f"{origin}, {identity}"
        if not id_.fullmatch(identity):
            raise bad(f"an id reads like {id_.pattern}", identity, reader.origin)
        if identity in result:
            raise bad("an id occurs twice", identity, origin)
        result[identity] = build(reader)
        reader.close()
    return result


def bad(what: str, value: str, origin: str) -> UsageError:
    """Return the error of a mistake in a data file."""
    return UsageError(what, value=value, origin=origin, causes=("a mistake in the catalogue",))


class Reader:
    """One mapping of the file; ``close`` refuses the keys nobody asked for."""

    def __init__(self, raw: Any, origin: str) -> None:
        if not isinstance(raw, dict):
            raise bad("an entry must be a mapping", str(raw), origin)
        self.raw: dict[Any, Any] = raw
        self.origin = origin
        self.read: set[Any] = set()

    def optional(self, key: str, default: Any) -> Any:
        """Return what a key holds, or the default."""
        self.read.add(key)
        return self.raw.get(key, default)

    def text(self, key: str) -> str:
        """Return a text, its white space made single."""
        value = self.optional(key, None)
        if not isinstance(value, str) or not value.strip():
            raise bad(f"{key!r} must be a text", str(value), self.origin)
        return " ".join(value.split())

    def words(self, key: str) -> frozenset[str]:
        """Return a list of words; empty without the key."""
        value = self.optional(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise bad(f"{key!r} must be a list of words", str(value), self.origin)
        return frozenset(value)

    def one_of(self, key: str, kind: type[_Enum], default: _Enum | None = None) -> _Enum:
        """Return one value of an enumeration."""
        if default is not None and key not in self.raw:
            return default
        value = self.text(key)
        try:
            return kind(value)
        except ValueError:
            raise bad(f"{key!r} has no such value", value, self.origin) from None

    def close(self) -> None:
        """Refuse the keys that nobody asked for."""
        for key in self.raw.keys() - self.read:
            raise bad("an unknown key", str(key), self.origin)
