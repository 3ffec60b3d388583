"""The history of runs: one SQLite file that can always be rebuilt from the bundles.

A stack is what is the same from night to night (versions, OCI runtime, gate); all else of a
fingerprint is kept beside each run, so that a change of the host can be told from one of the stack.
What a requirement came to is the worst that its checks said.

How all requirements stood in a run is one text with a letter for each, by the requirement's
number (``course.LETTERS``). So a thousand runs are a thousand rows, and the letters of one
requirement over all of them are a slice: nothing has to be added up beforehand that could be wrong
afterwards.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from podresize.errors import UsageError
from podresize.evidence.records import VerdictKind, VerdictRecord
from podresize_reports.history.course import ABSENT, LETTERS, Courses
from podresize_reports.loading import Run
from podresize_reports.required import stack_of
from podresize_reports.steps import Spread, in_order, samples, spread
from podresize_reports.summary import worst_first
from podresize_reports.text import natural

SCHEMA = 2
_BUSY_SECONDS = 30.0
_TABLES = """
create table history (schema integer not null);
create table runs (
    number integer primary key, id text not null unique, started text not null,
    version text not null, digest text not null
);
create table stacks (number integer primary key, key text not null unique);
create table requirements (number integer primary key, id text not null unique);
create table fingerprints (number integer primary key, text text not null unique);
create table seen (
    stack integer not null references stacks,
    run integer not null references runs on delete cascade,
    label text not null, fingerprint integer not null references fingerprints,
    verdicts text not null,
    primary key (stack, run)
) without rowid;
create table standings (
    stack integer not null, run integer not null references runs on delete cascade,
    requirement integer not null references requirements,
    deviations text not null, passed integer not null, executed integer not null,
    check_id text not null, reading text not null,
    primary key (stack, run, requirement)
) without rowid;
create table times (
    stack integer not null, run integer not null references runs on delete cascade,
    step text not null, number integer not null,
    p10 real not null, p25 real not null, p50 real not null, p75 real not null, p90 real not null,
    primary key (stack, run, step)
) without rowid;
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One requirement on a stack in a run: its worst verdict, of which check, and what it read.

    ``passed`` of ``executed`` checks met it.
    """

    requirement: str
    verdict: VerdictKind
    deviations: tuple[str, ...]
    passed: int
    executed: int
    check: str
    reading: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SeenRun:
    """A run on a stack: its number in the history, id, start, and the whole fingerprint.

    ``verdicts`` has a letter for each requirement of the history, by its number.
    """

    number: int
    id: str
    started: str
    version: str
    label: str
    fingerprint: dict[str, Any]
    verdicts: str

    @property
    def detected(self) -> dict[str, Any]:
        """All by which runs of a stack can differ: the fingerprint, and which podresize looked."""
        return {"podresize": self.version, **self.fingerprint}


class History:
    """A history file; ``with History.open(path) as history``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: Path) -> Iterator[History]:
        """Yield the history, a new one where there is none. What is changed is kept at the end.

        Raises ``UsageError`` for a file that is none, or of another schema.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # SQLite would wait for a pipe's other end.
            if path.exists() and not path.is_file():
                raise no_history(path, "it is no plain file")
            connection = sqlite3.connect(path, timeout=_BUSY_SECONDS)
        except (OSError, sqlite3.Error) as error:
            raise no_history(path, str(error)) from None
        try:
            connection.execute("pragma foreign_keys = on")
            _prepare(connection, path)
            with connection:
                yield cls(connection)
        except sqlite3.DatabaseError as error:
            raise no_history(path, str(error)) from None
        finally:
            connection.close()

    @staticmethod
    def refuse_other_file(path: Path) -> None:
        """Raise ``UsageError`` where something is there that no release of podresize wrote."""
        if not path.exists():
            return
        try:
            with contextlib.closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as connection:
                connection.execute("select schema from history")
        except sqlite3.Error as error:
            raise no_history(path, str(error)) from None

    def add(self, run: Run, *, digest: str) -> bool:
        """Take a run in; return whether it is new. One that is known is taken in anew."""
        known = self._connection.execute("delete from runs where id = ?", (run.id,)).rowcount
        number = self._connection.execute(
            "insert into runs (id, started, version, digest) values (?, ?, ?, ?)",
            (run.id, run.started, run.version, digest),
        ).lastrowid
        assert number is not None
        stacks = {target.label: stack_of(target) for target in run.targets}
        first = {stack_of(target): target for target in reversed(run.targets)}
        said: dict[tuple[object, ...], dict[str, list[VerdictRecord]]] = {
            stack: {} for stack in first
        }
        for verdict in run.verdicts:
            said[stacks[verdict.target]].setdefault(verdict.requirement, []).append(verdict)
        for stack, target in first.items():
            row = self._number("stacks", "key", json.dumps(stack))
            fingerprint = json.dumps(target.fingerprint, sort_keys=True)
            letters = self._standings(row, number, said[stack])
            self._connection.execute(
                "insert into seen values (?, ?, ?, ?, ?)",
                (
                    *(row, number, target.label),
                    *(self._number("fingerprints", "text", fingerprint), letters),
                ),
            )
            for step, times in samples(run, {target.label}).items():
                self._connection.execute(
                    "insert into times values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (row, number, step, *dataclasses.astuple(spread(times))),
                )
        return not known

    def stacks(self) -> list[tuple[int, str]]:
        """Return number and label of each stack that a run was on, in the order of the labels."""
        rows = self._connection.execute(
            "select stack, label, max(started || ' ' || id) from seen "
            "join runs on runs.number = seen.run group by stack"
        )
        return sorted(
            ((stack, label) for stack, label, _ in rows), key=lambda each: natural(each[1])
        )

    def runs(self, stack: int, *, most: int) -> list[SeenRun]:
        """Return the last runs on a stack, newest first."""
        rows = self._connection.execute(
            "select runs.number, id, started, version, label, fingerprint, verdicts from seen "
            "join runs on runs.number = seen.run where stack = ? "
            "order by started desc, id desc limit ?",
            (stack, most),
        ).fetchall()
        texts = dict(self._connection.execute("select number, text from fingerprints"))
        prints = {each: json.loads(texts[each]) for each in {row[5] for row in rows}}
        return [
            SeenRun(
                number=number,
                id=id_,
                started=started,
                version=version,
                label=label,
                fingerprint=prints[fingerprint],
                verdicts=verdicts,
            )
            for number, id_, started, version, label, fingerprint, verdicts in rows
        ]

    def standings(self, stack: int, run: SeenRun) -> dict[str, Standing]:
        """Return how each requirement stood in one run on a stack."""
        rows = self._connection.execute(
            "select number, id, deviations, passed, executed, check_id, reading from standings "
            "join requirements on requirements.number = requirement where stack = ? and run = ?",
            (stack, run.number),
        )
        return {
            id_: Standing(
                requirement=id_,
                verdict=LETTERS[run.verdicts[number - 1]],
                deviations=tuple(deviations.split()),
                passed=passed,
                executed=executed,
                check=check,
                reading=reading,
            )
            for number, id_, deviations, passed, executed, check, reading in rows
        }

    def courses(self, runs: Sequence[SeenRun]) -> Courses:
        """Return how each requirement stood in each of the runs."""
        ids = dict(self._connection.execute("select number, id from requirements"))
        return Courses.of(ids, [run.verdicts for run in runs])

    def medians(self, stack: int, runs: Sequence[SeenRun]) -> dict[str, dict[int, float]]:
        """Return the median seconds of each step by the number of the run."""
        rows = self._connection.execute(
            "select step, run, p50 from times where stack = ? and run in "
            "(select value from json_each(?))",
            (stack, json.dumps([run.number for run in runs])),
        )
        found: dict[str, dict[int, float]] = {}
        for step, run, median in rows:
            found.setdefault(step, {})[run] = median
        return in_order(found)

    def spreads(self, stack: int, runs: Sequence[SeenRun]) -> dict[str, dict[int, Spread]]:
        """Return the times of each step by the number of the run."""
        rows = self._connection.execute(
            "select step, run, number, p10, p25, p50, p75, p90 from times where stack = ? "
            "and run in (select value from json_each(?))",
            (stack, json.dumps([run.number for run in runs])),
        )
        found: dict[str, dict[int, Spread]] = {}
        for step, run, number, p10, p25, p50, p75, p90 in rows:
            found.setdefault(step, {})[run] = Spread(
                number=number, p10=p10, p25=p25, p50=p50, p75=p75, p90=p90
            )
        return in_order(found)

    def _standings(self, stack: int, run: int, said: dict[str, list[VerdictRecord]]) -> str:
        """Write how each requirement stood; return the letters."""
        letters: dict[int, str] = {}
        for id_, verdicts in said.items():
            number = self._number("requirements", "id", id_)
            worst = min(verdicts, key=worst_first)
            kinds = [each.verdict for each in verdicts]
            letters[number] = next(one for one, kind in LETTERS.items() if kind is worst.verdict)
            self._connection.execute(
                "insert into standings values (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(stack, run, number),
                    " ".join(sorted({each.deviation for each in verdicts if each.deviation})),
                    kinds.count(VerdictKind.PASSED),
                    sum(kind.is_executed for kind in kinds),
                    *(worst.check, worst.reading),
                ),
            )
        return "".join(letters.get(at + 1, ABSENT) for at in range(max(letters, default=0)))

    def _number(self, table: str, column: str, value: str) -> int:
        """Return the number of a value in a table that names things, a new one if need be."""
        find = f"select number from {table} where {column} = ?"  # names from this file alone
        row = self._connection.execute(find, (value,)).fetchone()
        if row is None:
            make = f"insert into {table} ({column}) values (?)"  # as above
            return int(self._connection.execute(make, (value,)).lastrowid or 0)
        return int(row[0])


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    try:
        tables = {name for (name,) in connection.execute("select name from sqlite_master")}
        if not tables:
            with connection:
                connection.executescript(_TABLES)
                connection.execute("insert into history values (?)", (SCHEMA,))
            return
        found = connection.execute("select schema from history").fetchone()
    except sqlite3.DatabaseError as error:
        raise no_history(path, str(error)) from None
    if found is None:
        raise no_history(path, "it names no schema")
    if found != (SCHEMA,):
        raise UsageError(
            "this history was written by another release of podresize",
            value=f"{path}: its schema is {found[0]}, this podresize knows {SCHEMA}",
            origin="--history",
            causes=("a history is rebuilt from its bundles, not converted",),
            next_command=f"podresize history add --history {path} --rebuild <bundles>",
        )


def no_history(path: Path, why: str) -> UsageError:
    """Return the error of a file that is no history, with the reason."""
    return UsageError(
        "this is no history of podresize that can be read",
        value=f"{path}: {why}",
        origin="--history",
        causes=("it is another file", "the disk is full or belongs to someone else"),
        next_command=f"podresize history add --history {path}.new <bundles>",
    )
