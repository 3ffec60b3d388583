"""Records: the JSON lines that every report is drawn from.

One line, one record, ``type`` first. The order in a file is the order of arrival: ``run``, then for
each target its ``target`` record, then ``verdict`` and ``timeline`` records as checks end, and
``end`` when the run was not cut short. A file without ``end`` is a run that died half way; every
complete line in it is still valid.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCHEMA = 1


class VerdictKind(enum.StrEnum):
    """The outcomes a requirement can have on a target (ARCHITECTURE.md, "Words")."""

    PASSED = "passed"
    FAILED = "failed"
    DEVIATION = "deviation"
    UNSUPPORTED = "unsupported"
    SKIPPED = "skipped"
    FLAKY = "flaky"
    ERROR = "error"

    @property
    def is_unexpected(self) -> bool:
        """True for the outcomes that make a run exit with 1."""
        return self in (VerdictKind.FAILED, VerdictKind.FLAKY, VerdictKind.ERROR)

    @property
    def is_executed(self) -> bool:
        """True when the requirement was really put to the target."""
        return self not in (VerdictKind.UNSUPPORTED, VerdictKind.SKIPPED)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRecord:
    """One requirement judged by one check on one target.

    ``requirement`` is a catalogue id ("ST-21"); ``title`` and ``clause`` its text and source;
    ``check`` the pytest node id; ``target`` the fingerprint's one-line form; ``seconds`` the time
    the check took; ``reading`` one line for people. ``deviation`` is the id of the catalogued
    departure when ``verdict`` is ``deviation``. ``text`` is the five-part failure text.
    ``witnesses`` maps api, cri and kernel to what each said, in one short phrase. ``timeline`` is
    the id of the ``timeline`` record that holds the evidence. ``facts`` gives, by step of the
    resize (proposed, in_progress, kernel, cri, status, done), the seconds after the patch at which
    it was first seen; a step that was not seen has no entry. ``guilty`` is who does wrong, where
    the witnesses tell (``attribution.Blame``). ``line`` is the line of the check's file where the
    check begins, from 1.
    """

    requirement: str
    level: str
    title: str
    clause: str
    check: str
    verdict: VerdictKind
    reading: str
    target: str
    seconds: float
    deviation: str | None = None
    text: str | None = None
    witnesses: dict[str, str] = dataclasses.field(default_factory=dict)
    timeline: str | None = None
    started: str | None = None
    facts: dict[str, float] = dataclasses.field(default_factory=dict)
    guilty: str | None = None
    line: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the record as a JSON object, ``type`` first."""
        return {"type": "verdict"} | dataclasses.asdict(self)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> VerdictRecord:
        """Rebuild from ``to_json``. Keys this version does not know are dropped."""
        known = {field.name for field in dataclasses.fields(cls)}
        values = {key: value for key, value in raw.items() if key in known}
        return cls(**(values | {"verdict": VerdictKind(raw["verdict"])}))


class RecordFile:
    """Append-only JSON lines file: each record is one ``write`` of one whole line.

    The line is flushed to the kernel at once, so a killed run loses at most the line in flight.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def append(self, record: dict[str, Any]) -> None:
        """Write one record. Raises ``OSError`` when the disk is full."""
        line = json.dumps(record, separators=(",", ":"), ensure_ascii=False) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


def now() -> str:
    """Return the wall clock time as records carry it: ISO 8601, UTC, whole seconds."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def new_run_id() -> str:
    """Return an id that sorts by time and can be part of a label or a file name."""
    return f"{datetime.datetime.now(datetime.UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def run_record(
    run_id: str, *, version: str, argv: list[str], options: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the record that opens a file: one file holds one run.

    ``options`` say what the run was to show: ``profiles`` and ``requirements``, lists of names, of
    which the latter narrows the former where it is not empty.
    """
    return {
        "type": "run",
        "schema": SCHEMA,
        "run": run_id,
        "started": now(),
        "version": version,
        "argv": argv,
        "options": options or {},
    }


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the complete records of a file; a torn last line is left out."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)
