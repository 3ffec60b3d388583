"""The runs behind ``podresize mutation``: each made once with the same code, some side by side."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import hashlib
import importlib.util
import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from filelock import FileLock

import podresize
from podresize.cli.driving import EXIT_INTERRUPTED, suites_directory
from podresize.errors import EXIT_USAGE, HarnessError
from podresize.manifests import manifests
from podresize.requirements.mutants import Mutant
from podresize.requirements.runtime_target import RuntimeTarget
from podresize.requirements.target import DEFAULT_PROVIDER, Target
from podresize_reports.loading import load_run
from podresize_reports.write import write_atomically

RUNTIME = "runtime"
"""The profile of what is put to a runtime alone."""
# A run in which everything waits for its deadline; what takes longer hangs.
_RUN_SECONDS = 1500.0
# A guest may have to be booted first, and every deadline is as many times longer as it is slower.
_GUEST_SECONDS = 3 * _RUN_SECONDS
# On a wrong stack most checks wait for their deadlines: all of headline at a time.
_WORKERS = 12
# A node in a virtual machine, or one of kind, takes as many processors as there are.
_WORKERS_ELSEWHERE = 2
# Its checks are busy all the time.
_RUNTIME_WORKERS = 4
# What decides nothing that a run writes: how it is made wrong is in its command line.
_OF_NO_RECORD = {"mutant_catalogue", "not_mutated.yaml", "mutants.py", "mutation.py"} | {
    "mutation_runs.py"
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run of ``podresize run`` or ``certify-runtime``: of a good stack, or a mutant on it."""

    base: str
    profile: str
    only: tuple[str, ...]
    target: Target | RuntimeTarget
    mutant: Mutant | None = None

    @property
    def name(self) -> str:
        """The directory of its records below that of its stack."""
        if self.mutant is not None:
            return self.mutant.id
        return "-".join(("good", self.profile, *self.only))

    @property
    def place(self) -> Path:
        """Where its records are, relative to the directory of all."""
        return Path(self.base.replace("/", "-")) / self.name

    @property
    def is_in_guest(self) -> bool:
        """Whether its node is a virtual machine."""
        target = self.target
        return isinstance(target, Target) and target.provider == "vm"

    @property
    def command(self) -> list[str]:
        """The command line but for ``--out``."""
        target = self.target
        words = [*self.only]
        if isinstance(target, RuntimeTarget):
            words += [f"--containerd={target.containerd}", f"--oci-runtime={target.oci_runtime}"]
            words += ["--tap", f"--workers={_RUNTIME_WORKERS}"]
            words += [f"--fault={each}" for each in target.faults]
            return [sys.executable, "-m", "podresize", "certify-runtime", *words]
        workers = _WORKERS
        if target.provider != DEFAULT_PROVIDER:
            words += [f"--provider={target.provider}"]
            workers = _WORKERS_ELSEWHERE
        words += [f"--kubernetes={target.kubernetes}", f"--containerd={target.containerd}"]
        words += ["--no-gate-off", f"--profile={self.profile}", "--tap", f"--workers={workers}"]
        words += [f"--fault={each}" for each in target.faults]
        words += [f"--gate-off-in={each}" for each in target.gate_off_in]
        words += [f"--manifest={each}" for each in target.manifests]
        return [sys.executable, "-m", "podresize", "run", *words]


class InterruptedRunError(Exception):
    """Somebody asked for the end of a run: no other is begun."""


def run_all(jobs: Sequence[Job], out: Path, *, fresh: bool, at_a_time: int = 1) -> None:
    """Make each run of which there are no records by this code below ``out``, or all if ``fresh``.

    ``at_a_time`` are side by side, each with a cluster of its own. Ends the process with
    ``EXIT_INTERRUPTED`` when a run was interrupted. Raises ``HarnessError`` for a stack that cannot
    be made; the runs beside it are let finish, and no other is begun.
    """
    Runs(jobs, out, fresh=fresh).make(at_a_time)


