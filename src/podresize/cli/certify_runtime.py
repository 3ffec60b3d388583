"""``podresize certify-runtime``: the CRI suite against runtimes without Kubernetes."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from podresize.artifacts.progress import default_progress
from podresize.cli.allure import allure_option, begin_allure, end_allure
from podresize.cli.bundle import (
    bundle_option,
    make_bundle,
    out_option,
    refuse_place,
    shard_option,
    tell_written,
)
from podresize.cli.driving import after_target, finish, open_records, pytest_command, run_pytest
from podresize.cli.output import Following, Output, format_option
from podresize.cli.runtime_options import runtime_options, take_runtime_target
from podresize.errors import EXIT_OK, UsageError
from podresize.evidence.records import new_run_id
from podresize.providers.runtimes import provider
from podresize.requirements.loader import load_catalogue
from podresize.requirements.model import PutTo
from podresize.requirements.runtime_target import RuntimeTarget
from podresize.requirements.shard import Shard
from podresize_reports.loading import load_run
from podresize_reports.matrix import matrix, matrix_text

_PROVIDER = "runtime"
_ALONE = "-"  # in the place of a containerd's version


@click.command("certify-runtime")
@click.argument("requirements", nargs=-1, metavar="[REQUIREMENT]...")
@runtime_options
@click.option(
    "--and",
    "others",
    multiple=True,
    metavar="CONTAINERD/OCI",
    help="One more runtime that is started, beside its column in the table: 2.1.4/runc@1.3.3, or "
    "-/runc@1.3.3 for the OCI runtime alone; may be repeated.",
)
@out_option
@bundle_option
@allure_option
@shard_option
@format_option
@click.option(
    "-n",
    "--workers",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Checks at a time; 0 runs them in one process.",
)
def certify_runtime(
    requirements: tuple[str, ...],
    others: tuple[str, ...],
    out: Path | None,
    bundle_place: Path | None,
    allure: Path | None,
    shard: str | None,
    output: Output,
    workers: int,
    **options: Any,
) -> None:
    """Put the requirements of a container runtime to it, without Kubernetes.

    REQUIREMENT names requirements (RT-21); without any, all are checked. The runtime is one that
    is started, or with --cri-endpoint one that is there, in which nothing is left. With --oci-alone
    no CRI runtime stands before the OCI runtime: what it does wrong then is its own.

    Exit codes: 0 nothing unexpected, 1 an unexpected verdict, 2 usage or host, 3 the harness.
    """
    for id_ in requirements:
        _check_requirement(id_)
    first = take_runtime_target(options)
    targets = [first, *(_other(text, first, options) for text in others)]
    for target in targets:
        provider.check_target(target)
    refuse_place(bundle_place)
    more = [] if shard is None else [f"--podresize-shard={Shard.parse(shard)}"]
    more += begin_allure(allure)
    run_id = new_run_id()
    out = out or Path("reports/out") / run_id
    records = open_records(out, run_id, requirements=requirements, shard=shard)
    with Following(records.path) if output.is_json else contextlib.nullcontext():
        for target in targets:
            if target.is_made:
                provider.check_host(target)
                provider.gather(target, progress=default_progress())
        began = time.monotonic()
        worst = EXIT_OK
        for number, target in enumerate(targets, start=1):
            output.say(f"target {number} of {len(targets)}: {target}")
            command = _command(target, requirements, out=out, workers=workers)
            command += more
            worst, is_over = after_target(run_pytest(command, run_id=run_id, output=output), worst)
            if is_over:
                break
        worst = finish(records, out, worst, output)
        end_allure(allure, records.path, output)
        if bundle_place is not None:
            tell_written(make_bundle(out, bundle_place), output)
        if len(targets) > 1:
            output.say(matrix_text(matrix([load_run(records.path)])))
        output.say(f"{time.monotonic() - began:.0f} s, exit code {worst}")
    sys.exit(worst)


def _check_requirement(id_: str) -> None:
    if load_catalogue().requirement(id_).put_to is not PutTo.RUNTIME:
        raise UsageError(
            "this requirement is put to a cluster",
            value=id_,
            origin="the command line",
            causes=("certify-runtime asks a container runtime, without Kubernetes",),
            next_command=f"podresize run {id_}",
        )


def _other(text: str, first: RuntimeTarget, options: dict[str, Any]) -> RuntimeTarget:
    containerd, slash, oci_runtime = text.partition("/")
    if not first.is_made or not slash:
        raise UsageError(
            "not a runtime that could be started beside the first",
            value=text,
            origin="--and",
            causes=(
                "it is written like 1.6.36/crun, or -/crun for the OCI runtime alone",
                "a runtime that is there (--cri-endpoint) is checked alone",
            ),
            next_command="podresize certify-runtime --containerd 1.6.8 --and 1.6.36/runc",
        )
    alone = containerd == _ALONE
    return take_runtime_target(
        options
        | {
            "containerd": RuntimeTarget().containerd if alone else containerd,
            "oci_runtime": oci_runtime,
            "handler": "",
            "alone": alone,
        }
    )


def _machine(target: RuntimeTarget) -> list[str]:
    """Return the options of pytest for what the runtime is made in."""
    words = [f"--runtime-provider={target.provider}"]
    for name in ("cgroup", "cgroup_driver", "kernel"):
        if (value := getattr(target, name)) is not None:
            words.append(f"--{name.replace('_', '-')}={value}")
    return [*words, f"--accelerator={target.accelerator}"] if target.is_in_guest else words


def _command(
    target: RuntimeTarget, requirements: Sequence[str], *, out: Path, workers: int
) -> list[str]:
    """Return how pytest runs the suite against one target."""
    if target.is_made:
        which = [
            f"--provider={_PROVIDER}",
            f"--containerd={target.containerd}",
            f"--oci-runtime={target.oci_runtime}",
        ]
        which += ["--oci-alone"] if target.alone else []
        which += _machine(target)
    else:
        which = [f"--cri-endpoint={target.endpoint}"]
    which += [f"--handler={target.handler}"] if target.handler else []
    which += [f"--podresize-image={target.image}"] if target.image is not None else []
    which += ["--tap"] if target.tap else []
    which += [f"--fault={each}" for each in target.faults]
    which += [f"--requirement={each}" for each in requirements]
    which += ["-n", str(workers)] if workers else []
    return pytest_command(*which, f"--out={out.resolve()}", below="cri")
