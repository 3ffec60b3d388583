"""The OS's package as a source: downloaded and unpacked into the cache, never installed.

Where a pod is to run what a package holds, it is packed as an image instead (``package_image``).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from podresize.artifacts import apt
from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.bootstrap import bootstrap, recipe_mark
from podresize.artifacts.catalogue import RECIPES, Package, PackageImage, Programs, RootFilesystem
from podresize.artifacts.host import host_arch
from podresize.artifacts.libraries import bring_libraries
from podresize.artifacts.package_image import pack
from podresize.artifacts.programs import programs_mark, unpack_programs
from podresize.artifacts.progress import Progress
from podresize.artifacts.source import SourcePassedOverError


class OsPackage:
    """Debian's and Ubuntu's archive, through the host's own apt configuration and its keys."""

    source = Source.PACKAGE

    def version_for(self, component: Component, asked: str | None, *, arch: str) -> str:
        """Return the upstream part of the version that the archive offers. See ``Fetcher``.

        What is made of several packages has the version in full, but for an epoch, and the mark of
        how it is made behind it (``recipe_suffix``).
        """
        package = _package(component)
        apt.check_tools()
        found = _offered(package, arch)
        if found is None and not apt.has_lists() and os.geteuid() == 0:
            apt.update()
            found = _offered(package, arch)
        if found is None:
            raise SourcePassedOverError(_why_unknown(package.name, arch))
        name, full = found
        suffix = recipe_suffix(component)
        offered = f"{_without_epoch(full)}{suffix}" if suffix else upstream_version(full)
        if asked is not None and asked != offered:
            raise SourcePassedOverError(f"the OS offers {name} {offered}, not {asked}")
        return offered

    def fetch(
        self,
        component: Component,
        version: str,
        *,
        arch: str,
        work: Path,
        progress: Progress,
    ) -> dict[str, Path]:
        """Download, unpack and check that its shared libraries are here. See ``Fetcher``."""
        package = _package(component)
        if isinstance(package, RootFilesystem):
            return bootstrap(
                package, label=f"{component} {version}", arch=arch, work=work, progress=progress
            )
        if isinstance(package, Programs):
            label = f"{component} {version}"
            return unpack_programs(package, label=label, arch=arch, work=work, progress=progress)
        if isinstance(package, PackageImage):
            name, _ = _offered(package, arch) or (package.name, "")
            label = f"{component} {version} ({arch}): fetching {name}"
            with progress.work(label, unit="packages") as advance:
                apt.download((name, *package.beside), arch, work, advance=advance)
            return pack(package, _trees(work), arch=arch, work=work)
        label = f"{component} {version} ({arch}): fetching {package.name}:{arch}"
        with progress.work(label, unit="packages") as advance:
            (archive,) = apt.download((package.name,), arch, work, advance=advance)
        tree = work / "tree"
        apt.unpack([archive], tree)
        files = {}
        for program, place in package.files.items():
            found = tree / place
            if not found.is_file():
                raise SourcePassedOverError(f"the OS's {package.name} has no /{place}")
            # The archive's paths may be links into each other; what is kept is the file itself.
            files[program] = found.resolve()
            if arch == host_arch():
                files |= bring_libraries([found], [archive], package=package.name, work=work)
        return files


def recipe_suffix(component: Component) -> str:
    """Return how the version of every package of this component ends in the cache."""
    package = RECIPES[component].package
    if isinstance(package, RootFilesystem):
        return f".{recipe_mark(package)}"
    return f".{programs_mark(package)}" if isinstance(package, Programs) else ""


def upstream_version(full: str) -> str:
    """Return ``1.1.5`` of ``1:1.1.5+ds1-1+deb12u1``: no epoch, no revision, no repacking mark."""
    rest = _without_epoch(full)
    return re.split(r"[+~]", rest.rpartition("-")[0] or rest)[0]


def _without_epoch(full: str) -> str:
    return full.partition(":")[2] if ":" in full else full


def _package(component: Component) -> Package:
    recipe = RECIPES[component]
    if recipe.package is None:
        raise SourcePassedOverError(recipe.why_no_package)
    return recipe.package


def _trees(work: Path) -> list[Path]:
    """Return what each package in ``work`` would install, as a tar file."""
    trees = []
    for archive in sorted(work.glob("*.deb")):
        trees.append(archive.with_suffix(".tar"))
        apt.run(["dpkg-deb", "--fsys-tarfile", str(archive)], into=trees[-1])
    return trees


def _offered(package: Package, arch: str) -> tuple[str, str] | None:
    """Return name and full version of the first of a package's names that the OS knows."""
    for name in (package.name, *package.otherwise):
        full = apt.candidate(name, arch)
        if full is not None:
            return name, full
    return None


def _why_unknown(name: str, arch: str) -> str:
    if not apt.has_lists():
        return apt.WITHOUT_LISTS
    if arch != host_arch():
        return f"the OS's package lists have no {name} for {arch} (dpkg --add-architecture {arch})"
    return f"the OS's package lists have no {name}"
