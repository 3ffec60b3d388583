"""The command line: ``podresize``."""

from __future__ import annotations

import errno
import io
import sys
from typing import NoReturn

import click

from podresize import __version__
from podresize.cli.artifacts import artifacts
from podresize.cli.bundle import bundle, merge, rejudge, verify
from podresize.cli.catalogue import explain, list_requirements
from podresize.cli.certificate import certificate
from podresize.cli.certify_runtime import certify_runtime
from podresize.cli.cluster import cluster
from podresize.cli.compare import compare
from podresize.cli.doctor import doctor
from podresize.cli.history import history
from podresize.cli.job import job
from podresize.cli.matrix import matrix
from podresize.cli.mutation import mutation
from podresize.cli.nightly import nightly
from podresize.cli.output import emit_error, is_json
from podresize.cli.report import report
from podresize.cli.run import run
from podresize.cli.runtime import runtime
from podresize.errors import EXIT_USAGE, HostError, PodresizeError
from podresize_reports.text import clean


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="podresize")
def commands() -> None:
    """Conformance and end-to-end tests for Kubernetes in-place Pod resize (KEP-1287)."""


commands.add_command(run)
commands.add_command(certify_runtime)
commands.add_command(cluster)
commands.add_command(runtime)
commands.add_command(report)
commands.add_command(bundle)
commands.add_command(verify)
commands.add_command(rejudge)
commands.add_command(merge)
commands.add_command(certificate)
commands.add_command(history)
commands.add_command(nightly)
commands.add_command(job)
commands.add_command(compare)
commands.add_command(matrix)
commands.add_command(mutation)
commands.add_command(artifacts)
commands.add_command(doctor)
commands.add_command(list_requirements)
commands.add_command(explain)


def main() -> None:
    """Run the command line; an error meant for a person is one message, without a traceback."""
    # A path may be of bytes that are no text.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        sys.exit(commands.main(standalone_mode=False))
    except PodresizeError as error:
        _tell(error, error.exit_code)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        full = HostError(
            f"the disk is full: {error.strerror}",
            value=str(error.filename or "a file or the standard output"),
            origin="the host",
            next_command="df -h",
        )
        _tell(full, full.exit_code)
    except click.ClickException as error:
        if not is_json(sys.argv[1:]):
            error.show()
            sys.exit(EXIT_USAGE)
        _tell(error, EXIT_USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)


def _tell(error: Exception, code: int) -> NoReturn:
    if is_json(sys.argv[1:]):
        emit_error(error, code)
    else:
        click.echo(f"error: {clean(str(error))}", err=True)
    sys.exit(code)
