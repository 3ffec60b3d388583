"""The options that name a runtime alone, the same for every command that takes one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import click

from podresize.cli.target_options import machine_options
from podresize.requirements.runtime_target import RUNTIME_MAKERS, RuntimeTarget

_DEFAULTS = RuntimeTarget()
_FOR_MADE = "without --cri-endpoint"


def runtime_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the target's options to a click command; ``take_runtime_target`` reads them."""
    for option in reversed(
        [
            click.option(
                "--cri-endpoint",
                "endpoint",
                metavar="unix:///PATH",
                help="A runtime that is there, by its CRI socket.  [default: one is started]",
            ),
            click.option(
                "--provider",
                type=click.Choice(RUNTIME_MAKERS),
                default=_DEFAULTS.provider,
                show_default=True,
                help="local: plain processes; vm: in a virtual machine, which has a kernel and a "
                f"systemd of its own; {_FOR_MADE}.",
            ),
            *machine_options(of_driver="local cgroupfs, vm systemd", whose="runtime"),
            click.option(
                "--containerd",
                default=_DEFAULTS.containerd,
                show_default=True,
                metavar="VERSION|newest",
                help=f"Release of the containerd that is started {_FOR_MADE}.",
            ),
            click.option(
                "--oci-runtime",
                default=_DEFAULTS.oci_runtime,
                show_default=True,
                metavar="runc|crun|runsc",
                help=f"Its OCI runtime {_FOR_MADE}; runc@1.3.3 for that release.",
            ),
            click.option(
                "--oci-alone",
                "alone",
                is_flag=True,
                help="Drive the OCI runtime directly, without containerd and CRI.",
            ),
            click.option(
                "--handler",
                default=_DEFAULTS.handler,
                metavar="NAME",
                help="Runtime handler of the sandboxes.  [default: the runtime's]",
            ),
            click.option(
                "--image",
                metavar="IMAGE",
                help="With --cri-endpoint: podresize's workload image under a name that the "
                "runtime has or can pull.  [default: it is served to the runtime]",
            ),
            click.option(
                "--tap",
                is_flag=True,
                help=f"Put a proxy before the runtime that tells every call; {_FOR_MADE}.",
            ),
            click.option(
                "--fault",
                "faults",
                multiple=True,
                metavar="NAME",
                help="Have the tap make the runtime do this wrong (update-dropped); may be "
                "repeated.",
            ),
        ]
    ):
        command = option(command)
    return command


def take_runtime_target(options: dict[str, Any]) -> RuntimeTarget:
    """Return the target that the options name; a leading ``v`` of a version is dropped."""
    known = {field.name for field in dataclasses.fields(RuntimeTarget)}
    values = {key: value for key, value in options.items() if key in known}
    return RuntimeTarget(**values | {"containerd": options["containerd"].removeprefix("v")})
