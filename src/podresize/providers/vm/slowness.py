"""How much slower a guest is than this host: one program, timed in both.

It is a program that both have, out of one build, and of the kind that the guest will run: a
compiled one with much code. What it takes to start a process in the guest at all is taken off, as
is the way there and back. The guest does nothing else meanwhile. The host may: so both take turns.
"""

from __future__ import annotations

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


def measure(guest: Guest, host_program: Path, *, seconds: float) -> float:
    """Return by how much longer a computation takes in the guest, at least 1.0.

    ``host_program`` is the host's copy of ``PROGRAM``; ``seconds``, native ones, are what one run
    in the guest may take. Raises ``HarnessError`` where it does not
    run.
    """
    inside, start_inside, here, start_here = _least(
        (
            lambda: guest.run(str(PROGRAM), *ARGUMENTS, seconds=seconds),
            lambda: guest.run(NOTHING, seconds=seconds),
            lambda: _run([str(host_program), *ARGUMENTS]),
            lambda: _run([NOTHING]),
        )
    )
    return factor(inside - start_inside, here - start_here)


def factor(inside: float, here: float) -> float:
    """Return the factor that these seconds in the guest and on the host come to."""
    found = max(inside, _LEAST_SECONDS) / max(here, _LEAST_SECONDS)
    return 1.0 if found < _NATIVE else round(min(found, _LONGEST), 1)


def _least(runs: Sequence[Callable[[], object]]) -> list[float]:
    """Return the shortest of several times of each, in seconds: whatever disturbs makes it longer.

    They take turns, so that what disturbs for a while disturbs none of them alone.
    """
    rounds = [[_seconds(run) for run in runs] for _ in range(_TIMES)]
    return [min(times) for times in zip(*rounds, strict=True)]


def _seconds(run: Callable[[], object]) -> float:
    began = time.monotonic()
    run()
    return time.monotonic() - began


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise HarnessError(
            f"what a guest's speed is measured by does not run here: {error}",
            value=" ".join(command),
        ) from error
