"""``--format json``: what a machine reads on standard output, and nothing else there.

A command prints one document, whose ``kind`` says what it is; ``run`` and ``certify-runtime`` print
the records as they are written, one a line. All that is for people goes to standard error then. An
error is a document too, ``{"error": ...}``, on standard output, and the last line there. The
schemas: docs/schemas/terminal-1.json.
"""

from __future__ import annotations

import dataclasses
import enum
import itertools
import json
import math
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from podresize.errors import PodresizeError

SCHEMA = 1
_TEXT, _JSON = "text", "json"
_POLL_SECONDS = 0.2

format_option = click.option(
    "--format",
    "output",
    type=click.Choice([_TEXT, _JSON]),
    default=_TEXT,
    show_default=True,
    callback=lambda _ctx, _param, value: Output(is_json=value == _JSON),
    help="json: one JSON document on standard output, or JSON lines of a run; docs/terminal.md.",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where a command's words go."""

    is_json: bool

    def say(self, text: str, *, nl: bool = True) -> None:
        """Print what is for people: beside the JSON, on standard error."""
        click.echo(text, nl=nl, err=self.is_json)

    def document(self, kind: str, **fields: Any) -> None:
        """Print the document of a command, where JSON was asked for."""
        if self.is_json:
            emit({"kind": kind, "schema": SCHEMA, **fields})


PEOPLE = Output(is_json=False)


def emit(document: Mapping[str, Any]) -> None:
    """Print a JSON value on one line."""
    click.echo(json.dumps(plain(document), separators=(",", ":"), allow_nan=False))
    sys.stdout.flush()


def plain(value: Any) -> Any:
    """Return a value of ours as JSON knows it: paths as texts, sets in order, no infinity."""
    match value:
        case str():
            return str(value)
        case enum.Enum():
            return value.value
        case float() if not math.isfinite(value):
            return str(value)
        case None | bool() | int() | float():
            return value
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {
                field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
            }
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case set() | frozenset():
            return [plain(item) for item in sorted(value, key=str)]
        case Sequence():
            return [plain(item) for item in value]
    return str(value)


def is_json(arguments: Sequence[str]) -> bool:
    """Return whether a command line asks for JSON, also one that cannot be parsed."""
    own = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    pairs = itertools.pairwise(own)
    return f"--format={_JSON}" in own or ("--format", _JSON) in pairs


def emit_error(error: Exception, exit_code: int) -> None:
    """Print an error as a document: the parts of a message for people, and the exit code."""
    known = error if isinstance(error, PodresizeError) else None
    message = error.format_message() if isinstance(error, click.ClickException) else str(error)
    emit(
        {
            "error": {
                "what": message if known is None else known.what,
                "value": known and known.value,
                "origin": known and known.origin,
                "causes": [] if known is None else list(known.causes),
                "next": known and known.next_command,
                "exit": exit_code,
            }
        }
    )


class Following:
    """Prints the lines of a file of records as they are written: ``with Following(path):``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> Following:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._print_new()

    def _keep(self) -> None:
        while not self._ended.wait(_POLL_SECONDS):
            self._print_new()

    def _print_new(self) -> None:
        for line in self._new():
            click.echo(line, nl=False)
        sys.stdout.flush()

    def _new(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._at)
                for line in file:
                    if not line.endswith(b"\n"):
                        return  # it is being written
                    self._at += len(line)
                    yield line
        except FileNotFoundError:
            return
