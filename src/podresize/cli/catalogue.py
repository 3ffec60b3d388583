"""``podresize list`` and ``podresize explain``: the catalogue as people read it."""

from __future__ import annotations

import click

from podresize.cli import catalogue_markdown, catalogue_text
from podresize.cli.checks import find_checks
from podresize.cli.driving import suites_directory
from podresize.errors import UsageError
from podresize.requirements.loader import Catalogue, load_catalogue
from podresize.requirements.model import Deviation, NotChecked, PutTo
from podresize.requirements.versions import parse_release


@click.command("list")
@click.option("--kubernetes", metavar="VERSION", help="Only what holds for this release.")
@click.option(
    "--not-checked", "view", flag_value="not-checked", help="The lines left out, and why."
)
@click.option(
    "--coverage", "view", flag_value="coverage", help="How many lines are checked, by release."
)
@click.option("--markdown", "view", flag_value="markdown", help="As docs/requirements.md has it.")
def list_requirements(kubernetes: str | None, view: str | None) -> None:
    """List the requirements by area, with the checks that serve them, and the known deviations."""
    catalogue = load_catalogue()
    if kubernetes is not None:
        if view in ("coverage", "markdown"):
            raise UsageError(
                f"--{view} is about every release", value=kubernetes, origin="--kubernetes"
            )
        catalogue = _holding(catalogue, kubernetes)
    checks = find_checks(suites_directory())
    match view:
        case "not-checked":
            text = catalogue_text.not_checked(catalogue)
        case "coverage":
            text = catalogue_text.coverage(catalogue, checks)
        case "markdown":
            text = catalogue_markdown.page(catalogue)
        case _:
            text = catalogue_text.listing(catalogue, checks)
    click.echo(text, nl=False)


@click.command()
@click.argument("identity", metavar="ID")
def explain(identity: str) -> None:
    """Say all that is known of ID: a requirement (ST-21), a known deviation (C-01), or a line of
    the specification that is not checked."""
    catalogue = load_catalogue()
    checks = find_checks(suites_directory())
    match catalogue.entry(identity.upper()):
        case Deviation() as deviation:
            text = catalogue_text.deviation(deviation, catalogue, checks)
        case NotChecked() as left_out:
            text = catalogue_text.left_out(left_out)
        case requirement:
            text = catalogue_text.requirement(requirement, catalogue, checks)
    click.echo(text, nl=False)


def _holding(catalogue: Catalogue, kubernetes: str) -> Catalogue:
    """Return the part of the catalogue that is about one release."""
    version = parse_release(kubernetes)
    return Catalogue(
        requirements={
            id_: item
            for id_, item in catalogue.requirements.items()
            if item.put_to is PutTo.CLUSTER and item.versions.contains(version)
        },
        not_checked={
            id_: item
            for id_, item in catalogue.not_checked.items()
            if item.versions.contains(version)
        },
        deviations={
            id_: item
            for id_, item in catalogue.deviations.items()
            if any(
                affects.kubernetes is not None and affects.kubernetes.contains(version)
                for affects in item.affects
            )
        },
    )
