"""The command line of the tap: a process of this host's, whichever provider starts it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path


def tap_command(
    *,
    listen: Path,
    runtime: str,
    calls: Path,
    faults: Iterable[str],
    control: Path | str | None = None,
) -> tuple[str, ...]:
    """Return it; ``listen`` is the tap's socket, ``runtime`` the endpoint behind it.

    ``control`` is the socket by which faults stop and start the node's components.
    """
    return (
        *(sys.executable, "-m", "podresize.cri.tapping"),
        *("--listen", str(listen), "--runtime", runtime, "--calls", str(calls)),
        *(("--control", str(control)) if control is not None else ()),
        *(f"--fault={each}" for each in faults),
    )
