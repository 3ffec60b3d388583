"""``podresize run``: the main job. Targets, one after the other; verdicts; one report.

The checks are pytest's: this command starts it once for each target and draws one table and one
report from the records of all of them.
"""

from __future__ import annotations

import contextlib
import functools
import os
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
from podresize.cli.driving import (
    after_target,
    finish,
    open_records,
    pytest_command,
    run_pytest,
)
from podresize.cli.output import PEOPLE, Following, Output, format_option
from podresize.cli.target_options import take_target, target_options
from podresize.errors import (
    EXIT_OK,
    UsageError,
)
from podresize.evidence.records import new_run_id
from podresize.oracle.versions import V1_32
from podresize.providers.kubelet import gate_is_locked, read_overrides
from podresize.providers.registry import provider_of
from podresize.requirements.loader import load_catalogue
from podresize.requirements.profiles import check_profiles
from podresize.requirements.shard import Shard
from podresize.requirements.target import DEFAULT_PROVIDER, EXISTING, PROVIDERS, Target
from podresize.requirements.versions import parse_release

# On each side of 1.6.9, the first release that reports a container's resources.
_CONTAINERD = ("1.6.8", "1.6.36")
# Enough to tell the two sides of 1.6.9 apart, in the time of two syncs of 1.27; core is more.
_PROFILES = ("headline", "known-issues")
# Up to 1.31 a check mostly waits for the kubelet's next sync: far more of them fit a host than
# processors, and about as many as a node of two has room for their pods. Later ones are busy all
# the time.
_WORKERS_THAT_WAIT = 20
# A node of kind runs the control plane as pods, and takes a good deal of both processors.
_WORKERS_IN_CONTAINERS = 16
_BUSY_WORKERS_PER_PROCESSOR = 4


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
@out_option
@bundle_option
@allure_option
@shard_option
@format_option
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
    help="Checks at a time; 0 runs them in one process.  [default: 20 to Kubernetes 1.31 "
    "(16 but for --provider local), where they wait; later 4 for each processor; with "
    "--provider vm one for each]",
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
    bundle_place: Path | None,
    allure: Path | None,
    shard: str | None,
    output: Output,
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
    whose += [] if shard is None else [f"--podresize-shard={Shard.parse(shard)}"]
    _refuse_several(targets, whose)
    refuse_place(bundle_place)
    provider = provider_of(targets[0].provider)
    for target in targets:
        provider.check_target(target)
    if options["kubelet_config"] is not None:
        read_overrides(options["kubelet_config"])
    provider.check_host()
    whose += begin_allure(allure)
    run_id = new_run_id()
    out = out or Path("reports/out") / run_id
    records = open_records(out, run_id, profiles=profiles, requirements=requirements, shard=shard)
    with Following(records.path) if output.is_json else contextlib.nullcontext():
        for target in targets:
            provider.gather(target, progress=default_progress())
        began = time.monotonic()
        worst = EXIT_OK
        for number, target in enumerate(targets, start=1):
            output.say(f"target {number} of {len(targets)}: {target}")
            at_a_time = workers_for(target) if workers is None else workers
            code = _run_pytest(
                target,
                requirements,
                profiles,
                out=out,
                run_id=run_id,
                workers=at_a_time,
                whose=whose,
                output=output,
            )
            worst, is_over = after_target(code, worst)
            if is_over:
                break
        worst = finish(records, out, worst, output)
        end_allure(allure, records.path, output)
        if bundle_place is not None:
            tell_written(make_bundle(out, bundle_place), output)
        output.say(f"{time.monotonic() - began:.0f} s, exit code {worst}")
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


def _run_pytest(
    target: Target,
    requirements: Sequence[str],
    profiles: Sequence[str],
    *,
    out: Path,
    run_id: str,
    workers: int,
    whose: Sequence[str],
    output: Output = PEOPLE,
) -> int:
    """Run the suites against one target in a process of their own; return pytest's exit code.

    ``whose`` are the options of pytest that name the cluster and say what becomes of it, and those
    for all targets.
    """
    command = pytest_command(
        f"--provider={target.provider}",
        f"--kubernetes={target.kubernetes}",
        f"--containerd={target.containerd}",
        f"--oci-runtime={target.oci_runtime}",
        f"--gate={'on' if target.gate else 'off'}",
        f"--cpu-manager-policy={target.cpu_manager_policy}",
        f"--memory-manager-policy={target.memory_manager_policy}",
        f"--out={out.resolve()}",
        *whose,
    )
    if target.cgroup_driver is not None:
        command.append(f"--cgroup-driver={target.cgroup_driver}")
    for name in ("cgroup", "kernel"):
        if (value := getattr(target, name)) is not None:
            command.append(f"--{name}={value}")
    if target.provider == "vm":
        command.append(f"--accelerator={target.accelerator}")
    if target.worker_nodes:
        command.append(f"--worker-nodes={target.worker_nodes}")
    if target.tap:
        command.append("--tap")
    command += [f"--fault={each}" for each in target.faults]
    command += [f"--gate-off-in={each}" for each in target.gate_off_in]
    command += [f"--manifest={each.resolve()}" for each in target.manifests]
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
    return run_pytest(command, run_id=run_id, output=output)


def workers_for(target: Target) -> int:
    """Return how many checks at a time serve a run on this target best."""
    if target.provider == "vm":
        # What they wait for is done by a machine of two processors, which are this host's.
        return len(os.sched_getaffinity(0))
    if parse_release(_release(target)) < V1_32:
        return _WORKERS_THAT_WAIT if target.provider == DEFAULT_PROVIDER else _WORKERS_IN_CONTAINERS
    return _BUSY_WORKERS_PER_PROCESSOR * len(os.sched_getaffinity(0))
