"""The process that waits for a booting guest and puts it away: ``python -m ... ORDERS``.

It is a component of the guest's own init, and ends with everything else of it. What it says goes to
a log of its own, whose last lines are shown when it fails: the guest's last words are among them.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from podresize.errors import HarnessError, PodresizeError
from podresize.providers.local.layout import Layout
from podresize.providers.vm import slowness
from podresize.providers.vm.console import last_lines, own_words
from podresize.providers.vm.guest_agent import Guest, connected, wait_answers
from podresize.providers.vm.layout import GuestLayout
from podresize.providers.vm.qmp import Qmp
from podresize.providers.vm.silence import silence_told
from podresize.providers.vm.steps import Steps

# Native seconds. Measured with emulation on two processors of a host that did nothing else: 20 s
# until the agent answers and 57 s until the images are there.
_BOOT_SECONDS = 24.0
_IMAGES_SECONDS = 60.0
_KEEP_SECONDS = 30.0
# One question to a guest that works: a hung one is not to be waited for any longer.
_ASK_SECONDS = 6.0
_LOOK_SECONDS = 0.5
_IMAGES = "podresize-images.service"


def main(arguments: list[str]) -> int:
    """Wait for the guest, measure it, put it away. Returns the exit code."""
    raw: dict[str, Any] = json.loads(Path(arguments[0]).read_text())
    layout = GuestLayout(Layout(name=raw["name"], index=raw["index"]))
    try:
        keep(layout, host_program=Path(raw["host_program"]), patience=raw["patience"])
    except PodresizeError as error:
        tell_failure(error, layout)
        return 1
    return 0


def tell_failure(error: PodresizeError, layout: GuestLayout) -> None:
    """Print the guest's last words, and what went wrong: that is read first."""
    for line in last_lines(layout.console, 6):
        print(f"console: {line}", file=sys.stderr)
    if words := own_words(layout.console):
        print(words, file=sys.stderr)
    print(str(error).splitlines()[0], *error.causes, sep="; ", file=sys.stderr)


def keep(layout: GuestLayout, *, host_program: Path, patience: float) -> None:
    """Do it; every step is noted in the layout's file of steps.

    ``patience`` is how many times as long as a native guest it may take: how slow it is is not
    known yet. Raises ``HarnessError``, with ``SILENT`` for a guest that hangs.
    """
    steps = Steps(layout.steps)
    with silence_told(layout, patience=patience):
        wait_answers(layout.agent, within=_BOOT_SECONDS * patience)
        steps.done("agent answers")
        guest = connected(layout.agent, patience=patience)
        wait_for_images(guest, within=_IMAGES_SECONDS * patience)
        steps.done("images in containerd")
        with Qmp(layout.qmp) as qmp:
            machine = qmp.process
        factor = slowness.measure(guest, host_program, seconds=_ASK_SECONDS, machine=machine)
        steps.done("slowness measured")
        guest.run("/bin/sync", seconds=_ASK_SECONDS)
        with Qmp(layout.qmp) as qmp:
            qmp.pause()
    with Qmp(layout.qmp) as qmp:
        qmp.keep(layout.memory, within=_KEEP_SECONDS * patience)
    steps.done("memory written")
    (layout.cluster.run / "slowness").write_text(f"{factor}\n")


def wait_for_images(guest: Guest, *, within: float) -> None:
    """Wait until the unit that imports the guest's images has done so. Raises ``HarnessError``."""
    end = time.monotonic() + within
    while True:
        said = guest.run(
            *("systemctl", "show", "--property=ActiveState,Result,SubState", _IMAGES),
            seconds=_ASK_SECONDS,
        ).splitlines()
        state = dict(line.split("=", 1) for line in said if "=" in line)
        if state.get("ActiveState") == "active":
            return
        if state.get("ActiveState") == "failed" or time.monotonic() > end:
            raise HarnessError(
                "the guest's images were not imported into its containerd",
                value=" ".join(said),
                origin=_IMAGES,
                causes=tuple(_journal(guest)),
            )
        time.sleep(_LOOK_SECONDS)  # systemd's states can be asked, not watched, over this way


def _journal(guest: Guest) -> list[str]:
    command = ("journalctl", "--no-pager", "--output=cat", "--lines=4", f"--unit={_IMAGES}")
    try:
        return guest.run(*command, "--unit=containerd.service").splitlines()
    except HarnessError as error:
        return [str(error)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
