"""``podresize runtime``: container runtimes alone: bring them up, list them, take them down."""

from __future__ import annotations

from typing import Any

import click

from podresize.artifacts.progress import default_progress
from podresize.cli.runtime_options import runtime_options, take_runtime_target
from podresize.errors import UsageError
from podresize.providers.runtimes import provider
from podresize.requirements.runtime_target import RuntimeHandle, RuntimeTarget


@click.group()
def runtime() -> None:
    """Container runtimes without Kubernetes that podresize started."""


@runtime.command()
@runtime_options
@click.option("--name", metavar="NAME", help="Name of the runtime.  [default: a new one]")
def up(name: str | None, **options: Any) -> None:
    """Start a runtime and return when it takes calls. It stays until `runtime down`.

    With --cri-endpoint nothing is started: what is found of the runtime there is printed.
    """
    target = take_runtime_target(options)
    provider.check_target(target)
    if target.is_in_guest:
        for note in provider.notes(target):
            click.echo(f"  {note}")
    if not target.is_made and name is not None:
        raise UsageError(
            "a runtime that is there gets no name",
            value=name,
            origin="--name",
            causes=("--name goes together with a runtime that is started",),
            next_command=f"podresize runtime up --cri-endpoint {target.endpoint}",
        )
    handle = provider.up(
        target,
        name=name,
        progress=default_progress(),
        tell=lambda step, seconds: click.echo(f"{seconds:7.2f} s  {step}"),
    )
    try:
        _show(handle)
    finally:
        if not target.is_made:
            provider.end(handle)


def _show(handle: RuntimeHandle) -> None:
    click.echo(f"{handle.name or handle.endpoint}: {handle.fingerprint}")
    for limit in handle.fingerprint.host_limits:
        click.echo(f"  {limit}")
    if handle.endpoint and handle.name is not None:
        click.echo(f"endpoint: {handle.endpoint}    image: {handle.image}")
    if handle.oci is not None:
        where = "" if handle.agent is None else "    (in the guest)"
        click.echo(f"{handle.oci.kind}: {handle.oci.program} --root {handle.oci.root} list{where}")
    if handle.name is not None:
        click.echo(f"logs: {handle.logs}    down: podresize runtime down {handle.name}")


@runtime.command("list")
def list_() -> None:
    """List the runtimes of this host that podresize started."""
    found = provider.found()
    if not found:
        click.echo("no runtimes")
        return
    width = max(len(each.name) for each in found)
    for each in found:
        condition = "dead" if not each.is_alive else "ready" if each.handle else "starting"
        about = (
            str(each.handle.fingerprint)
            if each.handle
            else str(RuntimeTarget(**each.target | {"faults": tuple(each.target["faults"])}))
        )
        endpoint = f"  {each.handle.endpoint}".rstrip() if each.handle else ""
        click.echo(f"{each.name:<{width}}  {condition:<8}  {about}{endpoint}")


@runtime.command()
@click.argument("name")
def down(name: str) -> None:
    """Take a runtime down and remove everything it made."""
    provider.down(name)
    click.echo(f"{name}: gone")
