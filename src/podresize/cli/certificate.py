"""``podresize certificate``: what a bundle certifies, written down, and checked again."""

from __future__ import annotations

import io
import re
import shlex
import sys
from pathlib import Path

import click

from podresize.errors import EXIT_OK, EXIT_UNEXPECTED, UsageError
from podresize_reports.bundle import RECORDS
from podresize_reports.certificate import Certificate, Conformance, certificates, to_yaml
from podresize_reports.certificate_page import badge, page
from podresize_reports.contents import contents
from podresize_reports.loading import Run, read_run
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
    found, digest = _verified(bundle / BUNDLE if check else bundle)
    files = drawn(found, digest)
    for result in found.profiles:
        counts = ", ".join(f"{number} {name}" for name, number in result.counts.items())
        click.echo(f"{result.profile}: {result.conformance} ({counts})")
    click.echo(f"{found.target.label}\ndigest: {digest}")
    if check:
        _compare(bundle, files)
    elif out is not None:
        _write(out, files, bundle)
    is_good = all(each.conformance is not Conformance.NOT for each in found.profiles)
    sys.exit(EXIT_OK if is_good else EXIT_UNEXPECTED)


def drawn(found: Certificate, digest: str) -> dict[str, bytes]:
    """Return the files of a certificate by name, drawn from the run of a bundle."""
    files = {
        "certificate.yaml": to_yaml(found, bundle=digest),
        "certificate.md": page(found, bundle=digest, reproduce=_reproduce(found.run)),
    }
    return files | {f"{each.profile}.svg": badge(each) for each in found.profiles}


def _verified(bundle: Path) -> tuple[Certificate, str]:
    """Return the certificate of a bundle's one stack, and the bundle's digest."""
    verification = verify_bundle(bundle)
    if verification.complaints:
        for complaint in verification.complaints[:10]:
            click.echo(str(complaint), err=True)
        click.echo(f"error: a bundle with complaints certifies nothing: {bundle}", err=True)
        sys.exit(EXIT_UNEXPECTED)
    run = read_run(io.BytesIO(b"".join(contents(bundle).blocks(RECORDS))))
    found = certificates(run)
    if len(found) != 1 or not found[0].profiles:
        stacks = "; ".join(each.target.label for each in found)
        raise UsageError(
            "a certificate is of one stack and at least one profile",
            value=f"{bundle}: {stacks or 'a run of single requirements'}",
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


def _write(out: Path, files: dict[str, bytes], bundle: Path) -> None:
    if bundle.is_dir():
        raise UsageError(
            "a certificate carries its bundle as an archive",
            value=str(bundle),
            origin="the command line",
            causes=("the bundle was written as a directory",),
            next_command="podresize bundle reports/out/<run id> bundle.zip",
        )
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / BUNDLE, bundle.read_bytes())
    for name, content in files.items():
        write_atomically(out / name, content)
    click.echo(f"written: {out}: {', '.join((BUNDLE, *files))}")


def _compare(directory: Path, files: dict[str, bytes]) -> None:
    wrong = [
        name
        for name, content in files.items()
        if not (directory / name).is_file() or (directory / name).read_bytes() != content
    ]
    known = {BUNDLE, *files}
    wrong += sorted(path.name for path in directory.iterdir() if path.name not in known)
    for name in wrong:
        click.echo(f"{directory / name}: found another file, wanted the one that {BUNDLE} gives")
    if wrong:
        sys.exit(EXIT_UNEXPECTED)
