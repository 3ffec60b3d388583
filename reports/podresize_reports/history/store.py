"""The history of runs: one SQLite file that can always be rebuilt from the bundles.

A row is one requirement on one stack in one run: the worst that its checks said. A stack is what
is the same from night to night (versions, OCI runtime, gate); all else of a fingerprint is kept
beside each run, so that a change of the host can be told from one of the stack.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from podresize.errors import UsageError
from podresize.evidence.records import VerdictKind
from podresize_reports.loading import Run
from podresize_reports.required import stack_of
from podresize_reports.summary import SEVERITY, step_times

SCHEMA = 1
_BUSY_SECONDS = 30.0
_TABLES = """
create table history (schema integer not null);
create table runs (
    number integer primary key, id text not null unique, started text not null,
    version text not null, digest text not null
);
create table stacks (number integer primary key, key text not null unique, label text not null);
create table requirements (number integer primary key, id text not null unique);
create table seen (
    run integer not null references runs on delete cascade,
    stack integer not null references stacks,
    fingerprint text not null,
    primary key (run, stack)
) without rowid;
create table standings (
    stack integer not null, run integer not null references runs on delete cascade,
    requirement integer not null references requirements,
    verdict integer not null, deviations text not null, passed integer not null,
    executed integer not null, check_id text not null, reading text not null,
    primary key (stack, run, requirement)
) without rowid;
create table times (
    stack integer not null, run integer not null references runs on delete cascade,
    step text not null, median real not null, number integer not null,
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
    """A run on a stack: its number in the history, id, start, and the whole fingerprint."""

    number: int
    id: str
    started: str
    version: str
    fingerprint: dict[str, Any]


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
        said: dict[tuple[object, ...], dict[str, list[Any]]] = {stack: {} for stack in first}
        for verdict in run.verdicts:
            said[stacks[verdict.target]].setdefault(verdict.requirement, []).append(verdict)
        for stack, target in first.items():
            row = self._stack(stack, target.label)
            fingerprint = json.dumps(target.fingerprint, sort_keys=True)
            self._connection.execute(
                "insert into seen values (?, ?, ?)", (number, row, fingerprint)
            )
            for id_, verdicts in said[stack].items():
                self._standing(row, number, id_, verdicts)
            for time in step_times(run, target.label):
                if time.median is not None:
                    self._connection.execute(
                        "insert into times values (?, ?, ?, ?, ?)",
                        (row, number, time.step, time.median, time.seen),
                    )
        return not known

    def stacks(self) -> list[tuple[int, str]]:
        """Return number and label of each stack, in order of arrival."""
        return list(self._connection.execute("select number, label from stacks order by number"))

    def runs(self, stack: int, *, most: int) -> list[SeenRun]:
        """Return the last runs on a stack, newest first."""
        rows = self._connection.execute(
            "select runs.number, id, started, version, fingerprint from seen "
            "join runs on runs.number = seen.run where stack = ? "
            "order by started desc, runs.number desc limit ?",
            (stack, most),
        )
        return [
            SeenRun(
                number=number,
                id=id_,
                started=started,
                version=version,
                fingerprint=json.loads(fingerprint),
            )
            for number, id_, started, version, fingerprint in rows
        ]

    def standings(self, stack: int, run: int) -> dict[str, Standing]:
        """Return how each requirement stood in one run on a stack."""
        rows = self._connection.execute(
            "select id, verdict, deviations, passed, executed, check_id, reading from standings "
            "join requirements on requirements.number = requirement where stack = ? and run = ?",
            (stack, run),
        )
        return {
            id_: Standing(
                requirement=id_,
                verdict=SEVERITY[verdict],
                deviations=tuple(deviations.split()),
                passed=passed,
                executed=executed,
                check=check,
                reading=reading,
            )
            for id_, verdict, deviations, passed, executed, check, reading in rows
        }

    def course(self, stack: int, runs: list[int]) -> dict[str, dict[int, VerdictKind]]:
        """Return the verdicts of each requirement by run, of the runs that are named."""
        marks = ",".join("?" * len(runs))
        rows = self._connection.execute(
            "select id, run, verdict from standings "  # marks are question marks
            "join requirements on requirements.number = requirement "
            f"where stack = ? and run in ({marks})",
            (stack, *runs),
        )
        found: dict[str, dict[int, VerdictKind]] = {}
        for id_, run, verdict in rows:
            found.setdefault(id_, {})[run] = SEVERITY[verdict]
        return found

    def times(self, stack: int, runs: list[int]) -> dict[str, dict[int, float]]:
        """Return the median seconds of each step by run."""
        marks = ",".join("?" * len(runs))
        rows = self._connection.execute(
            f"select step, run, median from times where stack = ? and run in ({marks})",  # as above
            (stack, *runs),
        )
        found: dict[str, dict[int, float]] = {}
        for step, run, median in rows:
            found.setdefault(step, {})[run] = median
        return found

    def _stack(self, stack: tuple[object, ...], label: str) -> int:
        key = json.dumps(stack)
        self._connection.execute(
            "insert or ignore into stacks (key, label) values (?, ?)", (key, label)
        )
        row = self._connection.execute("select number from stacks where key = ?", (key,)).fetchone()
        return int(row[0])

    def _standing(self, stack: int, run: int, id_: str, verdicts: list[Any]) -> None:
        self._connection.execute("insert or ignore into requirements (id) values (?)", (id_,))
        worst = min(verdicts, key=lambda each: SEVERITY.index(each.verdict))
        kinds = [each.verdict for each in verdicts]
        self._connection.execute(
            "insert into standings select ?, ?, number, ?, ?, ?, ?, ?, ? from requirements "
            "where id = ?",
            (
                stack,
                run,
                SEVERITY.index(worst.verdict),
                " ".join(sorted({each.deviation for each in verdicts if each.deviation})),
                kinds.count(VerdictKind.PASSED),
                sum(kind.is_executed for kind in kinds),
                worst.check,
                worst.reading,
                id_,
            ),
        )


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
    if found != (SCHEMA,):
        schema = "none" if found is None else found[0]
        raise no_history(path, f"its schema is {schema}, this podresize knows {SCHEMA}")


def no_history(path: Path, why: str) -> UsageError:
    """Return the error of a file that is no history, with the reason."""
    return UsageError(
        "this is no history of podresize that can be read",
        value=f"{path}: {why}",
        origin="--history",
        causes=("it is another file", "it was written by another release"),
        next_command=f"podresize history add --history {path}.new <bundles>",
    )
