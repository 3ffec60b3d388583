"""The options that name a target, the same for every command that takes one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from podresize.requirements.target import (
    ACCELERATORS,
    CGROUP_DRIVERS,
    CGROUP_VERSIONS,
    EXISTING,
    GATED,
    MAKERS,
    Target,
)

_DEFAULTS = Target()


def machine_options(*, of_driver: str, whose: str = "node") -> list[Any]:
    """Return click's decorators that name what a node, or a runtime alone, has of its machine.

    ``of_driver`` says which cgroup driver each provider has by itself.
    """
    drivers = "Of kubelet and runtime" if whose == "node" else f"Of the {whose}"
    return [
        click.option(
            "--cgroup-driver",
            type=click.Choice(CGROUP_DRIVERS),
            help=f"{drivers}.  [default: {of_driver}]",
        ),
        click.option(
            "--cgroup",
            type=click.Choice(CGROUP_VERSIONS),
            help=f"The {whose}'s cgroup version.  [default: this host's, vm v2]",
        ),
        click.option(
            "--kernel",
            metavar="VERSION|PACKAGE|FILE",
            help=f"With --provider vm: the {whose}'s kernel, a version or a package of the OS, or "
            "a .deb file.  [default: the OS's kernel for virtual machines]",
        ),
        click.option(
            "--accelerator",
            type=click.Choice(ACCELERATORS),
            default=_DEFAULTS.accelerator,
            show_default=True,
            help="With --provider vm: kvm, tcg (emulation), or auto: kvm where it works.",
        ),
    ]


def target_options(
    command: Callable[..., Any], *, providers: Sequence[str] = MAKERS
) -> Callable[..., Any]:
    """Add the target's options to a click command; ``take_target`` reads them.

    ``providers`` are those it may name: by default the ones that make clusters.
    """
    existing = "; kubeconfig: a cluster that is there" if EXISTING in providers else ""
    for option in reversed(
        [
            click.option(
                "--provider",
                type=click.Choice(providers),
                default=_DEFAULTS.provider,
                show_default=True,
                help="local: plain processes; kind: containers of Docker or Podman; vm: as local, "
                f"the node in a virtual machine{existing}.",
            ),
            click.option(
                "--kubernetes",
                default=_DEFAULTS.kubernetes,
                show_default=True,
                metavar="VERSION",
                help="Release of apiserver, scheduler, controller manager and kubelet.",
            ),
            click.option(
                "--gate",
                type=click.Choice(["on", "off"]),
                default="on",
                show_default=True,
                help="Feature gate InPlacePodVerticalScaling.",
            ),
            click.option(
                "--cpu-manager-policy",
                default=_DEFAULTS.cpu_manager_policy,
                show_default=True,
                metavar="none|static",
                help="The kubelet's CPU manager policy; static reserves CPU 0.",
            ),
            click.option(
                "--memory-manager-policy",
                default=_DEFAULTS.memory_manager_policy,
                show_default=True,
                metavar="None|Static",
                help="The kubelet's memory manager policy.",
            ),
            *machine_options(of_driver="local cgroupfs, kind and vm systemd"),
            click.option(
                "--worker-nodes",
                type=click.IntRange(min=0),
                default=_DEFAULTS.worker_nodes,
                metavar="N",
                help="Nodes beside the control plane's, with --provider kind; the checks' pods run "
                "on the first.  [default: none]",
            ),
            click.option(
                "--tap",
                is_flag=True,
                help="Put a proxy between kubelet and runtime that tells every call; with "
                "--provider local, kind or vm.",
            ),
            click.option(
                "--fault",
                "faults",
                multiple=True,
                metavar="NAME",
                help="Have the tap make the runtime do this wrong (update-dropped); may be "
                "repeated. Shows that the checks see it.",
            ),
            click.option(
                "--gate-off-in",
                multiple=True,
                type=click.Choice(GATED),
                help="A component that has the gate off where the others have it on; may be "
                "repeated. As a fault, with --provider local or vm.",
            ),
            click.option(
                "--manifest",
                "manifests",
                multiple=True,
                type=click.Path(path_type=Path),
                metavar="FILE",
                help="Objects that the cluster gets at its start (an admission policy); may be "
                "repeated. With --provider local or vm.",
            ),
            click.option(
                "--kubelet-config",
                type=click.Path(path_type=Path),
                metavar="FILE",
                help="A KubeletConfiguration whose settings win over the provider's.",
            ),
            click.option(
                "--oci-runtime",
                default=_DEFAULTS.oci_runtime,
                show_default=True,
                metavar="runc|crun[@VERSION]",
                help="Program behind containerd's default handler. A release of it (runc@1.3.3, "
                "crun@1.21) with --provider local or vm.",
            ),
        ]
    ):
        command = option(command)
    return command


def take_target(options: dict[str, Any], *, containerd: str) -> Target:
    """Return the target that the options name; a leading ``v`` of a version is dropped."""
    known = {field.name for field in dataclasses.fields(Target)}
    values = {key: value for key, value in options.items() if key in known}
    return Target(
        **values
        | {
            "gate": options["gate"] == "on",
            "kubernetes": options["kubernetes"].removeprefix("v"),
            "containerd": containerd.removeprefix("v"),
        }
    )
