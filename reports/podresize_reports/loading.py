"""A records file, read into a ``Run`` that every report is drawn from.

A run can die at any moment, and its records are then most wanted. So nothing in the file makes
reading fail: a torn or broken line is left out and listed in ``Run.problems``, which each report
shows; a record type of a later version is passed over in silence.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import NoneType
from typing import Any

from podresize.evidence.claims import RELATIONS, Claim
from podresize.evidence.records import SCHEMA, VerdictRecord
from podresize.evidence.timeline import Timeline
from podresize.evidence.updates.update import Update
from podresize_reports.contents import open_plain
from podresize_reports.lines import limited_lines
from podresize_reports.text import natural

_BLOCK = 1 << 20
_LISTED = 20  # a file of rubbish must not make a report of rubbish
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_TEXTS = ("requirement", "level", "title", "clause", "check", "reading", "target")
_OPTIONAL_TEXTS = ("deviation", "text", "timeline", "started", "guilty")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TargetRecord:
    """One target of the run: its one-line label, what was detected, how it met the host.

    ``own``: a cluster of some checks' own, beside those that the run was asked for.
    """

    label: str
    fingerprint: dict[str, Any] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    own: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRecord:
    """One timeline with the check and the target it belongs to."""

    timeline: Timeline
    check: str = ""
    target: str = ""
    expectation: Any = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All that one records file says.

    ``targets`` hold every target that a verdict names: those of the run in order of arrival, then
    those of checks' own by label, since with workers they arrive in any order. ``timelines`` are
    ordered by check and target, ``verdicts`` as they arrived. ``claims`` are those of a check on a
    target, by both and in their order; ``updates`` likewise, and then by their numbers. ``exit``
    and ``ended`` are None when the run died half way; ``counts`` is how many verdicts of each kind
    it says to have.
    """

    id: str = ""
    started: str = ""
    version: str = ""
    argv: tuple[str, ...] = ()
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    targets: tuple[TargetRecord, ...] = ()
    verdicts: tuple[VerdictRecord, ...] = ()
    timelines: dict[str, TimelineRecord] = dataclasses.field(default_factory=dict)
    claims: dict[tuple[str, str], tuple[Claim, ...]] = dataclasses.field(default_factory=dict)
    updates: dict[tuple[str, str], dict[int, Update]] = dataclasses.field(default_factory=dict)
    ended: str | None = None
    exit: int | None = None
    counts: dict[str, Any] = dataclasses.field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """True when the run reached its end; False when it died half way."""
        return self.ended is not None

    @property
    def executed(self) -> bool:
        """True when at least one requirement was really put to a target."""
        return any(verdict.verdict.is_executed for verdict in self.verdicts)


def load_run(path: Path) -> Run:
    """Return what the file says. Raises ``OSError`` when it cannot be read at all."""
    with open_plain(path) as lines:
        return read_run(lines)


def load_strangers_run(path: Path) -> Run:
    """Return what a file says that may be anybody's. Raises ``OSError`` as ``load_run`` does.

    That is also where it is larger than the records of any run.
    """
    with open_plain(path) as file:
        return read_run(limited_lines(iter(lambda: file.read(_BLOCK), b"")))


def read_run(lines: Iterable[bytes]) -> Run:
    """Return what the lines of a records file say, each with its line's end."""
    reading = _Reading()
    for number, line in enumerate(lines, 1):
        reading.take(number, line)
    return reading.run()


