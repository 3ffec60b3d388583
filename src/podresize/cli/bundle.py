"""``podresize bundle``, ``verify`` and ``rejudge``: a run as one thing that others can check."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from pathlib import Path
from typing import Any

import click

from podresize.errors import EXIT_OK, EXIT_UNEXPECTED, HostError, UsageError
from podresize_reports.bundle import RECORDS, Written, refuse_place, write_bundle
from podresize_reports.contents import UnreadableError, contents
from podresize_reports.judging_again import judged_again
from podresize_reports.loading import Run, read_run
from podresize_reports.merging import Part, merged
from podresize_reports.scrubbing import of_this_host
from podresize_reports.summary import count, counts_text, sentence
from podresize_reports.text import plural
from podresize_reports.verifying import verify_bundle
from podresize_reports.write import write_atomically, write_reports

__all__ = [
    "bundle",
    "bundle_option",
    "make_bundle",
    "merge",
    "refuse_place",
    "rejudge",
    "shard_option",
    "verify",
]

_COMPLAINTS = 40
_A_FILE = click.Path(path_type=Path)

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


def tell_written(written: Written) -> None:
    """Say where a bundle is, and what stands for it."""
    size = f"{written.size / (1 << 20):.1f} MiB"
    click.echo(f"bundle: {written.path}, {plural(written.files, 'file')}, {size}")
    click.echo(f"digest: {written.digest}")


@click.command()
@click.argument("bundle", type=_A_FILE)
@click.option("--digest", metavar="sha256:…", help="The digest that it must have.")
def verify(bundle: Path, digest: str | None) -> None:
    """Check a bundle, offline: is it whole, and do its verdicts follow from its evidence?

    Each complaint names a field, what was found there and what was wanted. Exit codes: 0 no
    complaint, 1 a complaint, 2 usage.
    """
    _refuse_nothing(bundle)
    found = verify_bundle(bundle, digest=digest)
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
        click.echo(f"{found.run.id}: {counts_text(count(found.run.verdicts))}")
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
    _refuse_nothing(bundle)
    _refuse_records(out, "today")
    try:
        lines = b"".join(contents(bundle).blocks(RECORDS)).splitlines(keepends=True)
    except (UnreadableError, KeyError) as error:
        raise UsageError(
            "the bundle's records cannot be read",
            value=f"{bundle}: {error}",
            origin="the command line",
            causes=("it is no bundle", "it was cut short"),
            next_command=f"podresize verify {bundle}",
        ) from None
    before = read_run(lines)
    after = judged_again(before)
    changed = 0
    for old, new in zip(before.verdicts, after.verdicts, strict=True):
        if (old.verdict, old.deviation) != (new.verdict, new.deviation):
            changed += 1
            click.echo(f"{old.requirement}  {old.verdict} | {new.verdict}  {old.check}")
            click.echo(f"    {new.reading}")
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / RECORDS, _judged(lines, after))
    write_reports(out / RECORDS, out)
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
        _refuse_nothing(place)
    _refuse_records(out, "the whole")
    for place in bundles:
        if complaints := verify_bundle(place).complaints:
            raise UsageError(
                "a bundle with complaints cannot be merged",
                value=f"{place}: {complaints[0]}",
                origin="the command line",
                causes=("it was cut short or changed",),
                next_command=f"podresize verify {place}",
            )
    records = merged(
        [
            Part(
                name=str(place),
                lines=b"".join(contents(place).blocks(RECORDS)).splitlines(keepends=True),
            )
            for place in bundles
        ]
    )
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / RECORDS, records)
    write_reports(out / RECORDS, out)
    click.echo(sentence(read_run(records.splitlines(keepends=True))))
    click.echo(f"{plural(len(bundles), 'shard')} merged; written: {out / RECORDS}, and the reports")


def _judged(lines: list[bytes], run: Run) -> bytes:
    """Return the records with expectations, claims and verdicts as a run has them, in order."""
    verdicts = iter(run.verdicts)
    told: set[tuple[str, str]] = set()
    written: list[bytes] = []
    for line in lines:
        # One that no report can read stays as it is, and is told of in each.
        read = read_run(io.BytesIO(line))
        if not (read.verdicts or read.timelines or read.claims):
            written.append(line)
            continue
        record: dict[str, Any] = json.loads(line)
        if read.verdicts:
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


def _refuse_nothing(bundle: Path) -> None:
    if not bundle.exists():
        raise UsageError(
            "there is no such bundle",
            value=str(bundle),
            origin="the command line",
            causes=("a typing error in the path", "the run was not asked for one (--bundle)"),
            next_command="podresize bundle reports/out/<run id> bundle.zip",
        )


def _refuse_records(out: Path, whose: str) -> None:
    if (out / RECORDS).exists():
        raise UsageError(
            f"there are records where those of {whose} are to go",
            value=str(out / RECORDS),
            origin="--out",
            causes=("the directory is that of another run",),
            next_command=f"ls {out}, and the same command with another --out",
        )
