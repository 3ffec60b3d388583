"""Programs of the OS's packages that need more beside them: unpacked, with all they load.

Everything lies in one directory, under its own name: the programs, what they load by name
(firmware, modules) and the shared libraries that this host has not got.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

from podresize.artifacts import apt
from podresize.artifacts.artifact import PACKAGES, Artifact
from podresize.artifacts.catalogue import Programs
from podresize.artifacts.host import host_arch
from podresize.artifacts.libraries import bring_libraries
from podresize.artifacts.progress import Progress
from podresize.artifacts.source import SourcePassedOverError

_LAYOUT = 2  # counts changes of this file that change what is kept
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""What QEMU and the kernel call an architecture."""
_FAMILIES = {"amd64": "x86", "arm64": "arm"}


def unpack_programs(
    package: Programs, *, label: str, arch: str, work: Path, progress: Progress
) -> dict[str, Path]:
    """Return programs, data and libraries by name. Raises as ``Fetcher.fetch`` does."""
    if arch != host_arch():
        raise SourcePassedOverError(f"they run here only as {host_arch()}")
    names = tuple(_named(each, arch) for each in package.packages)
    what = f"{label} ({arch}): fetching {len(names)} packages"
    with progress.work(what, unit="packages") as advance:
        archives, tree = apt.download(names, arch, work, advance=advance), work / "tree"
        apt.unpack(archives, tree)
        programs = {
            _named(name, arch): _found(tree, _named(pattern, arch), package)[0]
            for name, pattern in package.files.items()
        }
        data = [
            path
            for pattern in package.data
            for path in _found(tree, _named(pattern, arch), package)
        ]
        data += [
            path for pattern in package.perhaps for path in _files(tree, _named(pattern, arch))
        ]
        libraries = bring_libraries(
            [*programs.values(), *(path for path in data if ".so" in path.name)],
            archives,
            package=package.name,
            work=work,
            advance=advance,
        )
        listed = work / PACKAGES
        listed.write_text("".join(f"{each}\n" for each in apt.names_of(work.rglob("*.deb"))))
    return programs | {path.name: path for path in data} | libraries | {PACKAGES: listed}


def programs_mark(package: Programs) -> str:
    """Return a short hash of what is taken of which packages; part of the version in the cache."""
    told = json.dumps([_LAYOUT, dataclasses.asdict(package)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def environment_of(programs: Artifact) -> dict[str, str]:
    """Return the variables with which the programs of an artifact find their own libraries."""
    brought = any(".so." in name for name in programs.files)
    directory = str(next(iter(programs.files.values())).parent)
    return {"LD_LIBRARY_PATH": directory} if brought else {}


def _named(text: str, arch: str) -> str:
    return text.replace("{machine}", MACHINES[arch]).replace("{family}", _FAMILIES[arch])


def _found(tree: Path, pattern: str, package: Programs) -> list[Path]:
    """Return the files that a pattern names, at least one."""
    found = _files(tree, pattern)
    if not found:
        raise SourcePassedOverError(f"the OS's {package.name} and those beside it: no /{pattern}")
    return found


def _files(tree: Path, pattern: str) -> list[Path]:
    return sorted(path for path in tree.glob(pattern) if path.is_file())
