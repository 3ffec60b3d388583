"""``podresize mutation``: does each requirement catch what it must, on real clusters made wrong?"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click
from filelock import FileLock

import podresize
from podresize.cli.driving import EXIT_INTERRUPTED, suites_directory
from podresize.errors import EXIT_OK, EXIT_UNEXPECTED, EXIT_USAGE, HarnessError, UsageError
from podresize.manifests import manifests
from podresize.requirements.mutants import (
    Mutant,
    Mutants,
    find_mutant,
    good_runtime,
    good_target,
    is_runtime,
    load_mutants,
)
from podresize.requirements.profiles import EXTENDED
from podresize.requirements.runtime_target import RuntimeTarget
from podresize.requirements.target import Target
from podresize_reports.judging_again import judged_again
from podresize_reports.loading import Run, load_run
from podresize_reports.mutation import Result, is_right, judge_mutant, markdown, totals
from podresize_reports.write import write_atomically

RUNTIME = "runtime"
"""The profile of what is put to a runtime alone."""
_OUT = Path("reports/out/mutation")
# A run in which everything waits for its deadline; what takes longer hangs.
_RUN_SECONDS = 1500.0
# On a wrong stack most checks wait for their deadlines: all of headline at a time.
_WORKERS = 12
# Its checks are busy all the time.
_RUNTIME_WORKERS = 4
# What decides nothing that a run writes: how it is made wrong is in its command line.
_OF_NO_RECORD = {"mutant_catalogue", "not_mutated.yaml", "mutants.py", "mutation.py"}


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
    def command(self) -> list[str]:
        """The command line but for ``--out``."""
        target = self.target
        words = [*self.only]
        if isinstance(target, RuntimeTarget):
            words += [f"--containerd={target.containerd}", f"--oci-runtime={target.oci_runtime}"]
            words += ["--tap", f"--workers={_RUNTIME_WORKERS}"]
            words += [f"--fault={each}" for each in target.faults]
            return [sys.executable, "-m", "podresize", "certify-runtime", *words]
        words += [f"--kubernetes={target.kubernetes}", f"--containerd={target.containerd}"]
        words += ["--no-gate-off", f"--profile={self.profile}", "--tap", f"--workers={_WORKERS}"]
        words += [f"--fault={each}" for each in target.faults]
        words += [f"--gate-off-in={each}" for each in target.gate_off_in]
        words += [f"--manifest={each}" for each in target.manifests]
        return [sys.executable, "-m", "podresize", "run", *words]


@click.command()
@click.option("--only", multiple=True, metavar="NAME", help="This mutant; may be repeated.")
@click.option("--tenth", is_flag=True, help="The tenth of them that CI runs, in minutes.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=_OUT,
    show_default=True,
    metavar="DIR",
    help="Where the records of each run stay, and the table goes.",
)
@click.option("--fresh", is_flag=True, help="Run again what was run with this same code.")
@click.option("--no-run", is_flag=True, help="Judge the records that are there, whose code or not.")
@click.option("--list", "is_list", is_flag=True, help="Name the mutants, and run none.")
def mutation(
    only: tuple[str, ...], tenth: bool, out: Path, fresh: bool, no_run: bool, is_list: bool
) -> None:
    """Make good stacks wrong, one way at a time, and see which requirements catch it.

    Exit codes: 0 each mutant is caught by what must catch it and by nothing else, and 95 % of the
    readings name who is guilty; 1 otherwise; 2 usage or host.
    """
    known = load_mutants()
    chosen = _chosen(known, only, tenth=tenth)
    if is_list:
        for mutant in chosen:
            click.echo(f"{mutant.id:28} {', '.join(mutant.stacks):28} {mutant.title}")
        return
    jobs = _jobs(chosen)
    if not no_run:
        _run_all(jobs, out, fresh=fresh)
    results = _judged(jobs, out)
    if not results:
        raise UsageError(
            "there are no records of a mutant",
            value=str(out),
            origin="--out, --no-run",
            causes=("nothing was run yet",),
            next_command="scripts/mutation --tenth",
        )
    _write(out, results)
    click.echo(markdown(results))
    if not only and not tenth:
        click.echo(f"{len(known.not_mutated)} requirements have no mutant (not_mutated.yaml)")
    sys.exit(EXIT_OK if is_right(results) else EXIT_UNEXPECTED)


def _chosen(known: Mutants, only: Sequence[str], *, tenth: bool) -> list[Mutant]:
    if only:
        return [find_mutant(known, id_) for id_ in only]
    return [each for each in known.mutants.values() if each.tenth or not tenth]


def _jobs(mutants: Iterable[Mutant]) -> list[Job]:
    """Return what is to be run, each good stack before its mutants."""
    jobs: dict[tuple[str, str], Job] = {}
    directory = manifests("mutants")
    for mutant in mutants:
        for base in mutant.stacks:
            good = _good(mutant, base)
            jobs.setdefault((base, good.name), good)
            jobs[base, mutant.id] = Job(
                base=base,
                profile=mutant.profile,
                only=tuple(sorted(mutant.only)),
                target=mutant.runtime_target(base)
                if is_runtime(base)
                else mutant.target(base, manifests=directory),
                mutant=mutant,
            )
    return sorted(jobs.values(), key=lambda job: (job.base, job.mutant is not None))


def _good(mutant: Mutant, base: str) -> Job:
    """Return the run of the good stack beside a mutant's: of a whole profile it serves them all."""
    only = tuple(sorted(mutant.only)) if mutant.profile == EXTENDED else ()
    if is_runtime(base):
        return Job(base=base, profile=RUNTIME, only=(), target=good_runtime(base))
    return Job(base=base, profile=mutant.profile, only=only, target=good_target(base))


