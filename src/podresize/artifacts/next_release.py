"""A program of the OS's next release, with the libraries that it needs, down to the C library.

Where a package of this host's release is too old, and upstream publishes nothing that could be
verified. The program is started by its own loader, so that nothing of it depends on this host's
libraries and nothing of this host's sees those.
"""

from __future__ import annotations

import platform
import re
from pathlib import Path

from podresize.artifacts import apt
from podresize.artifacts.artifact import LOADER, Component, Source
from podresize.artifacts.catalogue import RECIPES
from podresize.artifacts.host import host_arch
from podresize.artifacts.package import upstream_version
from podresize.artifacts.progress import Progress
from podresize.artifacts.source import SourcePassedOverError

NEXT = {"bookworm": "trixie", "trixie": "forky", "jammy": "noble"}
# The loader takes the place of the program in /proc/self/exe, with the same arguments: a program
# that starts a copy of itself from there, as crun does, gets itself.
_STARTER = """\
#!/bin/sh
here=${{0%/*}}
unset LD_LIBRARY_PATH
exec "$here/{loader}" --library-path "$here" "$here/{program}.elf" "$@"
"""


class NextRelease:
    """The archive of the OS's next release, through the host's own apt and its keys."""

    source = Source.NEXT_RELEASE

    def version_for(self, component: Component, asked: str | None, *, arch: str) -> str:
        """Return what was asked for; nobody gets such a program without asking. See ``Fetcher``."""
        package = RECIPES[component].package
        if package is None or not package.next_release:
            raise SourcePassedOverError("it is not taken from the OS's next release")
        if asked is None:
            raise SourcePassedOverError("a version has to be named")
        if arch != host_arch():
            raise SourcePassedOverError(f"only {host_arch()} can be started here")
        apt.check_tools()
        _next_release()
        return asked

    def fetch(
        self, component: Component, version: str, *, arch: str, work: Path, progress: Progress
    ) -> dict[str, Path]:
        """Download program and libraries, and try them. See ``Fetcher``."""
        package = RECIPES[component].package
        assert package is not None  # version_for refused
        name, release = package.name, _next_release()
        label = f"{component} {version} ({arch}): fetching {name} of {release}"
        with progress.work(label, unit="packages") as advance:
            lists = apt.release_lists(release, work / "apt", tick=lambda: advance(0, None))
            offered = apt.candidate(name, arch, options=lists)
            if offered is None or upstream_version(offered) != version:
                has = "none" if offered is None else upstream_version(offered)
                raise SourcePassedOverError(f"{release} has {name} {has}, not {version}")
            archives = work / "archives"
            archives.mkdir()
            needed = apt.needed(apt.run(["apt-cache", *lists, "show", f"{name}={offered}"]))
            apt.download((name, *needed), arch, archives, options=lists, advance=advance)
        tree = work / "tree"
        apt.unpack(archives.glob("*.deb"), tree)
        files: dict[str, Path] = {}
        for program, place in package.files.items():
            files |= _packed(program, tree / place, tree, work)
        return files


def _packed(program: str, found: Path, tree: Path, work: Path) -> dict[str, Path]:
    """Return the program's starter, itself, its loader and its libraries, by name."""
    loaders = [path for path in tree.rglob("ld-linux*.so.*") if path.is_file()]
    if not found.is_file() or not loaders:
        raise SourcePassedOverError(f"the next release's package has no /{found.relative_to(tree)}")
    loader = loaders[0].resolve()
    listing = [str(loader), "--library-path", str(loader.parent), "--list", str(found)]
    listed = apt.run(listing, seconds=apt.QUICK_SECONDS)
    libraries = dict(re.findall(r"^\s*(\S+\.so\S*) => (\S+) ", listed, flags=re.MULTILINE))
    outside = [name for name, path in libraries.items() if not Path(path).is_relative_to(tree)]
    if outside or "not found" in listed:
        raise SourcePassedOverError(f"{program} needs more libraries: {', '.join(outside)}")
    starter = work / program
    starter.write_text(_STARTER.format(loader=LOADER, program=program))
    starter.chmod(0o755)
    names = {name: Path(path).resolve() for name, path in libraries.items() if "/" not in name}
    return {program: starter, f"{program}.elf": found.resolve(), LOADER: loader} | names


def _next_release() -> str:
    try:
        codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        codename = ""
    if codename not in NEXT:
        raise SourcePassedOverError(f"no release after {codename or 'this one'} is known")
    return NEXT[codename]
