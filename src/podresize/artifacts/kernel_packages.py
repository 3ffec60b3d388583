"""Which packages a kernel is in: what a user asks for by ``--kernel``, and what the OS offers.

Debian has image and modules in one package, its newest releases and Ubuntu in several that the
first depends on; before it there may be one that only names it (``linux-image-cloud-amd64``).
"""

from __future__ import annotations

import re
from pathlib import Path

from podresize.artifacts import apt
from podresize.artifacts.progress import Advance
from podresize.artifacts.source import SourcePassedOverError
from podresize.errors import UsageError

ORIGIN = "--kernel"
_IMAGE = "linux-image-"
# The OS's kernels for virtual machines, then its others; {arch} is Debian's name.
_DEFAULTS = ("cloud-{arch}", "virtual", "generic", "{arch}")
_PARTS = re.compile(r"linux-(image|binary|modules|modules-extra)-.*\d.*")
_WORD = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+~_-]*")
_VERSION = re.compile(rf"{_IMAGE}\d")
_DEPTH = 4  # packages that only name another, one behind the other


def is_file(asked: str) -> bool:
    """Return whether a user means a file of their own, not a package of the OS."""
    return "/" in asked or asked.endswith(".deb")


def package_for(asked: str | None, *, arch: str) -> str:
    """Return the package that is meant by a version, a name, or None for the OS's own choice.

    A version may be a beginning, as ``6.1``: then it is the newest of those that begin so. Raises
    ``UsageError`` where the OS offers none such, ``SourcePassedOverError`` where it is not known.
    """
    if asked is not None:
        _check_word(asked)
    apt.check_tools()
    apt.need_lists()
    names = [
        f"{_IMAGE}{(asked + '-') if asked else ''}{flavour.format(arch=arch)}"
        for flavour in _DEFAULTS
    ]
    if asked is not None and asked[0].isdigit():
        names.append(f"{_IMAGE}{asked}")
    elif asked is not None:
        names = [asked]
    for name in names:
        if apt.candidate(name, arch) is not None:
            return name
    there = _kernels()
    found = [name for name in there if asked and re.match(rf"{_IMAGE}{re.escape(asked)}\D", name)]
    for flavour in _DEFAULTS:
        fitting = [name for name in found if name.endswith(f"-{flavour.format(arch=arch)}")]
        for name in sorted(fitting, key=_numbers, reverse=True):
            if apt.candidate(name, arch) is not None:
                return name
    if asked is None:
        raise SourcePassedOverError(f"the OS's package lists have no {names[0]}")
    small = [name for name in there if "cloud" in name or "virtual" in name] or there
    newest = sorted((name for name in small if _VERSION.match(name)), key=_numbers)[-3:]
    raise UsageError(
        "The OS offers no such kernel.",
        value=asked,
        origin=ORIGIN,
        causes=(
            "a kernel is named by a version, by a package or by the path of a .deb file",
            f"the newest that it offers: {', '.join(newest) or 'none'}",
        ),
        next_command="podresize artifacts get guest-kernel",
    )


def download_kernel(
    package: str, *, arch: str, work: Path, advance: Advance | None = None
) -> list[Path]:
    """Put a kernel's packages into ``work`` and return them. As ``apt.download``."""
    wanted = {package}
    for _ in range(_DEPTH):
        about = [
            apt.run(["apt-cache", "show", "--no-all-versions", f"{each}:{arch}"]) for each in wanted
        ]
        parts = {each for text in about for each in apt.needed(text) if _PARTS.fullmatch(each)}
        if parts <= wanted:
            break
        wanted |= parts
    return apt.download(tuple(sorted(wanted)), arch, work, advance=advance)


def check_asked(asked: str | None, *, arch: str) -> None:
    """Raise what is known to be wrong with a word before anything is fetched.

    That is ``UsageError`` for a word that names no kernel, and as ``check_file``.
    """
    if asked is None:
        return
    if is_file(asked):
        check_file(Path(asked), arch=arch)
    else:
        _check_word(asked)


def _check_word(asked: str) -> None:
    # What apt would take for an option, or for an architecture, is none either.
    if _WORD.fullmatch(asked) is not None:
        return
    ways = "a kernel is named by a version, by a package or by the path of a .deb file"
    raise UsageError(
        "This names no kernel." if asked else "An empty word names no kernel.",
        value=asked,
        origin=ORIGIN,
        causes=(ways,) if asked else ("a variable of the shell is not set", ways),
        next_command="podresize artifacts get guest-kernel",
    )


def check_file(path: Path, *, arch: str) -> None:
    """Raise ``UsageError`` for what is no package for this host's architecture.

    Raises ``SourcePassedOverError`` where no package can be looked at.
    """
    if not path.is_file():
        raise _refusal(path, "There is no such file.")
    apt.check_tools()
    try:
        built_for = apt.run(["dpkg-deb", "--field", str(path), "Architecture"]).strip()
    except SourcePassedOverError as error:
        raise _refusal(path, "This is no package of Debian's kind.", error.reason) from None
    if built_for != arch:
        raise _refusal(
            path,
            "This kernel is for another architecture than this host's.",
            f"{built_for}, here is {arch}",
        )


def _refusal(path: Path, what: str, *causes: str) -> UsageError:
    return UsageError(
        what,
        value=str(path),
        origin=ORIGIN,
        causes=causes,
        next_command="podresize artifacts get guest-kernel",
    )


def _kernels() -> list[str]:
    """Return the names of all kernels in the OS's lists but those that are for debugging."""
    names = apt.run(["apt-cache", "pkgnames", _IMAGE], seconds=apt.QUICK_SECONDS).split()
    left_out = ("-dbg", "-unsigned", "-template")
    return sorted(name for name in names if not any(each in name for each in left_out))


def _numbers(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]
