"""The OS's package as a source: downloaded and unpacked into the cache, never installed.

Where a pod is to run what a package holds, it is packed as an image instead (``package_image``).
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from podresize.artifacts import apt
from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.bootstrap import bootstrap, recipe_mark
from podresize.artifacts.catalogue import RECIPES, Package, PackageImage, RootFilesystem
from podresize.artifacts.host import host_arch
from podresize.artifacts.package_image import pack
from podresize.artifacts.progress import Progress
from podresize.artifacts.source import SourcePassedOverError
from podresize.errors import HostError


class OsPackage:
    """Debian's and Ubuntu's archive, through the host's own apt configuration and its keys."""

    source = Source.PACKAGE

    def version_for(self, component: Component, asked: str | None, *, arch: str) -> str:
        """Return the upstream part of the version that the archive offers. See ``Fetcher``.

        A root file system's is followed by the mark of how it is made (``recipe_suffix``).
        """
        package = _package(component)
        apt.check_tools()
        found = _offered(package, arch)
        if found is None and not apt.has_lists() and os.geteuid() == 0:
            apt.run(["apt-get", "update", "--quiet"])
            found = _offered(package, arch)
        if found is None:
            raise SourcePassedOverError(_why_unknown(package.name, arch))
        name, offered = found
        offered += recipe_suffix(component)
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
        if isinstance(package, PackageImage):
            name, _ = _offered(package, arch) or (package.name, "")
            with progress.work(f"{component} {version} ({arch}): fetching {name}", unit="packages"):
                apt.download((name, *package.beside), arch, work)
            return pack(package, _trees(work), arch=arch, work=work)
        with progress.work(
            f"{component} {version} ({arch}): fetching {package.name}:{arch}", unit="packages"
        ):
            apt.download((package.name,), arch, work)
        archive = next(iter(work.glob("*.deb")))
        tree = work / "tree"
        apt.run(["dpkg-deb", "--extract", str(archive), str(tree)])
        files = {}
        for program, place in package.files.items():
            found = tree / place
            if not found.is_file():
                raise SourcePassedOverError(f"the OS's {package.name} has no /{place}")
            # The archive's paths may be links into each other; what is kept is the file itself.
            files[program] = found.resolve()
            if arch == host_arch():
                files |= self._libraries(found, archive, package.name)
        return files

    def _libraries(self, program: Path, archive: Path, package: str) -> dict[str, Path]:
        """Return soname -> file of the libraries that are not installed here, unpacked beside.

        They end up in the program's directory, which whoever runs it puts on LD_LIBRARY_PATH.
        """
        missing = _missing(program, libraries=None)
        if not missing:
            return {}
        depends = apt.run(
            ["dpkg-deb", "--field", str(archive), "Depends"], seconds=apt.QUICK_SECONDS
        )
        needed = sorted({package_of(soname, depends) or soname for soname in missing})
        work = archive.parent / "libraries"
        work.mkdir(exist_ok=True)
        apt.run(["apt-get", "download", "--quiet", *needed], cwd=work)
        for library in work.glob("*.deb"):
            apt.run(["dpkg-deb", "--extract", str(library), str(work)])
        found = {soname: next(work.rglob(soname), None) for soname in missing}
        files = {soname: path.resolve() for soname, path in found.items() if path is not None}
        places = [path.parent for path in found.values() if path is not None]
        still = _missing(program, libraries=places)
        if still:
            raise HostError(
                f"The OS's {package} needs shared libraries that are not installed here.",
                value=", ".join(still),
                origin=f"ldd {program.name}",
                causes=(f"{package} depends on: {depends.strip()}",),
                next_command=f"apt-get install {' '.join(needed)}",
            )
        return files


def recipe_suffix(component: Component) -> str:
    """Return how the version of every package of this component ends in the cache."""
    package = RECIPES[component].package
    return f".{recipe_mark(package)}" if isinstance(package, RootFilesystem) else ""


def upstream_version(full: str) -> str:
    """Return ``1.1.5`` of ``1:1.1.5+ds1-1+deb12u1``: no epoch, no revision, no repacking mark."""
    without_epoch = full.partition(":")[2] if ":" in full else full
    upstream = without_epoch.rpartition("-")[0] or without_epoch
    return re.split(r"[+~]", upstream)[0]


def missing_libraries(ldd_output: str) -> list[str]:
    """Return the sonames that ``ldd`` did not find."""
    return re.findall(r"^\s*(\S+) => not found", ldd_output, flags=re.MULTILINE)


def package_of(soname: str, depends: str) -> str | None:
    """Return the package of a ``Depends`` field that brings a soname, ``None`` where none fits.

    Debian names a library's package after its soname: ``libseccomp.so.2`` is in ``libseccomp2``.
    """
    stem, _, number = soname.partition(".so")
    wanted = stem + number.replace(".", "")
    names = [re.split(r"[\s(|]", part.strip())[0] for part in depends.split(",")]
    exact = [name for name in names if name.removesuffix("t64").replace("-", "") == wanted]
    close = [name for name in names if name.startswith(stem)]
    return next(iter(exact + close), None)


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
    """Return name and version of the first of a package's names that the OS knows."""
    for name in (package.name, *package.otherwise):
        full = apt.candidate(name, arch)
        if full is not None:
            return name, upstream_version(full)
    return None


def _why_unknown(name: str, arch: str) -> str:
    if not apt.has_lists():
        return "the OS's package lists are missing and only root can fetch them (apt-get update)"
    if arch != host_arch():
        return f"the OS's package lists have no {name} for {arch} (dpkg --add-architecture {arch})"
    return f"the OS's package lists have no {name}"


def _missing(program: Path, *, libraries: list[Path] | None) -> list[str]:
    """Return the sonames that a program lacks, looking into ``libraries`` as well."""
    path = ":".join(str(place) for place in libraries or ())
    answer = subprocess.run(
        ["ldd", program],
        env=os.environ | {"LC_ALL": "C", "LD_LIBRARY_PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=apt.QUICK_SECONDS,
    )
    return missing_libraries(answer.stdout)
