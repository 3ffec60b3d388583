"""The host's own apt and dpkg: what they offer, and packages out of them. Nothing is installed."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from podresize.artifacts.source import SourcePassedOverError

QUICK_SECONDS = 60
LONG_SECONDS = 900
_ORIGINS = ("Debian", "Ubuntu")
_TOOLS = ("apt-get", "apt-cache", "dpkg-deb")


def check_tools() -> None:
    """Raise ``SourcePassedOverError`` where this is no Debian or Ubuntu."""
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        raise SourcePassedOverError(f"this is no Debian or Ubuntu: no {missing[0]} on PATH")


def download(
    names: tuple[str, ...], arch: str, work: Path, *, options: tuple[str, ...] = ()
) -> None:
    """Put the packages of these names into ``work``. ``options`` are as of ``release_lists``."""
    command = ["apt-get", *options, "download", "--quiet"]
    command += [f"{name}:{arch}" for name in names]
    try:
        run(command, cwd=work)
    except SourcePassedOverError:
        # The lists may name a package that a security update has replaced since.
        if os.geteuid() != 0 or options:
            raise
        run(["apt-get", "update", "--quiet"])
        run(command, cwd=work)


def candidate(name: str, arch: str, *, options: tuple[str, ...] = ()) -> str | None:
    """Return the full version of a package that the OS offers, None where it has none."""
    answer = run(["apt-cache", *options, "policy", f"{name}:{arch}"], seconds=QUICK_SECONDS)
    found = re.search(r"^\s*Candidate: (\S+)", answer, flags=re.MULTILINE)
    return found.group(1) if found and found.group(1) != "(none)" else None


def has_lists() -> bool:
    """Return whether the package lists are there: images of an OS often come without."""
    lists = Path("/var/lib/apt/lists")
    return lists.is_dir() and any("_Packages" in path.name for path in lists.iterdir())


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


def release_lists(release: str, work: Path) -> tuple[str, ...]:
    """Fetch the lists of another release of the OS into ``work``, which is made.

    Returns the options with which apt uses them and nothing of the host's but its keys. Raises
    ``SourcePassedOverError`` where they cannot be had.
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
    run(["apt-get", *options, "update", "--quiet"])
    return options


def run(
    command: list[str],
    *,
    seconds: int = LONG_SECONDS,
    cwd: Path | None = None,
    into: Path | None = None,
    environment: dict[str, str] | None = None,
) -> str:
    """Return standard output, or write it ``into`` a file.

    A failure passes the source over with the last line said.
    """
    try:
        with contextlib.nullcontext(subprocess.PIPE) if into is None else into.open("wb") as output:
            done = subprocess.run(
                command,
                cwd=cwd,
                env=os.environ
                | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
                | (environment or {}),
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