class _Reading:
    """The file as far as it has been read."""

    def __init__(self) -> None:
        self.head: dict[str, Any] | None = None
        self.end: dict[str, Any] | None = None
        self.targets: dict[str, TargetRecord] = {}
        self.verdicts: list[VerdictRecord] = []
        self.timelines: dict[str, TimelineRecord] = {}
        self.claims: dict[tuple[str, str], tuple[Claim, ...]] = {}
        self.updates: dict[tuple[str, str], dict[int, Update]] = {}
        self.problems: list[str] = []

    def take(self, number: int, line: bytes) -> None:
        takers: dict[object, Callable[[dict[str, Any]], None]] = {
            "run": self._run,
            "target": self._target,
            "verdict": self._verdict,
            "timeline": self._timeline,
            "claims": self._claims,
            "update": self._update,
            "end": self._end,
        }
        if not line.endswith(b"\n"):
            self.problems.append(f"line {number} is torn: the run died while writing it")
            return
        try:
            record = _parse(line)
            if taker := takers.get(record.get("type")):
                taker(record)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as problem:
            self.problems.append(f"line {number} was left out: {_reason(problem)}")

    def run(self) -> Run:
        head, end = self.head or {}, self.end or {}
        if self.head is None:
            self.problems.insert(0, "no run record: the file does not say which run it is")
        for verdict in self.verdicts:
            self.targets.setdefault(verdict.target, TargetRecord(label=verdict.target, own=True))
        if (more := len(self.problems) - _LISTED) > 0:
            self.problems[_LISTED:] = [f"and {more} more"]
        exit_code = end.get("exit")
        return Run(
            id=str(head.get("run", "")),
            started=str(head.get("started", "")),
            version=str(head.get("version", "")),
            argv=tuple(str(word) for word in _list(head.get("argv"))),
            options=_dict(head.get("options")),
            targets=self._targets_in_order(),
            verdicts=tuple(self.verdicts),
            timelines=dict(
                sorted(self.timelines.items(), key=lambda item: (item[1].check, item[1].target))
            ),
            claims={key: self.claims[key] for key in sorted(self.claims, key=_natural_pair)},
            updates=self.updates,
            ended=None if self.end is None else str(end.get("ended", "")),
            exit=exit_code if isinstance(exit_code, int) else None,
            counts=_dict(end.get("counts")),
            problems=tuple(self.problems),
        )

    def _targets_in_order(self) -> tuple[TargetRecord, ...]:
        asked_for = [target for target in self.targets.values() if not target.own]
        own = [target for target in self.targets.values() if target.own]
        return (*asked_for, *sorted(own, key=lambda target: natural(target.label)))

    def _run(self, record: dict[str, Any]) -> None:
        if self.head is not None:
            raise ValueError("a second run record; a file holds one run")
        self.head = record
        if record.get("schema") != SCHEMA:
            self.problems.append(
                f"the records are of schema {record.get('schema')!r}, "
                f"this report knows schema {SCHEMA}"
            )
        options = _dict(record.get("options"))
        for name in ("profiles", "requirements"):
            listed = options.get(name)
            if not isinstance(listed, list | NoneType) or not all(
                isinstance(each, str) for each in listed or ()
            ):
                self.problems.append(f"the option {name} is no list of names")
                self.head |= {"options": options | {name: []}}
                options = self.head["options"]

    def _target(self, record: dict[str, Any]) -> None:
        label = _text(record, "target")
        notes = tuple(str(note) for note in _list(record.get("notes")))
        self.targets[label] = TargetRecord(
            label=label,
            fingerprint=_dict(record.get("fingerprint")),
            notes=notes,
            own=record.get("own") is True,
        )

    def _verdict(self, record: dict[str, Any]) -> None:
        for key in _TEXTS:
            _text(record, key)
        for key in _OPTIONAL_TEXTS:
            if record.get(key) is not None:
                _text(record, key)
        if type(line := record.get("line")) not in (int, type(None)):
            raise TypeError(f"{line!r:.40} is not a line of a file")
        verdict = VerdictRecord.from_json(
            record
            | {
                "seconds": _finite(record["seconds"]),
                "witnesses": {
                    name: str(said) for name, said in _dict(record.get("witnesses")).items()
                },
                "facts": {
                    name: _finite(value) for name, value in _dict(record.get("facts")).items()
                },
            }
        )
        self.verdicts.append(verdict)

    def _timeline(self, record: dict[str, Any]) -> None:
        for key in ("id", "pod", "started"):
            _text(record, key)
        timeline = Timeline.from_json(record | {"ended": _finite(record["ended"])})
        for observation in timeline.observations:
            _finite(observation.t)
            if not isinstance(observation.subject, str) or not isinstance(observation.data, dict):
                raise TypeError("an observation needs a subject and an object as data")
        if timeline.id in self.timelines:
            raise ValueError(f"a second timeline {timeline.id!r}")
        self.timelines[timeline.id] = TimelineRecord(
            timeline=timeline,
            check=str(record.get("check") or ""),
            target=str(record.get("target") or ""),
            expectation=record.get("expectation"),
        )

    def _claims(self, record: dict[str, Any]) -> None:
        key = (_text(record, "check"), _text(record, "target"))
        found = tuple(Claim.from_json(_claim(raw)) for raw in record["claims"])
        self.claims[key] = self.claims.get(key, ()) + found

    def _update(self, record: dict[str, Any]) -> None:
        key = (_text(record, "check"), _text(record, "target"))
        update = Update.from_json(record)
        if not isinstance(update.number, int):
            raise TypeError("number is no number")
        if update.number in self.updates.setdefault(key, {}) and update.number:
            raise ValueError(f"a second update {update.number} of one check")
        self.updates[key][update.number] = update

    def _end(self, record: dict[str, Any]) -> None:
        self.end = record


def _natural_pair(key: tuple[str, str]) -> tuple[object, object]:
    return natural(key[0]), natural(key[1])


def _parse(line: bytes) -> dict[str, Any]:
    text = line.decode(errors="replace")
    record = json.loads(text)
    if not isinstance(record, dict):
        raise TypeError("not a JSON object")
    if "\\ud" in text.lower():
        # JSON may name half of a surrogate pair, which no file can be written with.
        record = dict(_without_surrogates(list(record.items())))
    return record


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_surrogates(item) for item in value]
    return value


def _claim(raw: Any) -> dict[str, Any]:
    claim = _dict(raw)
    for key in ("requirement", "what"):
        _text(claim, key)
    if claim.get("relation", "==") not in RELATIONS:
        raise ValueError(f"no such relation: {claim['relation']!r:.40}")
    return claim


def _text(record: dict[str, Any], key: str) -> str:
    value = record[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is not a text")
    return value


def _finite(value: Any) -> float:
    # JSON's whole numbers have no end, and those of floats do.
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):
            if math.isfinite(number := float(value)):
                return number
    raise ValueError(f"{value!r:.40} is not a number of seconds")


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list) else ()


def _reason(problem: Exception) -> str:
    if isinstance(problem, KeyError):
        return f"{problem.args[0]} is missing"
    if isinstance(problem, RecursionError):
        return "nested too deeply"
    if isinstance(problem, json.JSONDecodeError):
        return f"not JSON ({problem.msg})"
    return str(problem)
