"""``podresize artifacts``: what is in the cache, how it gets there and how it leaves."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import click

from podresize.artifacts import versions
from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.catalogue import OF_A_CLUSTER, RECIPES
from podresize.artifacts.container_images import (
    ContainerImage,
    containerd_image,
    reaper_image,
    registry_image,
)
from podresize.artifacts.entry import Entry
from podresize.artifacts.host import ARCHITECTURES, check_arch
from podresize.artifacts.layered_image import layered_image
from podresize.artifacts.module import ModuleBuild
from podresize.artifacts.node_image import NodeImage, node_image
from podresize.artifacts.progress import default_progress, human_size
from podresize.artifacts.pruning import prune as prune_cache
from podresize.artifacts.source import SourcePassedOverError
from podresize.artifacts.store import Store
from podresize.cli.guest_artifacts import get_guest_part, is_guest_part, refuse_options
from podresize.errors import HostError, UsageError
from podresize.providers.kind.base_images import save_base
from podresize.providers.kind.engine import find_engine

_ALL = "all"
_IMAGES: dict[Component, Callable[[str | None], ContainerImage]] = {
    Component.REGISTRY_IMAGE: lambda _: registry_image(),
    Component.CONTAINERD_IMAGE: containerd_image,
    Component.REAPER_IMAGE: lambda _: reaper_image(),
}
_KUBERNETES = (Component.KUBERNETES, Component.KUBECTL, Component.KUBEADM, Component.E2E)


@click.group()
def artifacts() -> None:
    """Binaries and pod images: list, get, verify, prune.

    They lie in $XDG_CACHE_HOME/podresize (by default ~/.cache/podresize).
    """


@artifacts.command("list")
@click.option("--available", is_flag=True, help="Show the versions that are known to resolve.")
def list_(available: bool) -> None:
    """Show what is cached."""
    if available:
        _print_table(("component", "source", "versions"), _available())
        return
    cache = Cache()
    entries = cache.entries()
    if not entries:
        click.echo(f"nothing in {cache.layout.root}; next: podresize artifacts get all")
        return
    rows = [
        (e.component, e.version, e.arch, e.source, human_size(e.size), _age(e)) for e in entries
    ]
    _print_table(("component", "version", "arch", "source", "size", "age"), rows)
    click.echo(f"{human_size(sum(e.size for e in entries))} in {cache.layout.root}")


@artifacts.command()
@click.argument("component", type=click.Choice([_ALL, *(each.value for each in Component)]))
@click.option("--version", "version", metavar="V", help="The component's version.")
@click.option(
    "--kubernetes", metavar="V", help="That of kubernetes, for all, node-image and guest-node."
)
@click.option(
    "--containerd", metavar="V", help="That of containerd, for all, node-image and guest-node."
)
@click.option(
    "--source",
    type=click.Choice([source.value for source in Source]),
    help="Use this source only. Otherwise: cache, download, module, package, next-release.",
)
@click.option("--arch", type=click.Choice(ARCHITECTURES), help="By default the host's.")
@click.option(
    "--base",
    metavar="IMAGE",
    help="For node-image: a kind node image, such as kindest/node:v1.27.3, of which only the "
    "runtime is replaced.",
)
@click.option("--crun", is_flag=True, help="With --base: replace crun as well, or add it.")
@click.option(
    "--kernel",
    metavar="K",
    help="For guest-kernel: a version, a package of the OS or a .deb file; by default the OS's "
    "kernel for virtual machines.",
)
@click.option("--oci-runtime", metavar="R", help="For guest-node: runc (the default) or crun.")
def get(
    component: str,
    version: str | None,
    kubernetes: str | None,
    containerd: str | None,
    source: str | None,
    arch: str | None,
    base: str | None,
    crun: bool,
    kernel: str | None,
    oci_runtime: str | None,
) -> None:
    """Fetch COMPONENT, or `all` that a cluster needs, and print the files' paths.

    The path of an image of nodes, registry, containerd or reaper is followed by the name that it
    gets where it is loaded.
    """
    _refuse_without_base(component, base, crun=crun)
    guests = {"--kernel": kernel, "--oci-runtime": oci_runtime}
    if is_guest_part(component):
        guests |= {"--kubernetes": kubernetes, "--containerd": containerd}
        guests |= {"--version": version, "--source": source, "--arch": arch}
    refuse_options(component, guests)
    if is_guest_part(component):
        for path in get_guest_part(
            Component(component),
            kubernetes=kubernetes,
            containerd=containerd,
            kernel=kernel,
            oci_runtime=oci_runtime,
        ):
            click.echo(path)
        return
    if component == Component.NODE_IMAGE:
        _refuse_for_node_image({"--version": version, "--source": source, "--arch": arch})
        if base is None:
            image = node_image(kubernetes, containerd)
        else:
            image = _on(base, kubernetes, containerd, crun=crun)
        click.echo(image.archive)
        click.echo(image.name)
        return
    if (make := _IMAGES.get(Component(component)) if component != _ALL else None) is not None:
        _refuse_for_image(
            component,
            {"--source": source, "--arch": arch, "--kubernetes": kubernetes}
            | ({} if component == Component.CONTAINERD_IMAGE else {"--containerd": containerd})
            | {"--version": version},
        )
        made = make(containerd)
        click.echo(made.archive)
        click.echo(made.name)
        return
    wanted = OF_A_CLUSTER if component == _ALL else (Component(component),)
    asked = _asked(wanted, version, kubernetes, containerd)
    # A typing error is said before anything is fetched.
    for each in wanted:
        versions.normalise(each, _version(asked, each), origin=_origin(asked, each))
    store = Store()
    for each in wanted:
        artifact = store.get(
            each,
            _version(asked, each),
            source=Source(source) if source else None,
            arch=arch,
            origin=_origin(asked, each),
        )
        for path in artifact.files.values():
            click.echo(path)


@artifacts.command()
def verify() -> None:
    """Hash every cached file again; what is damaged is dropped, to be fetched anew."""
    cache = Cache()
    entries = cache.entries()
    damaged = []
    for entry in entries:
        bad = cache.damaged(entry)
        click.echo(f"{'DAMAGED' if bad else 'ok':<8} {entry}" + (f": {', '.join(bad)}" * bool(bad)))
        if bad:
            cache.drop(entry)
            damaged.append(entry)
    if damaged:
        raise HostError(
            "Cached files are not what was stored; their entries were dropped.",
            value=", ".join(str(entry) for entry in damaged),
            origin=str(cache.layout.root),
            causes=("something wrote to the cache", "the disk is failing"),
            next_command=f"podresize artifacts get {damaged[0].component}",
        )
    click.echo(f"{len(entries)} entries, {human_size(sum(e.size for e in entries))}: intact")


@artifacts.command()
@click.option(
    "--older-than", metavar="DAYS", type=click.FloatRange(min=0), help="Not used for so long."
)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Everything, with logs, toolchains, and what was found of KVM.",
)
def prune(older_than: float | None, everything: bool) -> None:
    """Remove what killed processes left and, with an option, entries and booted guests.

    What a running process executes stays.
    """
    pruned = prune_cache(Cache(), older_than_days=older_than, everything=everything)
    for entry in pruned.entries:
        click.echo(f"removed {entry}")
    for entry in pruned.kept:
        click.echo(f"kept    {entry}: it is running")
    for guest in pruned.guests:
        click.echo(f"removed guest {guest}: the next cluster with such a node boots it again")
    click.echo(
        f"{len(pruned.entries)} entries ({human_size(pruned.size)}) and "
        f"{pruned.leftovers} leftovers removed"
    )


def _on(base: str, kubernetes: str | None, containerd: str | None, *, crun: bool) -> NodeImage:
    """Return the image of the engine called ``base`` with another runtime."""
    # A typing error is said before anything is pulled.
    versions.normalise(Component.CONTAINERD, containerd)
    store, progress = Store(), default_progress()
    with store.cache.layout.work("base") as work:
        archive = work / "base.tar"
        save_base(find_engine(), base, archive, progress=progress)
        return layered_image(
            archive,
            name=base,
            kubernetes=kubernetes,
            containerd=containerd,
            crun=crun,
            store=store,
            progress=progress,
        )


def _refuse_without_base(component: str, base: str | None, *, crun: bool) -> None:
    if base is not None and component != Component.NODE_IMAGE:
        raise UsageError(
            f"--base does not go together with {component}.",
            value=base,
            origin="--base",
            causes=("only the runtime of a node image is put on another image",),
            next_command=f"podresize artifacts get node-image --base {base}",
        )
    if crun and base is None:
        raise UsageError(
            "--crun goes together with --base only.",
            value="--crun",
            origin="the command line",
            causes=("every node image of podresize's own has crun",),
            next_command="podresize artifacts get node-image",
        )


def _refuse_for_node_image(options: dict[str, str | None]) -> None:
    for option, value in options.items():
        if value is not None:
            raise UsageError(
                f"{option} does not go together with a node image.",
                value=value,
                origin=option,
                causes=("a node image is made of a Kubernetes and a containerd, for this host",),
                next_command="podresize artifacts get node-image --kubernetes 1.27.4 "
                "--containerd 1.6.8",
            )


def _refuse_for_image(component: str, options: dict[str, str | None]) -> None:
    for option, value in options.items():
        if value is not None:
            raise UsageError(
                f"{option} does not go together with {component}.",
                value=value,
                origin=option,
                causes=(
                    "such an image is made of other artifacts, for this host; of them only the "
                    "version in a containerd-image can be chosen, by --containerd",
                ),
                next_command=f"podresize artifacts get {component}",
            )


def _asked(
    wanted: tuple[Component, ...],
    version: str | None,
    kubernetes: str | None,
    containerd: str | None,
) -> dict[Component, tuple[str, str]]:
    """Return version and option by component; raise where an option says nothing about any."""
    asked: dict[Component, tuple[str, str]] = {}
    options = (
        ("--kubernetes", kubernetes, _KUBERNETES),
        ("--containerd", containerd, (Component.CONTAINERD,)),
        ("--version", version, wanted if len(wanted) == 1 else ()),
    )
    for option, value, components in options:
        if value is None:
            continue
        meant = [each for each in wanted if each in components]
        if not meant or any(each in asked for each in meant):
            raise UsageError(
                f"{option} does not go together with the rest of this call.",
                value=value,
                origin=option,
                causes=(
                    "`all` takes --kubernetes and --containerd, one component takes --version",
                    "two options name the same version",
                ),
                next_command="podresize artifacts get --help",
            )
        asked |= dict.fromkeys(meant, (value, option))
    return asked


def _version(asked: dict[Component, tuple[str, str]], component: Component) -> str | None:
    return asked[component][0] if component in asked else None


def _origin(asked: dict[Component, tuple[str, str]], component: Component) -> str | None:
    return asked[component][1] if component in asked else None


def _available() -> list[tuple[str, str, str]]:
    store = Store()
    arch = check_arch(None)
    rows = []
    for component, recipe in RECIPES.items():
        for fetcher in store.fetchers:
            if fetcher.source is Source.DOWNLOAD and recipe.release is not None:
                # Upstream serves every release; which ones is not ours to list.
                rows.append((component.value, fetcher.source.value, "every release"))
                continue
            found: tuple[str, ...]
            if isinstance(fetcher, ModuleBuild):
                known = set(versions.known(component)) if recipe.module else set()
                if component not in _KUBERNETES:
                    known |= set(fetcher.versions(component))
                found = tuple(versions.usable(component, known))
            else:
                try:
                    found = (fetcher.version_for(component, None, arch=arch),)
                except SourcePassedOverError:
                    found = ()
            if found:
                rows.append((component.value, fetcher.source.value, " ".join(found)))
    return rows


def _age(entry: Entry) -> str:
    seconds = max(0.0, time.time() - entry.stored_at)
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _print_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    for row in [head, *rows]:
        # The last column is not padded: no blanks at a line's end.
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        click.echo("  ".join([*cells, row[-1]]))
