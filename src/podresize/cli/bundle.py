"""``podresize bundle``, ``verify`` and ``rejudge``: a run as one thing that others can check."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click

from podresize.cli.driving import exit_code
from podresize.cli.output import PEOPLE, Output, format_option
from podresize.errors import EXIT_OK, EXIT_UNEXPECTED, HostError, UsageError
from podresize_reports.bundle import RECORDS, Written, refuse_place, write_bundle
from podresize_reports.contents import UnreadableError, contents
from podresize_reports.judging_again import judged_again
from podresize_reports.loading import Run, read_run
from podresize_reports.merging import Part, merged
from podresize_reports.scrubbing import of_this_host
from podresize_reports.summary import count, counts_text, sentence
from podresize_reports.text import one_line, plural
from podresize_reports.verifying import read_lines, verify_bundle
from podresize_reports.write import write_run

__all__ = [
    "bundle",
    "bundle_option",
    "make_bundle",
    "merge",
    "refuse_nothing",
    "refuse_place",
    "rejudge",
    "shard_option",
    "verify",
]

_COMPLAINTS = 40
_A_FILE = click.Path(path_type=Path)

out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where records.jsonl, junit.xml and index.html go.  [default: reports/out/<run id>]",
)
bundle_option = click.option(
    "--bundle",
    "bundle_place",
    type=_A_FILE,
    metavar="PATH",
    help="Also write a bundle there, that others can verify: a directory, or an archive (.zip).",
)


shard_option = click.option(
    "--shard",
    metavar="I/N",
    help="Run the Ith of N parts of the checks; `podresize merge` joins their bundles.",
)


@click.command()
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.argument("place", type=_A_FILE)
def bundle(run: Path, place: Path) -> None:
    """Make a bundle, at PLACE, of the run whose records are in the directory RUN.

    A directory, or an archive where PLACE ends in .zip. Secrets and this host's own paths are left
    out of it.
    """
    tell_written(make_bundle(run, place))


def make_bundle(out: Path, place: Path) -> Written:
    """Write the bundle of a run on this host. Raises ``HostError`` where that cannot be."""
    try:
        return write_bundle(out, place, of_this_host(out))
    except OSError as error:
        raise HostError(
            f"the bundle cannot be written: {error.strerror}",
            value=str(place),
            origin="the bundle's place",
            causes=("the disk is full", "the directory belongs to someone else"),
            next_command=f"podresize bundle {out} <another place>",
        ) from error


def tell_written(written: Written, output: Output = PEOPLE) -> None:
    """Say where a bundle is, and what stands for it."""
    size = f"{written.size / (1 << 20):.1f} MiB"
    output.say(f"bundle: {written.path}, {plural(written.files, 'file')}, {size}")
    output.say(f"digest: {written.digest}")


@click.command()
@click.argument("bundle", type=_A_FILE)
@click.option("--digest", metavar="sha256:…", help="The digest that it must have.")
@format_option
def verify(bundle: Path, digest: str | None, output: Output) -> None:
    """Check a bundle, offline: is it whole, and do its verdicts follow from its evidence?

    Each complaint names a field, what was found there and what was wanted. Exit codes: 0 no
    complaint, 1 a complaint, 2 usage.
    """
    refuse_nothing(bundle)
    found = verify_bundle(bundle, digest=digest)
    if output.is_json:
        output.document(
            "podresize-verification",
            bundle=bundle,
            digest=found.digest or None,
            run=found.run and found.run.id,
            complaints=found.complaints,
            derived=found.derived,
            unproved=found.unproved,
            notes=found.notes,
            counts={} if found.run is None else count(found.run.verdicts),
        )
        sys.exit(EXIT_UNEXPECTED if found.complaints else EXIT_OK)
    for complaint in found.complaints[:_COMPLAINTS]:
        click.echo(str(complaint))
    if (more := len(found.complaints) - _COMPLAINTS) > 0:
        click.echo(f"and {more} more")
    for note in found.notes:
        click.echo(f"note: {note}")
    if found.run is not None:
        click.echo(
            f"{plural(found.derived, 'verdict')} derived again from their evidence, "
            f"{found.unproved} for which nothing was put to the target"
        )
        click.echo(f"{one_line(found.run.id)}: {counts_text(count(found.run.verdicts))}")
    if found.digest:
        click.echo(f"digest: {found.digest}")
    click.echo(f"{plural(len(found.complaints), 'complaint')}: {bundle}")
    sys.exit(EXIT_UNEXPECTED if found.complaints else EXIT_OK)


@click.command()
@click.argument("bundle", type=_A_FILE)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="DIR",
    help="Where records.jsonl, junit.xml and index.html of today's verdicts go.",
)
def rejudge(bundle: Path, out: Path) -> None:
    """Judge a bundle again, by the catalogue of this podresize, with no cluster.

    Each verdict that changes is told. Exit codes: 0 none changed, 1 one did, 2 usage.
    """
    refuse_nothing(bundle)
    _refuse_records(out, "today")
    lines, before, after = _again(bundle)
    changed = 0
    for old, new in zip(before.verdicts, after.verdicts, strict=True):
        if (old.verdict, old.deviation) != (new.verdict, new.deviation):
            changed += 1
            check = one_line(old.check)
            click.echo(f"{old.requirement}  {old.verdict} | {new.verdict}  {check}")
            click.echo(f"    {one_line(new.reading)}")
    _write_run(_judged(lines, after), out)
    click.echo(sentence(after))
    click.echo(f"{plural(changed, 'verdict')} changed; written: {out / RECORDS}, and the reports")
    sys.exit(EXIT_UNEXPECTED if changed else EXIT_OK)


@click.command()
@click.argument("bundles", nargs=-1, required=True, type=_A_FILE)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="DIR",
    help="Where records.jsonl, junit.xml and index.html of the whole go.",
)
def merge(bundles: tuple[Path, ...], out: Path) -> None:
    """Join the shards of one run: BUNDLES are all of them, in any order.

    Shards of other targets, options or releases are refused, and so is a bundle with a complaint.
    """
    for place in bundles:
        refuse_nothing(place)
    _refuse_records(out, "the whole")
    parts = []
    for place in bundles:
        found = verify_bundle(place)
        if found.complaints:
            raise UsageError(
                "a bundle with complaints cannot be merged",
                value=f"{place}: {found.complaints[0]}",
                origin="the command line",
                causes=("it was cut short or changed",),
                next_command=f"podresize verify {place}",
            )
        parts.append(Part(name=str(place), lines=list(found.lines)))
    run = _write_run(merged(parts), out)
    click.echo(sentence(run))
    click.echo(f"{plural(len(bundles), 'shard')} merged; written: {out / RECORDS}, and the reports")


def _again(bundle: Path) -> tuple[list[bytes], Run, Run]:
    """Return the lines of a bundle's records, its run, and the run as it is judged today."""
    try:
        lines = read_lines(contents(bundle))
        before = read_run(lines)
        if not before.id and not before.verdicts:
            raise UnreadableError("they are no records of a run")
    except UnreadableError as error:
        raise _no_records(bundle, str(error)) from None
    try:
        return lines, before, judged_again(before)
    # Evidence may be anything, and a judge trip over it in any way.
    except Exception as error:
        why = f"its evidence cannot be judged ({type(error).__name__}: {error})"
        raise _no_records(bundle, why) from None


