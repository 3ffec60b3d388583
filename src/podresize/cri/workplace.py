"""The machine on which a runtime's containers are, for who calls programs there and writes files.

What is only read is a ``KernelView``'s.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from podresize.cri.service import Executed


class Workplace(Protocol):
    """This host, or a guest. What it refuses raises ``OSError``, and a guest that does not answer
    ``HarnessError``."""

    def run(self, *command: str, text: str | None = None, seconds: float) -> Executed:
        """Return what a command did, with ``text`` as its input.

        What it leaves behind may go on to write to its output. ``TimeoutError`` when it has not
        ended after so many seconds.
        """
        ...

    def write(self, path: Path, text: str) -> None:
        """Make or replace a file, with the directories above it."""
        ...

    def make_directory(self, path: Path) -> None:
        """Make a directory, with those above it; one that is there is fine."""
        ...

    def remove_directory(self, path: Path) -> None:
        """Remove a directory with nothing in it but what goes with it, as a cgroup."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a directory with all that is in it; one that is gone is fine."""
        ...

    def scratch(self) -> contextlib.AbstractContextManager[Path]:
        """Give a directory for as long as the context is open."""
        ...


class HostWorkplace:
    """This host. See ``Workplace``."""

    def run(self, *command: str, text: str | None = None, seconds: float) -> Executed:
        """Run a command."""
        # Files: what it starts may hold a pipe open for as long as the container lives.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                done = subprocess.run(
                    command,
                    input=None if text is None else text.encode(),
                    stdin=subprocess.DEVNULL if text is None else None,
                    stdout=out,
                    stderr=err,
                    timeout=seconds,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise TimeoutError(str(error)) from error
            return Executed(code=done.returncode, stdout=_read(out), stderr=_read(err))

    def write(self, path: Path, text: str) -> None:
        """Write a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def make_directory(self, path: Path) -> None:
        """Make a directory."""
        path.mkdir(parents=True, exist_ok=True)

    def remove_directory(self, path: Path) -> None:
        """Remove an empty directory."""
        path.rmdir()

    def remove(self, path: Path) -> None:
        """Remove a directory and all in it."""
        shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a directory for a while."""
        with tempfile.TemporaryDirectory(prefix="podresize-") as directory:
            yield Path(directory)


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
