"""Whether a guest still answers: a machine that hangs has not ended, and nobody watches its line.

Whoever asks it for anything else learns of that too, after a time-out as long as what was asked
for, and in words that do not name the guest.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from podresize.errors import HarnessError
from podresize.guest.client import Agent
from podresize.guest.conversation import AgentAbsentError, AgentCutError
from podresize.providers.interface import ClusterHandle
from podresize.providers.vm.console import last_lines, own_words
from podresize.providers.vm.layout import CONSOLE, GuestLayout
from podresize.requirements.runtime_target import RuntimeHandle

SILENT = "the guest answers no more"
"""What is said first of a guest that hangs: whoever ran it so may know not to again."""

SILENT_SECONDS = 5.0
"""Native: a guest that answers does so within milliseconds, times its slowness."""
# Of one that did not answer a moment ago: a run asks before each of its checks.
_AGAIN_SECONDS = 0.5
_LINES = 6
_were_silent: set[str] = set()


class GuestGoneError(HarnessError):
    """The machine has ended, or who talks to it has: it does not hang."""


def why_silent(
    agent: str | Path, *, slowness: float, logs: Path | None, seconds: float | None = None
) -> HarnessError | None:
    """Return what is wrong with the guest behind an agent's socket, None where it answers.

    It has ``seconds`` times its slowness for that; None is enough for one that goes on, and less
    for one that was silent before. ``logs`` is where its console's file is.
    """
    place = str(agent)
    if seconds is None:
        seconds = _AGAIN_SECONDS if place in _were_silent else SILENT_SECONDS
    if not Path(place).exists():
        seconds = 0.0  # the cluster is gone: nobody will answer there
    patience = seconds * slowness
    try:
        Agent(place, patience=patience).wait()
    except HarnessError as error:
        _were_silent.add(place)
        is_gone = isinstance(error, (AgentAbsentError, AgentCutError))
        kind = GuestGoneError if is_gone else HarnessError
        return kind(
            SILENT,
            value=place,
            origin="the agent's socket",
            causes=(
                error.what if is_gone else f"its agent said nothing for {patience:g} s",
                *(() if logs is None else (last_words(logs),)),
                "this host is overloaded, or the machine hangs (nested KVM may)",
            ),
            next_command="podresize doctor",
        )
    _were_silent.discard(place)
    return None


@contextlib.contextmanager
def silence_told(layout: GuestLayout, *, patience: float) -> Iterator[None]:
    """Have a failure of the block begin with ``SILENT`` where the guest hangs.

    One does not that has ended, that says on its console what it failed of, or whose console says
    anything while it is asked. ``patience`` is how many times as long as natively it may take.
    """
    try:
        yield
    except HarnessError as error:
        before = last_lines(layout.console)
        found = why_silent(layout.agent, slowness=patience, logs=None)
        if found is None or isinstance(found, GuestGoneError):
            raise
        if own_words(layout.console) is not None or last_lines(layout.console) != before:
            raise
        raise HarnessError(
            SILENT, value=error.value, origin=error.origin, causes=(error.what, *error.causes)
        ) from error


def silence(
    handle: ClusterHandle | RuntimeHandle, *, seconds: float | None = None
) -> HarnessError | None:
    """Return what is wrong with a target's guest, None where it answers or there is none.

    ``seconds`` is as of ``why_silent``.
    """
    node = handle if isinstance(handle, RuntimeHandle) else next(iter(handle.nodes), None)
    if node is None or node.agent is None:
        return None
    slowness = handle.fingerprint.slowness
    return why_silent(node.agent, slowness=slowness, logs=node.logs, seconds=seconds)


def last_words(logs: Path) -> str:
    """Return a console's last lines as a cause: its file is among a cluster's logs."""
    said = last_lines(logs / CONSOLE, _LINES) or ["(nothing)"]
    return "\n      ".join(["the last lines of its console:", *said])
