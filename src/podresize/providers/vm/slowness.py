"""How much slower a guest is than this host: one program, timed in both.

It is a program that both have, out of one build, and of the kind that the guest will run: a
compiled one with much code. What it takes to start a process in the guest at all is taken off, as
is the way there and back. The guest does nothing else meanwhile. The host may: so both take turns,
and what either waited for the host's processors is taken off. A guest that is kept is measured
once; measured beside other guests it was 52 times slower, and 16 times when the host was quiet.
"""

from __future__ import annotations

import contextlib
import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from podresize.errors import HarnessError
from podresize.providers.vm.guest_agent import Guest

PROGRAM = Path("/usr/local/bin/kubelet")
"""The program in the guest."""
ARGUMENTS = ("--version",)
NOTHING = "/bin/true"
# Its first run in an emulated guest is also its translation.
_TIMES = 3
# A guest at full speed is measured as a little above or below it.
_NATIVE = 1.5
# What no machine is: the measurement was disturbed, and limits would be hours.
_LONGEST = 100.0
_LEAST_SECONDS = 1e-3


def measure(
    guest: Guest, host_program: Path, *, seconds: float, machine: Path | None = None
) -> float:
    """Return by how much longer a computation takes in the guest, at least 1.0.

    ``host_program`` is the host's copy of ``PROGRAM``; ``seconds``, native ones, are what one run
    in the guest may take. ``machine`` is the directory in /proc of the process that is the guest.
    Raises ``HarnessError`` where it does not run.
    """
    inside, start_inside, here, start_here = _least(
        (
            lambda: _undisturbed(
                lambda: guest.run(str(PROGRAM), *ARGUMENTS, seconds=seconds), machine
            ),
            lambda: _undisturbed(lambda: guest.run(NOTHING, seconds=seconds), machine),
            lambda: run_here([str(host_program), *ARGUMENTS]),
            lambda: run_here([NOTHING]),
        )
    )
    return factor(inside - start_inside, here - start_here)


def factor(inside: float, here: float) -> float:
    """Return the factor that these seconds in the guest and on the host come to."""
    found = max(inside, _LEAST_SECONDS) / max(here, _LEAST_SECONDS)
    return 1.0 if found < _NATIVE else round(min(found, _LONGEST), 1)


def on_processors(process: Path) -> tuple[float, float]:
    """Return the seconds that a process's threads ran and that they waited for a processor to.

    ``process`` is its directory in /proc. None of either where the kernel does not count it
    (``CONFIG_SCHED_INFO``).
    """
    ran = waited = 0
    for thread in process.glob("task/*/schedstat"):
        with contextlib.suppress(OSError):  # it has ended
            here, queued, _ = thread.read_text().split()
            ran, waited = ran + int(here), waited + int(queued)
    return ran / 1e9, waited / 1e9


def _least(runs: Sequence[Callable[[], float]]) -> list[float]:
    """Return the shortest of several times of each, in seconds: whatever disturbs makes it longer.

    They take turns, so that what disturbs for a while disturbs none of them alone.
    """
    rounds = [[run() for run in runs] for _ in range(_TIMES)]
    return [min(times) for times in zip(*rounds, strict=True)]


def _undisturbed(run: Callable[[], object], machine: Path | None) -> float:
    """Return the seconds that it takes where nobody else wants the host's processors."""
    if machine is None:
        return _seconds(run)
    before = on_processors(machine)
    took = _seconds(run)
    ran, waited = (now - then for now, then in zip(on_processors(machine), before, strict=True))
    return took * ran / (ran + waited) if ran > 0 else took


def _seconds(run: Callable[[], object]) -> float:
    began = time.monotonic()
    run()
    return time.monotonic() - began


def run_here(command: list[str]) -> float:
    """Run a command on this host; return the seconds that it takes where nobody else is busy.

    Those that it ran, or that passed where these are fewer (it ran on several processors). Raises
    ``HarnessError`` where it does not run.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = _seconds(lambda: _run(command))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    return min(took, ran)


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise HarnessError(
            f"what a guest's speed is measured by does not run here: {error}",
            value=" ".join(command),
        ) from error
