"""``podresize list`` and ``podresize explain``: the catalogue as people read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from podresize.cli import catalogue_markdown, catalogue_text
from podresize.cli.checks import FoundCheck, find_checks
from podresize.cli.driving import suites_directory
from podresize.cli.output import Output, format_option, plain
from podresize.errors import UsageError
from podresize.requirements.loader import Catalogue, load_catalogue
from podresize.requirements.model import Deviation, NotChecked, PutTo, Requirement
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
@format_option
def list_requirements(kubernetes: str | None, view: str | None, output: Output) -> None:
    """List the requirements by area, with the checks that serve them, and the known deviations."""
    catalogue = load_catalogue()
    if kubernetes is not None:
        if view in ("coverage", "markdown"):
            raise UsageError(
                f"--{view} is about every release", value=kubernetes, origin="--kubernetes"
            )
        catalogue = _holding(catalogue, kubernetes)
    checks = find_checks(suites_directory())
    if output.is_json:
        _refuse_view(view)
        output.document(
            "podresize-catalogue",
            kubernetes=kubernetes,
            requirements=[_requirement(item, checks) for item in catalogue.requirements.values()],
            deviations=list(catalogue.deviations.values()),
            not_checked=list(catalogue.not_checked.values()),
        )
        return
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
@format_option
def explain(identity: str, output: Output) -> None:
    """Say all that is known of ID: a requirement (ST-21), a known deviation (C-01), or a line of
    the specification that is not checked."""
    catalogue = load_catalogue()
    checks = find_checks(suites_directory())
    if output.is_json:
        match catalogue.entry(identity.upper()):
            case Deviation() as found:
                output.document("podresize-deviation", **plain(found))
            case NotChecked() as found:
                output.document("podresize-not-checked", **plain(found))
            case found:
                output.document("podresize-requirement", **_requirement(found, checks))
        return
    match catalogue.entry(identity.upper()):
        case Deviation() as deviation:
            text = catalogue_text.deviation(deviation, catalogue, checks)
        case NotChecked() as left_out:
            text = catalogue_text.left_out(left_out)
        case requirement:
            text = catalogue_text.requirement(requirement, catalogue, checks)
    click.echo(text, nl=False)


def _requirement(item: Requirement, checks: Sequence[FoundCheck]) -> dict[str, Any]:
    named = [str(check) for check in checks if item.id in check.requirements]
    return {**plain(item), "checks": named}


def _refuse_view(view: str | None) -> None:
    if view is not None:
        raise UsageError(
            "as JSON the whole catalogue is listed",
            value=f"--{view} --format json",
            origin="the command line",
            causes=("what is left out and the checks of each requirement are in it",),
            next_command="podresize list --format json",
        )


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
