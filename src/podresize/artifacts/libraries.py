"""The shared libraries of a program out of the OS's packages, where this host has not got them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from podresize.artifacts import apt
from podresize.artifacts.artifact import Artifact
from podresize.artifacts.host import host_arch
from podresize.artifacts.progress import Advance
from podresize.errors import HostError

_ASKED: dict[tuple[str, int, int], list[str]] = {}


def bring_libraries(
    programs: Sequence[Path],
    archives: Sequence[Path],
    *,
    package: str,
    work: Path,
    advance: Advance | None = None,
) -> dict[str, Path]:
    """Return soname -> file of what the programs need and is not installed here, inside ``work``.

    ``archives`` are the packages that the programs came out of; whose libraries have needs of their
    own that the host does not meet, for those as well. They end up in the programs' directory,
    which whoever runs these puts on LD_LIBRARY_PATH. ``advance`` is as of ``apt.download``. Raises
    ``HostError`` for what no package brings.
    """
    unpacked, beside = work / "libraries", work / "beside"
    for directory in (unpacked, beside):
        directory.mkdir(exist_ok=True)
    files: dict[str, Path] = {}
    fetched: set[str] = set()
    depends = _depends(archives)
    while missing := _missing(programs, beside):
        named = {soname: package_of(soname, depends) for soname in missing}
        # One package may bring several, of which its name says one.
        needed = sorted({name for name in named.values() if name} or set(missing))
        if fetched.issuperset(needed):
            raise HostError(
                f"The OS's {package} needs shared libraries that are not installed here.",
                value=", ".join(missing),
                origin=f"ldd {' '.join(program.name for program in programs)}",
                causes=(f"{package} depends on: {depends}",),
                next_command=f"apt-get install {' '.join(needed)}",
            )
        fetched |= set(needed)
        new = apt.download(tuple(needed), host_arch(), unpacked, advance=advance)
        apt.unpack(new, unpacked)
        depends = f"{depends}, {_depends(new)}"
        for soname in sorted(set(missing) - files.keys()):
            found = next(unpacked.rglob(soname), None)
            if found is not None:
                files[soname] = found.resolve()
                # Only what is kept: else what lies by chance in the same package is not missed.
                (beside / soname).symlink_to(files[soname])
    return files


def lacking(programs: Artifact) -> list[str]:
    """Return what ``ldd`` misses for the programs of an artifact to be loaded here; sorted.

    They were brought with the libraries that the host lacked that fetched them: this may be another
    host by now, or have lost some. Asked once per process.
    """
    directory = next(iter(programs.files.values())).parent
    try:
        known = (str(directory), directory.stat().st_ino, directory.stat().st_mtime_ns)
    except OSError:
        return []
    if known not in _ASKED:
        # Libraries are found by those that need them.
        asked = [path for name, path in programs.files.items() if ".so." not in name]
        _ASKED[known] = _unloadable([path for path in asked if _is_elf(path)], directory)
    return _ASKED[known]


def missing_libraries(ldd_output: str) -> list[str]:
    """Return the sonames that ``ldd`` did not find."""
    return re.findall(r"^\s*(\S+) => not found", ldd_output, flags=re.MULTILINE)


def package_of(soname: str, depends: str) -> str | None:
    """Return the package of a ``Depends`` field that brings a soname, ``None`` where none fits.

    Debian names a library's package after its soname: ``libseccomp.so.2`` is in ``libseccomp2``,
    ``libnl-3.so.200`` in ``libnl-3-200``.
    """
    stem, _, number = soname.partition(".so")
    wanted = _plain(stem + number.removeprefix("."))
    names = [re.split(r"[\s(|]", part.strip())[0] for part in depends.split(",")]
    exact = [name for name in names if _plain(name.removesuffix("t64")) == wanted]
    close = [name for name in names if name.startswith(stem)]
    return next(iter(exact + close), None)


def _plain(name: str) -> str:
    return re.sub(r"[-_]", "", name)


def _depends(archives: Sequence[Path]) -> str:
    """Return all that these packages depend on, as one such field has it."""
    wanted = "--showformat=${Depends}, ${Pre-Depends}"
    found = [
        apt.run(["dpkg-deb", "--show", wanted, str(archive)], seconds=apt.QUICK_SECONDS)
        for archive in archives
    ]
    return ", ".join(each.strip().strip(", ") for each in found)


def _missing(programs: Sequence[Path], beside: Path) -> list[str]:
    """Return the sonames that the programs lack, looking into a directory as well; sorted."""
    said = [_ldd([program], beside) for program in programs]
    return sorted({soname for each in said for soname in missing_libraries(each)})


def _unloadable(programs: Sequence[Path], beside: Path) -> list[str]:
    """As ``_missing``, and what the host's libraries are too old for: a symbol's version."""
    if not programs or shutil.which("ldd") is None:
        return []
    said = _ldd(programs, beside)
    return sorted({*missing_libraries(said), *re.findall(r"version `(\S+)' not found", said)})


def _ldd(programs: Sequence[Path], beside: Path) -> str:
    done = subprocess.run(
        ["ldd", *programs],
        env=os.environ | {"LC_ALL": "C", "LD_LIBRARY_PATH": str(beside)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=apt.QUICK_SECONDS,
    )
    return done.stdout


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"
