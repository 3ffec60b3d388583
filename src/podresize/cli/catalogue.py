"""``podresize list``: the requirements that there are."""

from __future__ import annotations

import click

from podresize.requirements.loader import load_catalogue
from podresize.requirements.versions import describe_range


@click.command("list")
def list_requirements() -> None:
    """List the requirements and the catalogued deviations, with the releases they hold for."""
    catalogue = load_catalogue()
    for requirement in sorted(catalogue.requirements.values(), key=lambda each: each.id):
        click.echo(
            f"{requirement.id:<7} {requirement.level:<7} {requirement.title}  "
            f"(Kubernetes {describe_range(requirement.versions)})"
        )
    for deviation in sorted(catalogue.deviations.values(), key=lambda each: each.id):
        stacks = "; ".join(str(affects) for affects in deviation.affects)
        click.echo(f"{deviation.id:<7} {'known':<7} {deviation.title}  ({stacks})")
