"""Other programs, run to their end: none of them outlives us, and what they say is kept."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

TICK = 1.0
"""Seconds between two looks at one that runs."""
FULL = "No space left on device"
_QUICK_SECONDS = 10


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a program left: its exit status, standard output and standard error.

    The status is negative where a signal ended it; the output is empty where it went into a file.
    """

    status: int
    output: str
    complaints: str

    @property
    def disk_is_full(self) -> bool:
        """Whether it said so."""
        return FULL in self.complaints


def run_to_end(
    command: Sequence[str | Path],
    *,
    seconds: float,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    given: Path | None = None,
    into: Path | None = None,
    tick: Callable[[], None] | None = None,
    every: float = TICK,
) -> Ended:
    """Run a program to its end, with the bytes of ``given`` as its input, by default none.

    ``environment`` is added to ours. Its output is returned, or written ``into`` a file. While it
    runs ``tick`` is called every so many seconds. Raises ``subprocess.TimeoutExpired`` after
    ``seconds`` and ``FileNotFoundError`` where there is no such program; it has ended then, with
    what it had started.
    """
    program = str(command[0])
    if shutil.which(program, path=(environment or {}).get("PATH")) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)
    with contextlib.ExitStack() as opened:
        source = opened.enter_context((given or Path(os.devnull)).open("rb"))
        process = opened.enter_context(
            subprocess.Popen(
                [*ends_with_us(), *command],
                cwd=cwd,
                env=os.environ | {"LC_ALL": "C"} | dict(environment or {}),
                stdin=source,
                stdout=subprocess.PIPE if into is None else opened.enter_context(into.open("wb")),
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                # A group of its own: what it starts is ended with it, and where it signals its
                # group, as mmdebstrap does when the disk is full, it does not mean us.
                process_group=0,
            )
        )
        end = time.monotonic() + seconds
        try:
            while True:
                try:
                    output, complaints = process.communicate(timeout=every)
                    break
                except subprocess.TimeoutExpired:
                    if tick is not None:
                        tick()
                    if time.monotonic() >= end:
                        raise
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return Ended(status=process.returncode, output=output or "", complaints=complaints)


def ends_with_us() -> list[str]:
    """Return the words before a command that have it killed when its starter is."""
    # A build whose owner was killed with SIGKILL would go on for minutes for nobody.
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []


def by_itself() -> list[str]:
    """Return the words before a command that give it processes and mounts of its own.

    They end with it, however it ends. Empty where this host does not allow that.
    """
    unshare = shutil.which("unshare")
    if unshare is None:
        return []
    for how in (("--pid", "--fork", "--kill-child", "--mount-proc"), ("--mount",)):
        tried = subprocess.run(
            [unshare, *how, "true"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_QUICK_SECONDS,
        )
        if tried.returncode == 0:
            return [unshare, *how]
    return []
