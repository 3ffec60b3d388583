"""``podresize certificate``: what a bundle certifies, written down, and checked again."""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
import tempfile
from pathlib import Path

import click

from podresize.cli.bundle import refuse_nothing
from podresize.errors import EXIT_OK, EXIT_UNEXPECTED, HostError, UsageError
from podresize_reports.certificate import Certificate, Conformance, certificates, to_yaml
from podresize_reports.certificate_page import badge, page
from podresize_reports.contents import LARGEST_FILE, open_plain
from podresize_reports.loading import Run
from podresize_reports.text import one_line
from podresize_reports.verifying import verify_bundle
from podresize_reports.write import write_atomically

BUNDLE = "bundle.zip"
# Where a run was written says nothing of it.
_OF_THE_HOST = re.compile(r"--(out|bundle)(=.*)?")


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write certificate.yaml, certificate.md, a badge for each profile and bundle.zip there.",
)
@click.option(
    "--check",
    is_flag=True,
    help="BUNDLE is such a directory: verify its bundle, and that it gives its other files.",
)
def certificate(bundle: Path, out: Path | None, check: bool) -> None:
    """Say what a bundle certifies of its stack: per profile conformant, with deviations, or not.

    The bundle is verified first, and one with a complaint certifies nothing. Exit codes: 0 every
    profile is conformant, if with deviations; 1 one is not, or a complaint; 2 usage.
    """
    if check and out is not None:
        raise UsageError(
            "a certificate is written or checked",
            value=f"--check, --out {out}",
            origin="the command line",
            causes=("--check writes nothing",),
            next_command=f"podresize certificate --check {bundle}",
        )
    with tempfile.TemporaryDirectory() as directory:
        # What is handed on is what was verified, whatever becomes of the file meanwhile.
        read = bundle / BUNDLE if check else bundle
        if out is not None:
            read = _copied(bundle, Path(directory) / BUNDLE)
        found, digest = _verified(read, named=bundle)
        archive = b"" if out is None else read.read_bytes()
    files = drawn(found, digest)
    for result in found.profiles:
        counts = ", ".join(f"{number} {name}" for name, number in result.counts.items())
        click.echo(f"{result.profile}: {result.conformance} ({counts})")
    click.echo(f"{one_line(found.target.label)}\ndigest: {digest}")
    if check:
        _compare(bundle, files)
    elif out is not None:
        _write(out, {BUNDLE: archive, **files})
    is_good = all(each.conformance is not Conformance.NOT for each in found.profiles)
    sys.exit(EXIT_OK if is_good else EXIT_UNEXPECTED)


def drawn(found: Certificate, digest: str) -> dict[str, bytes]:
    """Return the files of a certificate by name, drawn from the run of a bundle."""
    files = {
        "certificate.yaml": to_yaml(found, bundle=digest),
        "certificate.md": page(found, bundle=digest, reproduce=_reproduce(found.run)),
    }
    return files | {f"{each.profile}.svg": badge(each) for each in found.profiles}


def _copied(bundle: Path, place: Path) -> Path:
    """Copy an archive; return the copy, and the archive itself where it cannot be copied."""
    if bundle.is_dir():
        raise UsageError(
            "a certificate carries its bundle as an archive",
            value=str(bundle),
            origin="the command line",
            causes=("the bundle was written as a directory",),
            next_command="podresize bundle reports/out/<run id> bundle.zip",
        )
    size = 0
    with contextlib.suppress(OSError), open_plain(bundle) as source, place.open("wb") as copy:
        while block := source.read(1 << 20):
            size += copy.write(block)
            if size > LARGEST_FILE:
                raise UsageError(
                    "this is larger than any bundle",
                    value=f"{bundle}: more than {LARGEST_FILE >> 20} MiB",
                    origin="the command line",
                    causes=("it is another file",),
                    next_command=f"podresize verify {bundle}",
                )
        return place
    return bundle


def _verified(bundle: Path, *, named: Path) -> tuple[Certificate, str]:
    """Return the certificate of a bundle's one stack, and the bundle's digest."""
    refuse_nothing(named)
    verification = verify_bundle(bundle)
    if verification.complaints:
        for complaint in verification.complaints[:10]:
            click.echo(str(complaint), err=True)
        click.echo(f"error: a bundle with complaints certifies nothing: {named}", err=True)
        sys.exit(EXIT_UNEXPECTED)
    assert verification.run is not None
    found = certificates(verification.run)
    if len(found) != 1 or not found[0].profiles:
        stacks = "; ".join(each.target.label for each in found)
        raise UsageError(
            "a certificate is of one stack and at least one profile",
            value=f"{named}: {stacks or 'a run of single requirements'}",
            origin="the command line",
            causes=(
                "the run had several targets: each needs a run of its own",
                "the run named requirements, or no profile but headline",
            ),
            next_command="podresize run --profile core --containerd 2.1.4 --kubernetes 1.37.2 "
            "--no-gate-off --bundle core.zip",
        )
    return found[0], verification.digest


def _reproduce(run: Run) -> str:
    kept, skips = [], False
    for word in run.argv:
        if skips:
            skips = False
        elif (found := _OF_THE_HOST.fullmatch(word)) is not None:
            skips = found[2] is None
        else:
            kept.append(word)
    return shlex.join(["podresize", *kept])


def _write(out: Path, files: dict[str, bytes]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_atomically(out / name, content)
    except OSError as error:
        raise HostError(
            f"the certificate cannot be written: {error.strerror}",
            value=str(out),
            origin="--out",
            causes=("the disk is full", "the directory belongs to someone else"),
            next_command=f"ls -ld {out}",
        ) from error
    click.echo(f"written: {out}: {', '.join(files)}")


def _compare(directory: Path, files: dict[str, bytes]) -> None:
    wrong = [name for name, content in files.items() if not _is(directory / name, content)]
    known = {BUNDLE, *files}
    wrong += sorted(path.name for path in directory.iterdir() if path.name not in known)
    for name in wrong:
        click.echo(f"{directory / name}: found another file, wanted the one that {BUNDLE} gives")
    if wrong:
        sys.exit(EXIT_UNEXPECTED)


def _is(path: Path, content: bytes) -> bool:
    try:
        with open_plain(path) as file:
            return file.read(len(content) + 1) == content
    except OSError:
        return False
