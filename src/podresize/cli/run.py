"""``podresize run``: the main job. Targets, one after the other; verdicts; one report.

The checks are pytest's: this command starts it once for each target and draws one table and one
report from the records of all of them.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

import podresize
from podresize.artifacts.bytecode import share_bytecode
from podresize.artifacts.progress import default_progress
from podresize.cli.target_options import take_target, target_options
from podresize.errors import (
    EXIT_HARNESS,
    EXIT_OK,
    EXIT_UNEXPECTED,
    EXIT_USAGE,
    HarnessError,
    HostError,
    PodresizeError,
    UsageError,
)
from podresize.evidence.records import RecordFile, VerdictKind, new_run_id, now, run_record
from podresize.oracle.versions import V1_32
from podresize.providers import linux
from podresize.providers.kubelet import gate_is_locked, read_overrides
from podresize.providers.registry import provider_of
from podresize.requirements.loader import load_catalogue
from podresize.requirements.profiles import check_profiles
from podresize.requirements.target import EXISTING, PROVIDERS, Target
from podresize.requirements.versions import parse_release
from podresize_reports.loading import Run, load_run
from podresize_reports.table import closing_table
from podresize_reports.write import write_reports

# On each side of 1.6.9, the first release that reports a container's resources.
_CONTAINERD = ("1.6.8", "1.6.36")
# Enough to tell the two sides of 1.6.9 apart, in the time of two syncs of 1.27; core is more.
_PROFILES = ("headline", "known-issues")
# Up to 1.31 a check mostly waits for the kubelet's next sync: far more of them fit a host than
# processors, and about as many as a node of two has room for their pods. Later ones are busy all
# the time.
_WORKERS_THAT_WAIT = 16
_BUSY_WORKERS_PER_PROCESSOR = 4
_CHECK_TIMEOUT_SECONDS = 400
# What pytest's end means to us after Ctrl-C (its own code, 2, also stands for a bad collection).
_INTERRUPTED = -signal.SIGINT
# As a shell says it.
EXIT_INTERRUPTED = 130


@click.command()
@click.argument("requirements", nargs=-1, metavar="[REQUIREMENT]...")
@functools.partial(target_options, providers=PROVIDERS)
@click.option(
    "--containerd",
    multiple=True,
    default=_CONTAINERD,
    show_default=True,
    metavar="VERSION",
    help="Release of containerd; may be repeated, each is a target.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where records.jsonl, junit.xml and index.html go.  [default: reports/out/<run id>]",
)
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    default=_PROFILES,
    show_default=True,
    metavar="NAME",
    help="Profile of checks: headline, core, known-issues, extended; may be repeated. Naming "
    "requirements runs all of their checks, whatever the profile.",
)
@click.option(
    "-n",
    "--workers",
    type=click.IntRange(min=0),
    help="Checks at a time; 0 runs them in one process.  [default: 16 to Kubernetes 1.31, where "
    "they wait; later 4 for each processor]",
)
@click.option(
    "--gate-off/--no-gate-off",
    default=None,
    help="Also run the last containerd with the gate off.  [default: with --gate on, where it can]",
)
@click.option("--name", metavar="NAME", help="Name of the cluster.  [default: a new one]")
@click.option(
    "--reuse",
    is_flag=True,
    help="Use the cluster of that --name if it is there and is what was asked for, and leave it "
    "running. For one target.",
)
@click.option(
    "--keep",
    is_flag=True,
    help="Leave the cluster running, and print how to reach and delete it. For one target.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="For --provider kubeconfig: how to reach the cluster.",
)
@click.option("--context", metavar="NAME", help="Its context.  [default: the current one]")
@click.option(
    "--namespace",
    metavar="NAME",
    help="Where the pods go; it stays.  [default: one that is made and deleted]",
)
@click.option("--image", metavar="IMAGE", help="The workload's image as the node can pull it.")
@click.option(
    "--node-selector",
    multiple=True,
    metavar="KEY=VALUE",
    help="On which node the pods run; may be repeated.",
)
@click.option("--runtime-class", metavar="NAME", help="The RuntimeClass of the pods.")
def run(
    requirements: tuple[str, ...],
    containerd: tuple[str, ...],
    out: Path | None,
    profiles: tuple[str, ...],
    workers: int | None,
    gate_off: bool | None,
    name: str | None,
    reuse: bool,
    keep: bool,
    **options: Any,
) -> None:
    """Start a real cluster for each target, check it, and write the report.

    REQUIREMENT names requirements (ST-21); without any, all are checked.

    Exit codes: 0 nothing unexpected, 1 an unexpected verdict, 2 usage or host, 3 the harness.
    """
    for requirement in requirements:
        load_catalogue().requirement(requirement)
    check_profiles(profiles)
    if requirements and profiles == _PROFILES:
        profiles = ()
    targets = _targets(containerd, gate_off, options)
    whose = [f"--name={name}"] if name is not None else []
    whose += [word for word, is_given in (("--reuse", reuse), ("--keep", keep)) if is_given]
    _refuse_several(targets, whose)
    provider = provider_of(targets[0].provider)
    for target in targets:
        provider.check_target(target)
    if options["kubelet_config"] is not None:
        read_overrides(options["kubelet_config"])
    provider.check_host()
    run_id = new_run_id()
    out = out or Path("reports/out") / run_id
    records = _open_records(out, run_id)
    for target in targets:
        provider.gather(target, progress=default_progress())
    began = time.monotonic()
    worst = EXIT_OK
    for number, target in enumerate(targets, start=1):
        click.echo(f"target {number} of {len(targets)}: {target}")
        number = workers_for(_release(target)) if workers is None else workers
        code = _run_pytest(
            target, requirements, profiles, out=out, run_id=run_id, workers=number, whose=whose
        )
        if code == _INTERRUPTED:
            worst = EXIT_INTERRUPTED
            break
        worst = max(worst, _meaning(code))
        if _meaning(code) in (EXIT_USAGE, EXIT_HARNESS):
            if code < 0:
                click.echo(f"the process of the checks was ended by signal {-code}", err=True)
            break
    worst = _finish(records, out, worst)
    click.echo(f"{time.monotonic() - began:.0f} s, exit code {worst}")
    sys.exit(worst)


def _release(target: Target) -> str:
    """Return the release of Kubernetes, which an existing cluster has to be asked for."""
    if target.provider != EXISTING:
        return target.kubernetes
    from podresize.providers.kubeconfig.provider import release

    return release(target)


def _targets(
    containerd: Sequence[str], gate_off: bool | None, options: dict[str, Any]
) -> list[Target]:
    if options["provider"] == EXISTING:
        gate = {"gate": "off"} if gate_off else {}  # it will be refused, as --gate off is
        return [take_target(options | gate, containerd=containerd[-1])]
    targets = [take_target(options, containerd=version) for version in containerd]
    last = targets[-1]
    can = not gate_is_locked(last.kubernetes)
    if gate_off or (gate_off is None and last.gate and can):
        targets.append(take_target(options | {"gate": "off"}, containerd=containerd[-1]))
    return targets


def _refuse_several(targets: Sequence[Target], whose: Sequence[str]) -> None:
    """Raise ``UsageError`` where several targets are to have one cluster, or all are to stay."""
    given = [word for word in whose if word in ("--reuse", "--keep")]
    if given and len(targets) > 1:
        raise UsageError(
            "a cluster is kept or reused in a run of one target",
            value=f"{len(targets)} targets: {'; '.join(map(str, targets))}",
            origin=" ".join(given),
            causes=(
                "by default a run has a target on each side of containerd 1.6.9, and one with "
                "the gate off",
            ),
            next_command=f"podresize run {' '.join(whose)} --containerd 1.6.36 --no-gate-off",
        )


def _open_records(out: Path, run_id: str) -> RecordFile:
    try:
        records = RecordFile(out / "records.jsonl")
        records.path.unlink(missing_ok=True)
        records.append(run_record(run_id, version=podresize.__version__, argv=sys.argv[1:]))
    except OSError as error:
        raise HostError(
            f"the report's directory cannot be written: {error.strerror}",
            value=str(out),
            origin="--out or its default",
            causes=("the disk is full", "the directory belongs to someone else"),
            next_command=f"df -h {out.parent}",
        ) from error
    return records


def _run_pytest(
    target: Target,
    requirements: Sequence[str],
    profiles: Sequence[str],
    *,
    out: Path,
    run_id: str,
    workers: int,
    whose: Sequence[str],
) -> int:
    """Run the suites against one target in a process of their own; return pytest's exit code.

    ``whose`` are the options of pytest that name the cluster and say what becomes of it.
    """
    suites = suites_directory()
    command = [
        sys.executable,
        "-m",
        "pytest",
        str(suites),
        f"--config-file={suites / 'pytest.ini'}",
        f"--rootdir={suites}",
        f"--provider={target.provider}",
        f"--kubernetes={target.kubernetes}",
        f"--containerd={target.containerd}",
        f"--oci-runtime={target.oci_runtime}",
        f"--gate={'on' if target.gate else 'off'}",
        f"--cpu-manager-policy={target.cpu_manager_policy}",
        f"--memory-manager-policy={target.memory_manager_policy}",
        f"--out={out.resolve()}",
        f"--timeout={_CHECK_TIMEOUT_SECONDS}",
        *whose,
    ]
    if target.cgroup_driver is not None:
        command.append(f"--cgroup-driver={target.cgroup_driver}")
    if target.worker_nodes:
        command.append(f"--worker-nodes={target.worker_nodes}")
    if target.tap:
        command.append("--tap")
    command += [f"--fault={each}" for each in target.faults]
    if target.kubelet_config is not None:
        command.append(f"--kubelet-config={target.kubelet_config.resolve()}")
    if target.kubeconfig is not None:
        command.append(f"--podresize-kubeconfig={target.kubeconfig.resolve()}")
    for name in ("context", "namespace", "image", "runtime_class"):
        if (value := getattr(target, name)) is not None:
            command.append(f"--podresize-{name.replace('_', '-')}={value}")
    command += [f"--podresize-node-selector={each}" for each in target.node_selector]
    if workers:
        command += ["-n", str(workers)]
    command += [f"--requirement={requirement}" for requirement in requirements]
    command += [f"--profile={profile}" for profile in profiles]
    environment = os.environ | {"PODRESIZE_RUN_ID": run_id}
    share_bytecode(environment)
    child = subprocess.Popen(
        command,
        env=environment,
        # When this process is killed its pytest goes too, and with pytest the cluster.
        preexec_fn=linux.die_with_parent,
        # Whoever interrupts this process, by Ctrl-C or by a signal to it alone, ends the same: it
        # passes the signal on to pytest and its workers, once.
        process_group=0,
    )
    return _wait(child)


def _wait(child: subprocess.Popen[bytes]) -> int:
    """Wait for pytest. Ctrl-C lets it take its cluster down and end; a second one kills it."""
    interrupted = 0
    while True:
        try:
            code = child.wait()
            return _INTERRUPTED if interrupted else code
        except KeyboardInterrupt:
            interrupted += 1
            if interrupted == 1:
                click.echo("interrupted: ending the cluster; once more to kill it", err=True)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGINT)
            else:
                child.kill()


def workers_for(kubernetes: str) -> int:
    """Return how many checks at a time serve a run on this release best."""
    if parse_release(kubernetes) < V1_32:
        return _WORKERS_THAT_WAIT
    return _BUSY_WORKERS_PER_PROCESSOR * len(os.sched_getaffinity(0))


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


def _finish(records: RecordFile, out: Path, worst: int) -> int:
    """Write the reports, print the table, and return the exit code of the whole run.

    A run that was interrupted gets no ``end``: its reports say that it died half way.
    """
    seen = load_run(records.path)
    code = _code(seen, worst)
    if code != EXIT_INTERRUPTED:
        counts = Counter(str(verdict.verdict) for verdict in seen.verdicts)
        records.append({"type": "end", "ended": now(), "exit": code, "counts": dict(counts)})
    try:
        written = write_reports(records.path, out)
    except OSError as error:
        raise PodresizeError(f"the reports cannot be written: {error}", value=str(out)) from error
    width = shutil.get_terminal_size((110, 24)).columns
    click.echo(closing_table(load_run(records.path), width=width, colour=sys.stdout.isatty()))
    click.echo(f"written: {records.path}, {', '.join(path.name for path in written)}")
    return code


def _code(seen: Run, worst: int) -> int:
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
