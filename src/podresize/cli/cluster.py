"""``podresize cluster``: bring clusters up, list them, take them down."""

from __future__ import annotations

from typing import Any

import click

from podresize.artifacts.progress import default_progress
from podresize.cli.target_options import take_target, target_options
from podresize.providers import registry
from podresize.providers.registry import provider_of
from podresize.requirements.target import Target


@click.group()
def cluster() -> None:
    """Clusters of this host that podresize made."""


@cluster.command()
@target_options
@click.option(
    "--containerd",
    default=Target().containerd,
    show_default=True,
    metavar="VERSION",
    help="Release of containerd.",
)
@click.option("--name", metavar="NAME", help="Name of the cluster.  [default: a new one]")
def up(containerd: str, name: str | None, **options: Any) -> None:
    """Start a cluster and return when its node is Ready. It stays until `cluster down`."""
    target = take_target(options, containerd=containerd)
    provider = provider_of(target.provider)
    provider.check_target(target)
    for note in provider.notes(accelerator=target.accelerator):
        click.echo(f"  {note}")
    handle = provider.up(
        target,
        name=name,
        progress=default_progress(),
        tell=lambda step, seconds: click.echo(f"{seconds:7.2f} s  {step}"),
    )
    click.echo(f"{handle.name}: {handle.fingerprint}")
    click.echo(f"export KUBECONFIG={handle.kubeconfig}")
    click.echo(f"logs: {handle.nodes[0].logs}    down: podresize cluster down {handle.name}")


@cluster.command("list")
def list_() -> None:
    """List the clusters of this host."""
    found = registry.found()
    if not found:
        click.echo("no clusters")
        return
    width = max(len(each.name) for each in found)
    for each in found:
        condition = "dead" if not each.is_alive else "ready" if each.handle else "starting"
        about = each.handle.fingerprint.kubernetes if each.handle else each.target["kubernetes"]
        click.echo(
            f"{each.name:<{width}}  {condition:<8}  {each.provider}  "
            f"kubernetes {about}  containerd {each.target['containerd']}  "
            f"{each.handle.kubeconfig if each.handle else ''}".rstrip()
        )


@cluster.command()
@click.argument("name")
def down(name: str) -> None:
    """Take a cluster down and remove everything it made."""
    there = registry.find(name)
    provider_of("local" if there is None else there.provider).down(name)
    click.echo(f"{name}: gone")
