"""``podresize mutation``: does each requirement catch what it must, on real clusters made wrong?"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from podresize.cli.mutation_runs import RUNTIME, Job, noted, run_all
from podresize.errors import EXIT_OK, EXIT_UNEXPECTED, UsageError
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
from podresize_reports.judging_again import judged_again
from podresize_reports.loading import Run, load_run
from podresize_reports.mutation import Result, is_right, judge_mutant, markdown, totals
from podresize_reports.write import write_atomically

_OUT = Path("reports/out/mutation")


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
@click.option(
    "--at-a-time",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Runs side by side, each with a cluster of its own.",
)
@click.option("--fresh", is_flag=True, help="Run again what was run with this same code.")
@click.option("--no-run", is_flag=True, help="Judge the records that are there, whose code or not.")
@click.option("--list", "is_list", is_flag=True, help="Name the mutants, and run none.")
def mutation(
    only: tuple[str, ...],
    tenth: bool,
    out: Path,
    at_a_time: int,
    fresh: bool,
    no_run: bool,
    is_list: bool,
) -> None:
    """Make good stacks wrong, one way at a time, and see which requirements catch it.

    Exit codes: 0 each mutant is caught by what must catch it and by nothing else, and 95 % of the
    readings name who is guilty; 1 otherwise; 2 usage or host.
    """
    known = load_mutants()
    chosen = _chosen(known, only, tenth=tenth, elsewhere=is_list)
    if is_list:
        for mutant in chosen:
            click.echo(f"{mutant.id:28} {', '.join(mutant.stacks):28} {mutant.title}")
        return
    jobs = _jobs(chosen)
    if not no_run:
        run_all(jobs, out, fresh=fresh, at_a_time=at_a_time)
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
    elsewhere = [each.id for each in known.mutants.values() if each.is_elsewhere]
    if elsewhere and not only:
        click.echo(f"left out, for --only on a host that can make them: {', '.join(elsewhere)}")
    if not only and not tenth:
        click.echo(f"{len(known.not_mutated)} requirements have no mutant (not_mutated.yaml)")
    sys.exit(EXIT_OK if is_right(results) else EXIT_UNEXPECTED)


def _chosen(known: Mutants, only: Sequence[str], *, tenth: bool, elsewhere: bool) -> list[Mutant]:
    if only:
        return [find_mutant(known, id_) for id_ in only]
    # Not every host can make those elsewhere, and one that cannot would end the whole table.
    here = [each for each in known.mutants.values() if elsewhere or not each.is_elsewhere]
    return [each for each in here if each.tenth or not tenth]


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
    is_long = mutant.profile == EXTENDED or mutant.is_elsewhere
    only = tuple(sorted(mutant.only)) if is_long else ()
    if is_runtime(base):
        return Job(base=base, profile=RUNTIME, only=(), target=good_runtime(base))
    return Job(base=base, profile=mutant.profile, only=only, target=good_target(base))


def _judged(jobs: Sequence[Job], out: Path) -> list[Result]:
    results = []
    for job in jobs:
        place = out / job.place
        if job.mutant is None or not (place / "run.json").exists():
            continue
        good = out / _good(job.mutant, job.base).place
        seconds = noted(place / "run.json").get("seconds", 0.0)
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


def _write(out: Path, results: Sequence[Result]) -> None:
    write_atomically(out / "mutation.md", markdown(results).encode())
    table = {"results": [each.to_json() for each in results], "totals": totals(results)}
    write_atomically(out / "mutation.json", json.dumps(table, indent=1, default=list).encode())