class Runs:
    """What is owed of some jobs, and how far it is."""

    def __init__(self, jobs: Sequence[Job], out: Path, *, fresh: bool) -> None:
        code = code_version()
        self._marks = {job.place: {"code": code, "command": [*job.command[1:]]} for job in jobs}
        self._out = out
        self._fresh = fresh
        self._owed = [job for job in jobs if self._is_owed(job)]
        # Guards the two below.
        self._lock = threading.Lock()
        self._begun = 0
        self._took: list[float] = []
        self._over = threading.Event()

    def make(self, at_a_time: int) -> None:
        """Make them, as ``run_all`` says."""
        with concurrent.futures.ThreadPoolExecutor(at_a_time) as threads:
            made = [threads.submit(self._make, job, at_a_time) for job in self._owed]
            try:
                done, _ = concurrent.futures.wait(
                    made, return_when=concurrent.futures.FIRST_EXCEPTION
                )
            except KeyboardInterrupt:
                self._over.set()  # Ctrl-C is the whole group's: the runs end by themselves
                sys.exit(EXIT_INTERRUPTED)
            finally:
                self._over.set()
        for each in done:
            if isinstance(each.exception(), InterruptedRunError):
                sys.exit(EXIT_INTERRUPTED)
            each.result()

    def _is_owed(self, job: Job) -> bool:
        mark = self._marks[job.place]
        return self._fresh or not noted(self._out / job.place / "run.json").items() >= mark.items()

    def _make(self, job: Job, at_a_time: int) -> None:
        place = self._out / job.place
        place.mkdir(parents=True, exist_ok=True)
        # Another process with the same --out may be at it, or has done it by now.
        with FileLock(place / "lock"):
            if self._over.is_set() or not self._is_owed(job):
                return
            with self._lock:
                self._begun += 1
                said = f"[{self._progress(at_a_time)}] {job.base} {job.name} "
            click.echo(said + ("" if at_a_time == 1 else "...\n"), nl=False)
            try:
                seconds, exit_code = _run_one(job, place, self._marks[job.place])
            except BaseException:
                self._over.set()
                raise
            with self._lock:
                self._took.append(seconds)
            again = "" if at_a_time == 1 else f"{job.base} {job.name}: "
            click.echo(f"{again}{seconds:.0f} s, exit code {exit_code}")

    def _progress(self, at_a_time: int) -> str:
        """Return how far it is, and how long yet: as many runs as are owed of what one took."""
        so_far = f"{self._begun} of {len(self._owed)}"
        if not self._took:
            return so_far
        average = sum(self._took) / len(self._took)
        left = average * (len(self._owed) - self._begun + 1) / at_a_time / 60
        return f"{so_far}, about {max(1, round(left))} min left"


def _run_one(job: Job, place: Path, mark: Mapping[str, object]) -> tuple[float, int]:
    """Run one and note it; return what it took, in seconds, and its exit code."""
    note = place / "run.json"
    records = place / "records.jsonl"
    for old in (note, records):
        old.unlink(missing_ok=True)
    began = time.monotonic()
    exit_code = _run(job, place)
    seconds = round(time.monotonic() - began, 1)
    if exit_code == EXIT_INTERRUPTED:
        raise InterruptedRunError
    # A run in which nothing could be put to the target ends so as well: that is a mutant's fate.
    if exit_code == EXIT_USAGE and not (records.exists() and load_run(records).verdicts):
        raise HarnessError(
            "a stack cannot be made here",
            value=f"{job.base} {job.name}",
            causes=("the host lacks what a cluster needs", "the mutant's data is wrong"),
            next_command=f"tail {place / 'screen.txt'}",
        )
    more = {"seconds": seconds, "exit": exit_code}
    write_atomically(note, json.dumps({**mark, **more}, indent=1).encode())
    return seconds, exit_code


def _run(job: Job, place: Path) -> int:
    with (place / "screen.txt").open("w", encoding="utf-8") as screen:
        child = subprocess.Popen(
            [*job.command, f"--out={place}"],
            stdin=subprocess.DEVNULL,
            stdout=screen,
            stderr=subprocess.STDOUT,
        )
        try:
            return child.wait(_GUEST_SECONDS if job.is_in_guest else _RUN_SECONDS)
        except subprocess.TimeoutExpired:
            child.terminate()
            return child.wait()


def noted(note: Path) -> dict[str, object]:
    """Return what is noted of a run; nothing where it was not made or not to its end."""
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def code_version() -> str:
    """Return a hash of all that decides what a run's records say: engine, fixtures, checks."""
    digest = hashlib.sha256()
    # Found, not imported: the engine does not know pytest.
    fixtures = importlib.util.find_spec("podresize_fixtures")
    assert fixtures is not None
    roots = [Path(str(origin)).parent for origin in (podresize.__file__, fixtures.origin)]
    for root in (*roots, suites_directory(), manifests("mutants")):
        for file in sorted(root.rglob("*")):
            counts = file.suffix != ".pyc" and not _OF_NO_RECORD & set(file.parts)
            if file.is_file() and counts:
                digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]