def _run_all(jobs: Sequence[Job], out: Path, *, fresh: bool) -> None:
    code = code_version()
    marks = {job.place: {"code": code, "command": [*job.command[1:]]} for job in jobs}

    def is_owed(job: Job) -> bool:
        return fresh or not _noted(out / job.place / "run.json").items() >= marks[job.place].items()

    owed = [job for job in jobs if is_owed(job)]
    took: list[float] = []
    for number, job in enumerate(owed, start=1):
        place = out / job.place
        place.mkdir(parents=True, exist_ok=True)
        # Another process with the same --out may be at it, or has done it by now.
        with FileLock(place / "lock"):
            if is_owed(job):
                click.echo(f"[{_progress(number, owed, took)}] {job.base} {job.name} ", nl=False)
                took.append(_run_one(job, place, marks[job.place]))


def _progress(number: int, owed: Sequence[Job], took: Sequence[float]) -> str:
    """Return how far it is, and how long yet: as many runs as are owed of what one took so far."""
    so_far = f"{number} of {len(owed)}"
    if not took:
        return so_far
    left = sum(took) / len(took) * (len(owed) - number + 1) / 60
    return f"{so_far}, about {max(1, round(left))} min left"


def _run_one(job: Job, place: Path, mark: Mapping[str, object]) -> float:
    """Run one and note it; return what it took, in seconds."""
    note = place / "run.json"
    records = place / "records.jsonl"
    for old in (note, records):
        old.unlink(missing_ok=True)
    began = time.monotonic()
    exit_code = _run(job, place)
    seconds = round(time.monotonic() - began, 1)
    click.echo(f"{seconds:.0f} s, exit code {exit_code}")
    if exit_code == EXIT_INTERRUPTED:
        sys.exit(EXIT_INTERRUPTED)
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
    return seconds


def _run(job: Job, place: Path) -> int:
    with (place / "screen.txt").open("w", encoding="utf-8") as screen:
        child = subprocess.Popen(
            [*job.command, f"--out={place}"],
            stdin=subprocess.DEVNULL,
            stdout=screen,
            stderr=subprocess.STDOUT,
        )
        try:
            return child.wait(_RUN_SECONDS)
        except KeyboardInterrupt:
            child.wait()  # Ctrl-C is the whole group's
            return EXIT_INTERRUPTED
        except subprocess.TimeoutExpired:
            child.terminate()
            return child.wait()


def _judged(jobs: Sequence[Job], out: Path) -> list[Result]:
    results = []
    for job in jobs:
        place = out / job.place
        if job.mutant is None or not (place / "run.json").exists():
            continue
        good = out / _good(job.mutant, job.base).place
        seconds = _noted(place / "run.json").get("seconds", 0.0)
        results.append(
            judge_mutant(
                *(job.mutant, job.base, _load(place), _load(good)), seconds=float(str(seconds))
            )
        )
    return results


def _load(place: Path) -> Run:
    file = place / "records.jsonl"
    try:
        return judged_again(load_run(file))
    except OSError as error:
        raise UsageError(
            f"the records cannot be read: {error.strerror}",
            value=str(file),
            origin="--out",
            causes=("the good stack was not run", "somebody removed them"),
            next_command="scripts/mutation",
        ) from None


def _noted(note: Path) -> dict[str, object]:
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(out: Path, results: Sequence[Result]) -> None:
    write_atomically(out / "mutation.md", markdown(results).encode())
    table = {"results": [each.to_json() for each in results], "totals": totals(results)}
    write_atomically(out / "mutation.json", json.dumps(table, indent=1, default=list).encode())


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
