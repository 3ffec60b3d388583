"""``podresize certificate``: what a bundle certifies, written, published, and checked again."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from podresize.cli.bundle import refuse_nothing
from podresize.errors import EXIT_OK, EXIT_UNEXPECTED, HostError, UsageError
from podresize_reports.certificate import Certificate, Conformance
from podresize_reports.entries import (
    BUNDLE,
    INDEX,
    ComplaintsError,
    certified,
    check,
    copied,
    drawn,
    entries,
    index,
    is_file_with,
    not_drawn,
    publish,
    write_entry,
)
from podresize_reports.text import one_line, plural
from podresize_reports.verifying import Complaint

_SHOWN = 10
_A_DIRECTORY = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=_A_DIRECTORY,
    metavar="DIR",
    help="Write certificate.yaml, certificate.md, a badge for each profile and bundle.zip there.",
)
@click.option(
    "--into",
    type=_A_DIRECTORY,
    metavar="DIR",
    help="The same in DIR/<podresize's version>/<product>, and DIR/README.md with all of them.",
)
@click.option(
    "--check",
    "checks",
    is_flag=True,
    help="BUNDLE is such a directory, or one of --into: verify each bundle, draw all else again.",
)
def certificate(bundle: Path, out: Path | None, into: Path | None, checks: bool) -> None:
    """Say what a bundle certifies of its stack: per profile conformant, with deviations, or not.

    The bundle is verified first, and one with a complaint certifies nothing. Exit codes: 0 every
    profile is conformant, if with deviations; 1 one is not, or a complaint; 2 usage. Of the
    certificates of --into, --check says with 1 that there is a complaint.
    """
    _refuse_both(bundle, out, into, checks)
    refuse_nothing(bundle)
    try:
        if checks and not (bundle / BUNDLE).exists() and _is_tree(bundle):
            _check_all(bundle)
        else:
            _one(bundle, out, into, checks=checks)
    except ComplaintsError as error:
        _tell(error.complaints)
        click.echo(f"error: a bundle with complaints certifies nothing: {bundle}", err=True)
        sys.exit(EXIT_UNEXPECTED)
    except OSError as error:
        raise HostError(
            f"the certificate cannot be written: {error.strerror}",
            value=str(out or into or bundle),
            origin="--out or --into",
            causes=("the disk is full", "the directory belongs to someone else"),
            next_command=f"ls -ld {out or into or bundle}",
        ) from error


def _refuse_both(bundle: Path, out: Path | None, into: Path | None, checks: bool) -> None:
    given = [
        *(["--check"] if checks else []),
        *([f"--out {out}"] if out is not None else []),
        *([f"--into {into}"] if into is not None else []),
    ]
    if len(given) > 1:
        raise UsageError(
            "a certificate is written to one place or checked",
            value=", ".join(given),
            origin="the command line",
            causes=("--check writes nothing", "--into chooses the directory by itself"),
            next_command=f"podresize certificate --check {bundle}",
        )
    if (out or into) is not None and bundle.is_dir():
        raise UsageError(
            "a certificate carries its bundle as an archive",
            value=str(bundle),
            origin="the command line",
            causes=("the bundle was written as a directory",),
            next_command="podresize bundle reports/out/<run id> bundle.zip",
        )


def _is_tree(place: Path) -> bool:
    return place.is_dir() and any(place.glob(f"*/*/{BUNDLE}"))


def _one(bundle: Path, out: Path | None, into: Path | None, *, checks: bool) -> None:
    # What is handed on is what was verified, whatever becomes of the file meanwhile.
    with copied(bundle / BUNDLE if checks else bundle) as read:
        found, digest = certified(read, named=bundle)
        files = drawn(found, digest)
        for result in found.profiles:
            counts = ", ".join(f"{number} {name}" for name, number in result.counts.items())
            click.echo(f"{result.profile}: {result.conformance} ({counts})")
        click.echo(f"{one_line(found.target.label)}\ndigest: {digest}")
        if checks:
            if wrong := tuple(not_drawn(bundle, files)):
                for each in wrong:
                    click.echo(str(each))
                sys.exit(EXIT_UNEXPECTED)
        elif out is not None:
            write_entry(out, read, files)
            click.echo(f"written: {out}: {', '.join((BUNDLE, *files))}")
        elif into is not None:
            entry = publish(read, into, found, files)
            click.echo(f"written: {entry.directory}: {', '.join((BUNDLE, *files))}; {into / INDEX}")
    sys.exit(EXIT_OK if _is_good(found) else EXIT_UNEXPECTED)


def _is_good(found: Certificate) -> bool:
    return all(each.conformance is not Conformance.NOT for each in found.profiles)


def _check_all(root: Path) -> None:
    found, wrong = entries(root), 0
    for entry in found:
        complaints = check(entry)
        wrong += len(complaints)
        told = "; ".join(f"{profile}: {result}" for profile, result in entry.results.items())
        click.echo(f"{entry.name}: {plural(len(complaints), 'complaint') if complaints else told}")
        _tell(complaints)
    if not is_file_with(root / INDEX, index(found)):
        wrong += 1
        what = f"{root / INDEX}: found another table, wanted that of the entries"
        click.echo(f"{what} (podresize certificate --into {root} <a bundle> draws it)", err=True)
    click.echo(f"{plural(len(found), 'certificate')}, {plural(wrong, 'complaint')}")
    sys.exit(EXIT_UNEXPECTED if wrong else EXIT_OK)


def _tell(complaints: tuple[Complaint, ...]) -> None:
    for complaint in complaints[:_SHOWN]:
        click.echo(str(complaint), err=True)
    if (more := len(complaints) - _SHOWN) > 0:
        click.echo(f"and {plural(more, 'more complaint')}", err=True)