def _no_records(bundle: Path, why: str) -> UsageError:
    return UsageError(
        "the bundle's records cannot be read",
        value=f"{bundle}: {why}",
        origin="the command line",
        causes=("it is no bundle", "it was cut short or changed"),
        next_command=f"podresize verify {bundle}",
    )


def _write_run(records: bytes, out: Path) -> Run:
    """Write records and the reports of them; return the run that they tell of."""
    run = read_run(io.BytesIO(records))
    try:
        write_run(records, run, out)
    except OSError as error:
        raise HostError(
            f"the records cannot be written: {error.strerror}",
            value=str(out),
            origin="--out",
            causes=("the disk is full", "the directory belongs to someone else"),
            next_command=f"ls -ld {out}",
        ) from error
    # What stranger's records hold may be nothing that a page can be drawn of.
    except Exception as error:
        raise UsageError(
            "no report can be drawn of these records",
            value=f"{type(error).__name__}: {error}",
            origin="the bundle",
            causes=("it was changed", "it was written by another release"),
            next_command="podresize verify <the bundle>",
        ) from error
    return run


def _judged(lines: list[bytes], run: Run) -> bytes:
    """Return the records with expectations, claims and verdicts as a run has them, in order.

    The end counts them, and has the exit code of a run that ended with these.
    """
    verdicts = iter(run.verdicts)
    told: set[tuple[str, str]] = set()
    written: list[bytes] = []
    for line in lines:
        # A line that is left out of the run, for whatever reason, stays as it is.
        read = read_run([line])
        if not (read.verdicts or read.timelines or read.claims or read.complete):
            written.append(line)
            continue
        record: dict[str, Any] = json.loads(line.decode(errors="replace"))
        if read.complete:
            counts = Counter(str(each.verdict) for each in run.verdicts)
            record["counts"] = dict(sorted(counts.items()))
            if read.exit in (EXIT_OK, EXIT_UNEXPECTED):
                record["exit"] = exit_code(run, EXIT_OK)
        elif read.verdicts:
            record |= dataclasses.asdict(next(verdicts))
        elif read.timelines:
            record["expectation"] = run.timelines[record["id"]].expectation
        else:
            (key,) = read.claims
            # All of a check stand together: those of the first of its records and of the others.
            made = () if key in told else run.claims[key]
            told.add(key)
            record["claims"] = [claim.to_json() for claim in made]
        written.append(json.dumps(record, separators=(",", ":")).encode() + b"\n")
    return b"".join(written)


def refuse_nothing(bundle: Path) -> None:
    """Raise ``UsageError`` where there is no such bundle."""
    try:
        bundle.lstat()
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(
            "there is no such bundle",
            value=str(bundle),
            origin="the command line",
            causes=("a typing error in the path", "the run was not asked for one (--bundle)"),
            next_command="podresize bundle reports/out/<run id> bundle.zip",
        ) from None
    except OSError:
        return  # who reads it says what keeps it from being read


def _refuse_records(out: Path, whose: str) -> None:
    try:
        is_there = (out / RECORDS).exists()
    except OSError as error:
        raise HostError(
            f"nothing can be written there: {error.strerror}",
            value=str(out),
            origin="--out",
            causes=("a directory above it belongs to someone else",),
            next_command=f"ls -ld {out.parent}",
        ) from None
    if is_there:
        raise UsageError(
            f"there are records where those of {whose} are to go",
            value=str(out / RECORDS),
            origin="--out",
            causes=("the directory is that of another run",),
            next_command=f"ls {out}, and the same command with another --out",
        )
