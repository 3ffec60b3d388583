"""What the commands that start pytest for each target share: one file of records, one report.

The checks are pytest's: a command starts it once for each target, and draws one table and one
report from the records of all of them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

import podresize
from podresize.artifacts.bytecode import share_bytecode
from podresize.cli.output import PEOPLE, Output
from podresize.errors import (
    EXIT_HARNESS,
    EXIT_OK,
    EXIT_UNEXPECTED,
    EXIT_USAGE,
    HarnessError,
    HostError,
    PodresizeError,
)
from podresize.evidence.records import RecordFile, VerdictKind, now, run_record
from podresize.providers import linux
from podresize.requirements.shard import Shard
from podresize_reports import github
from podresize_reports.loading import Run, load_run
from podresize_reports.table import closing_table
from podresize_reports.write import write_reports

CHECK_TIMEOUT_SECONDS = 400
# What pytest's end means to us after Ctrl-C (its own code, 2, also stands for a bad collection).
INTERRUPTED = -signal.SIGINT
# As a shell says it.
EXIT_INTERRUPTED = 130


def pytest_command(*options: str, below: str = "") -> list[str]:
    """Return the command that runs the suites, or a folder of them, with pytest."""
    suites = suites_directory()
    return [
        *(sys.executable, "-m", "pytest", str(suites / below)),
        f"--config-file={suites / 'pytest.ini'}",
        f"--rootdir={suites}",
        f"--timeout={CHECK_TIMEOUT_SECONDS}",
        *options,
    ]


def run_pytest(command: Sequence[str], *, run_id: str, output: Output = PEOPLE) -> int:
    """Run pytest in a process of its own, as part of a run; return its exit code."""
    environment = os.environ | {"PODRESIZE_RUN_ID": run_id}
    share_bytecode(environment)
    with commands_unread(output):
        child = subprocess.Popen(
            command,
            env=environment,
            # Beside JSON pytest's lines are progress.
            stdout=sys.stderr if output.is_json else None,
            # When this process is killed its pytest goes too, and with pytest the target.
            preexec_fn=linux.die_with_parent,
            # Whoever interrupts this process, by Ctrl-C or by a signal to it alone, ends the same:
            # it passes the signal on to pytest and its workers, once.
            process_group=0,
        )
        return _wait(child)


@contextlib.contextmanager
def commands_unread(output: Output = PEOPLE) -> Iterator[None]:
    """Keep GitHub's CI from reading workflow commands in what is printed meanwhile.

    Its runner looks for them in every line, and lines here say what a pod printed.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        yield
        return
    token = secrets.token_hex(16)  # who does not know it cannot have them read again
    output.say(f"::stop-commands::{token}")
    _flush()
    try:
        yield
    finally:
        output.say(f"::{token}::")
        _flush()


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def after_target(code: int, worst: int) -> tuple[int, bool]:
    """Return the worst exit code so far, and whether further targets make no sense."""
    if code == INTERRUPTED:
        return EXIT_INTERRUPTED, True
    worst = max(worst, _meaning(code))
    if _meaning(code) not in (EXIT_USAGE, EXIT_HARNESS):
        return worst, False
    if code < 0:
        click.echo(f"the process of the checks was ended by signal {-code}", err=True)
    return worst, True


def open_records(
    out: Path,
    run_id: str,
    *,
    profiles: Sequence[str] = (),
    requirements: Sequence[str] = (),
    shard: str | None = None,
) -> RecordFile:
    """Begin the file of a run's records anew. Raises ``HostError`` where that cannot be."""
    options: dict[str, object] = {
        "profiles": list(profiles),
        "requirements": list(requirements),
    }
    if shard is not None:
        options["shard"] = str(Shard.parse(shard))
    try:
        records = RecordFile(out / "records.jsonl")
        records.path.unlink(missing_ok=True)
        records.append(
            run_record(run_id, version=podresize.__version__, argv=sys.argv[1:], options=options)
        )
    except OSError as error:
        raise HostError(
            f"the report's directory cannot be written: {error.strerror}",
            value=str(out),
            origin="--out or its default",
            causes=("the disk is full", "the directory belongs to someone else"),
            next_command=f"df -h {out.parent}",
        ) from error
    return records


def _wait(child: subprocess.Popen[bytes]) -> int:
    """Wait for pytest. Ctrl-C lets it take its cluster down and end; a second one kills it."""
    interrupted = 0
    while True:
        try:
            code = child.wait()
            return INTERRUPTED if interrupted else code
        except KeyboardInterrupt:
            interrupted += 1
            if interrupted == 1:
                click.echo("interrupted: ending the cluster; once more to kill it", err=True)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGINT)
            else:
                child.kill()


def suites_directory() -> Path:
    """Return the directory of the checks: beside the source in a checkout, else installed."""
    root = Path(podresize.__file__).parent
    for place in (root.parents[1] / "suites", root.parent / "podresize_suites"):
        if (place / "pytest.ini").is_file():
            return place
    raise HarnessError(
        "the suites are not installed with podresize",
        value=str(root),
        causes=("the package was built without its data",),
        next_command="pip install --force-reinstall podresize",
    )


def _meaning(code: int) -> int:
    """Translate pytest's exit code into ours."""
    return {0: EXIT_OK, 1: EXIT_UNEXPECTED, 4: EXIT_USAGE, 5: EXIT_OK}.get(code, EXIT_HARNESS)


def finish(records: RecordFile, out: Path, worst: int, output: Output = PEOPLE) -> int:
    """Write the reports, print the table, and return the exit code of the whole run.

    A run that was interrupted gets no ``end``: its reports say that it died half way.
    """
    seen = load_run(records.path)
    code = exit_code(seen, worst)
    if code != EXIT_INTERRUPTED:
        counts = Counter(str(verdict.verdict) for verdict in seen.verdicts)
        records.append(
            {"type": "end", "ended": now(), "exit": code, "counts": dict(sorted(counts.items()))}
        )
    try:
        written = write_reports(records.path, out)
        told = github.tell(load_run(records.path), os.environ)
    except OSError as error:
        raise PodresizeError(f"the reports cannot be written: {error}", value=str(out)) from error
    for line in told:
        output.say(line)
    with commands_unread(output):
        show_table(load_run(records.path), output)
    output.say(f"written: {records.path}, {', '.join(path.name for path in written)}")
    return code


def show_table(run: Run, output: Output = PEOPLE) -> None:
    """Print the closing table as wide as the terminal is."""
    width = shutil.get_terminal_size((110, 24)).columns
    colour = (sys.stderr if output.is_json else sys.stdout).isatty()
    output.say(closing_table(run, width=width, colour=colour))


def exit_code(seen: Run, worst: int) -> int:
    """Return the run's exit code: what pytest ended with, checked against the verdicts."""
    if worst in (EXIT_INTERRUPTED, EXIT_USAGE, EXIT_HARNESS):
        return worst
    kinds = {verdict.verdict for verdict in seen.verdicts}
    if kinds & {VerdictKind.FAILED, VerdictKind.FLAKY}:
        return EXIT_UNEXPECTED
    if VerdictKind.ERROR in kinds or worst == EXIT_UNEXPECTED:
        return EXIT_HARNESS  # also where a check failed and no requirement knows of it
    if not any(kind.is_executed for kind in kinds):
        click.echo("nothing was executed: no target here can show what was asked for", err=True)
        return EXIT_USAGE
    return EXIT_OK
