"""The OS's package as a source: downloaded and unpacked into the cache, never installed.

Where a pod is to run what a package holds, it is packed as an image instead (``package_image``).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.catalogue import RECIPES, Package, PackageImage
from podresize.artifacts.host import host_arch
from podresize.artifacts.package_image import pack
from podresize.artifacts.progress import Progress
from podresize.artifacts.source import SourcePassedOverError
from podresize.errors import HostError

_QUICK_SECONDS = 60
_LONG_SECONDS = 900
_TOOLS = ("apt-get", "apt-cache", "dpkg-deb")


class OsPackage:
    """Debian's and Ubuntu's archive, through the host's own apt configuration and its keys."""

    source = Source.PACKAGE

    def version_for(self, component: Component, asked: str | None, *, arch: str) -> str:
        """Return the upstream part of the version that the archive offers. See ``Fetcher``."""
        package = _package(component)
        self._check_tools()
        found = _offered(package, arch)
        if found is None and not _has_lists() and os.geteuid() == 0:
            _run(["apt-get", "update", "--quiet"], seconds=_LONG_SECONDS)
            found = _offered(package, arch)
        if found is None:
            raise SourcePassedOverError(_why_unknown(package.name, arch))
        name, offered = found
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
        if isinstance(package, PackageImage):
            name, _ = _offered(package, arch) or (package.name, "")
            with progress.work(f"{component} {version} ({arch}): fetching {name}", unit="packages"):
                _download((name, *package.beside), arch, work)
            return pack(package, _trees(work), arch=arch, work=work)
        with progress.work(
            f"{component} {version} ({arch}): fetching {package.name}:{arch}", unit="packages"
        ):
            _download((package.name,), arch, work)
        archive = next(iter(work.glob("*.deb")))
        tree = work / "tree"
        _run(["dpkg-deb", "--extract", str(archive), str(tree)], seconds=_LONG_SECONDS)
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
        depends = _run(["dpkg-deb", "--field", str(archive), "Depends"], seconds=_QUICK_SECONDS)
        needed = sorted({package_of(soname, depends) or soname for soname in missing})
        work = archive.parent / "libraries"
        work.mkdir(exist_ok=True)
        _run(["apt-get", "download", "--quiet", *needed], cwd=work, seconds=_LONG_SECONDS)
        for library in work.glob("*.deb"):
            _run(["dpkg-deb", "--extract", str(library), str(work)], seconds=_LONG_SECONDS)
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

    def _check_tools(self) -> None:
        missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
        if missing:
            raise SourcePassedOverError(f"this is no Debian or Ubuntu: no {missing[0]} on PATH")


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


def _download(names: tuple[str, ...], arch: str, work: Path) -> None:
    """Put the packages of these names into ``work``."""
    command = ["apt-get", "download", "--quiet", *(f"{name}:{arch}" for name in names)]
    try:
        _run(command, cwd=work, seconds=_LONG_SECONDS)
    except SourcePassedOverError:
        # The lists may name a package that a security update has replaced since.
        if os.geteuid() != 0:
            raise
        _run(["apt-get", "update", "--quiet"], seconds=_LONG_SECONDS)
        _run(command, cwd=work, seconds=_LONG_SECONDS)


def _trees(work: Path) -> list[Path]:
    """Return what each package in ``work`` would install, as a tar file."""
    trees = []
    for archive in sorted(work.glob("*.deb")):
        trees.append(archive.with_suffix(".tar"))
        _run(["dpkg-deb", "--fsys-tarfile", str(archive)], seconds=_LONG_SECONDS, into=trees[-1])
    return trees


def _offered(package: Package, arch: str) -> tuple[str, str] | None:
    """Return name and version of the first of a package's names that the OS knows."""
    for name in (package.name, *package.otherwise):
        full = _candidate(name, arch)
        if full is not None:
            return name, upstream_version(full)
    return None


def _candidate(name: str, arch: str) -> str | None:
    answer = _run(["apt-cache", "policy", f"{name}:{arch}"], seconds=_QUICK_SECONDS)
    found = re.search(r"^\s*Candidate: (\S+)", answer, flags=re.MULTILINE)
    return found.group(1) if found and found.group(1) != "(none)" else None


def _has_lists() -> bool:
    lists = Path("/var/lib/apt/lists")
    return lists.is_dir() and any("_Packages" in path.name for path in lists.iterdir())


def _why_unknown(name: str, arch: str) -> str:
    if not _has_lists():
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
        timeout=_QUICK_SECONDS,
    )
    return missing_libraries(answer.stdout)


def _run(
    command: list[str], *, seconds: int, cwd: Path | None = None, into: Path | None = None
) -> str:
    """Return standard output, or write it ``into`` a file.

    A failure passes the source over with the last line said.
    """
    try:
        with contextlib.nullcontext(subprocess.PIPE) if into is None else into.open("wb") as output:
            done = subprocess.run(
                command,
                cwd=cwd,
                env=os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                timeout=seconds,
            )
    except subprocess.TimeoutExpired:
        raise SourcePassedOverError(f"{command[0]} gave no answer within {seconds} s") from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        said = (lines or done.stderr.splitlines() or ["it said nothing"])[0]
        raise SourcePassedOverError(f"{' '.join(command[:2])} failed: {said.removeprefix('E: ')}")
    return done.stdout or ""
