"""What the units of a guest have said, as its systemd keeps it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from podresize.errors import HarnessError
from podresize.providers.vm.guest_agent import Guest, connected
from podresize.providers.vm.silence import why_silent

# Native, of a journal with hours of a kubelet's words.
_SECONDS = 20.0


def journal(guest: Guest, unit: str, *, lines: int | None = None) -> list[str]:
    """Return a unit's last lines, or all of them. Raises ``HarnessError``."""
    count = () if lines is None else (f"--lines={lines}",)
    command = ("journalctl", "--no-pager", "--output=short-iso-precise", f"--unit={unit}", *count)
    return guest.run(*command, seconds=_SECONDS).splitlines()


def keep_logs(
    logs: Path, agent: str, directory: Path, *, units: Sequence[str], slowness: float
) -> None:
    """Copy a cluster's logs into a directory that is made, with a file of each unit's journal.

    Raises ``OSError``. A guest that does not answer has said what it had to on its console, and is
    not waited for.
    """
    shutil.copytree(logs, directory, dirs_exist_ok=True)
    if why_silent(agent, slowness=slowness, logs=logs) is None:
        keep_journals(connected(Path(agent), patience=slowness), units, directory)


def keep_journals(guest: Guest, units: Sequence[str], directory: Path) -> None:
    """Write a file of each unit into a directory. Raises ``OSError``.

    Where a unit's words cannot be had its file says why, and the others' are kept.
    """
    for unit in units:
        try:
            said = "\n".join(journal(guest, unit))
        except HarnessError as error:
            said = f"podresize: {error.what}"
        (directory / f"{unit}.log").write_text(f"{said}\n")
