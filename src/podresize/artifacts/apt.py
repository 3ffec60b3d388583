"""The host's own apt and dpkg: what they offer, and packages out of them. Nothing is installed."""

from __future__ import annotations

import errno
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from podresize.artifacts.layout import host_error
from podresize.artifacts.progress import Advance
from podresize.artifacts.running import FULL, run_to_end
from podresize.artifacts.source import SourcePassedOverError

QUICK_SECONDS = 60
LONG_SECONDS = 900
WITHOUT_LISTS = "the OS's package lists are missing and only root can fetch them (apt-get update)"
_ORIGINS = ("Debian", "Ubuntu")
_TOOLS = ("apt-get", "apt-cache", "dpkg-deb")


def check_tools() -> None:
    """Raise ``SourcePassedOverError`` where this is no Debian or Ubuntu."""
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        raise SourcePassedOverError(f"this is no Debian or Ubuntu: no {missing[0]} on PATH")


def download(
    names: tuple[str, ...],
    arch: str,
    work: Path,
    *,
    options: tuple[str, ...] = (),
    advance: Advance | None = None,
) -> list[Path]:
    """Put the packages of these names into ``work``, and return what is new there.

    ``options`` are as of ``release_lists``. While it runs ``advance`` is told how many are there.
    """
    before = set(work.glob("*.deb"))
    command = ["apt-get", *options, "download", "--quiet"]
    command += [f"{name}:{arch}" for name in names]

    def tick() -> None:
        if advance is not None:
            advance(len(set(work.glob("*.deb")) - before), len(names))

    try:
        run(command, cwd=work, tick=tick)
    except SourcePassedOverError:
        # The lists may name a package that a security update has replaced since.
        if os.geteuid() != 0 or options:
            raise
        update(tick=tick)
        for old in set(work.glob("*.deb")) - before:
            old.unlink()  # of some there may be another version now
        run(command, cwd=work, tick=tick)
    return sorted(set(work.glob("*.deb")) - before)


def update(*, tick: Callable[[], None] | None = None) -> None:
    """Fetch the package lists, which takes root."""
    run(["apt-get", "update", "--quiet"], tick=tick)


def unpack(archives: Iterable[Path], root: Path, *, tick: Callable[[], None] | None = None) -> None:
    """Put what packages would install below ``root``, which is made."""
    for archive in archives:
        run(["dpkg-deb", "--extract", str(archive), str(root)], tick=tick)


def names_of(archives: Iterable[Path]) -> list[str]:
    """Return ``name=version`` of packages, sorted, versions in full."""
    wanted = "--showformat=${Package}=${Version}"
    return sorted(
        run(["dpkg-deb", "--show", wanted, str(archive)], seconds=QUICK_SECONDS).strip()
        for archive in archives
    )


def candidate(name: str, arch: str, *, options: tuple[str, ...] = ()) -> str | None:
    """Return the full version of a package that the OS offers, None where it has none."""
    answer = run(["apt-cache", *options, "policy", f"{name}:{arch}"], seconds=QUICK_SECONDS)
    found = re.search(r"^\s*Candidate: (\S+)", answer, flags=re.MULTILINE)
    return found.group(1) if found and found.group(1) != "(none)" else None


def needed(about: str) -> tuple[str, ...]:
    """Return the packages that a package's description, fields by line, says it depends on.

    Of alternatives it is the first.
    """
    fields = re.findall(r"^(?:Pre-)?Depends: (.*)$", about, flags=re.MULTILINE)
    parts = [part.strip() for field in fields for part in field.split(",")]
    return tuple(re.split(r"[\s(|:]", part)[0] for part in parts)


def has_lists() -> bool:
    """Return whether the package lists are there: images of an OS often come without."""
    lists = Path("/var/lib/apt/lists")
    return lists.is_dir() and any("_Packages" in path.name for path in lists.iterdir())


def need_lists() -> None:
    """Have the package lists, if only by fetching them. Raise ``SourcePassedOverError`` if not."""
    if not has_lists() and os.geteuid() == 0:
        update()
    if not has_lists():
        raise SourcePassedOverError(WITHOUT_LISTS)


def archives() -> list[str]:
    """Return where the OS itself comes from, as lines of a ``sources.list``.

    What others offer to this host is left out.
    """
    wanted = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    command = ["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"]
    found = []
    for line in run(command, seconds=QUICK_SECONDS).splitlines():
        origin, address, release, component = line.split("|")
        if origin in _ORIGINS:
            found.append(f"deb {address} {release} {component}")
    return sorted(set(found))


def release_lists(
    release: str, work: Path, *, tick: Callable[[], None] | None = None
) -> tuple[str, ...]:
    """Fetch the lists of another release of the OS into ``work``, which is made.

    ``tick`` is as of ``run``. Returns the options with which apt uses them and nothing of the
    host's but its keys. Raises ``SourcePassedOverError`` where they cannot be had.
    """
    for place in ("lists/partial", "cache/archives/partial"):
        (work / place).mkdir(parents=True)
    codename = platform.freedesktop_os_release()["VERSION_CODENAME"]
    sources = work / "sources.list"
    lines = [line.replace(f" {codename}", f" {release}") for line in archives()]
    sources.write_text("\n".join(lines) + "\n")
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": os.devnull,
        "Dir::Etc::preferencesparts": os.devnull,
        "Dir::State::lists": work / "lists",
        "Dir::State::status": os.devnull,
        "Dir::Cache": work / "cache",
    }
    options = tuple(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))
    run(["apt-get", *options, "update", "--quiet"], tick=tick)
    return options


def run(
    command: list[str],
    *,
    seconds: int = LONG_SECONDS,
    cwd: Path | None = None,
    into: Path | None = None,
    environment: dict[str, str] | None = None,
    before: Sequence[str] = (),
    tick: Callable[[], None] | None = None,
) -> str:
    """Return standard output, or write it ``into`` a file.

    ``before`` are words that start the command, ``tick`` is called once a second. A failure passes
    the source over with what was said of it, a full disk is a ``HostError``.
    """
    try:
        done = run_to_end(
            [*before, *command],
            seconds=seconds,
            environment={"DEBIAN_FRONTEND": "noninteractive"} | (environment or {}),
            cwd=cwd,
            into=into,
            tick=tick,
        )
    except subprocess.TimeoutExpired:
        raise SourcePassedOverError(f"{command[0]} gave no answer within {seconds} s") from None
    except FileNotFoundError:
        raise SourcePassedOverError(f"there is no {command[0]} on PATH") from None
    if done.status == 0:
        return done.output
    place = _written_to(command, cwd, into)
    if done.disk_is_full and place is not None:
        raise host_error(OSError(errno.ENOSPC, FULL), place)
    lines = done.complaints.splitlines()
    telling = [line for line in lines if line.startswith("E:")] or lines or ["it said nothing"]
    said = next((line for line in lines if FULL in line), telling[0]).removeprefix("E: ")
    raise SourcePassedOverError(f"{' '.join(command[:2])} failed: {said}")


def _written_to(command: list[str], cwd: Path | None, into: Path | None) -> Path | None:
    """Return a directory that a command writes to, None where that is the host's own."""
    if cwd is not None:
        return cwd
    if into is not None:
        return into.parent
    paths = [Path(word) for word in command[1:] if word.startswith("/")]
    return paths[-1].parent if paths else None
