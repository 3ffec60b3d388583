"""What this room asks of the agent in a guest.

The agent and its client are ``podresize.guest``'s; that says what travels, this what is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from podresize.errors import HarnessError
from podresize.guest.client import PATIENCE_SECONDS, Agent

_NEXT = "podresize doctor"

Files = Mapping[Path, tuple[bytes, int]]
"""Content and mode by path in the guest."""


class Guest(Protocol):
    """A guest that answers. What it cannot do raises ``HarnessError``."""

    def write(self, files: Files) -> None:
        """Write files, with the directories above them, each as a whole."""
        ...

    def read(self, path: Path) -> bytes:
        """Return what a file holds."""
        ...

    def run(self, *command: str, seconds: float = 60.0) -> str:
        """Run a command and return what it says; ``HarnessError`` with its last words if it fails.

        ``seconds`` are a native guest's: an emulated one may take longer.
        """
        ...

    def units(self, units: Sequence[str], properties: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return unit -> property -> text, as the guest's ``systemctl show`` says it."""
        ...

    def seed(self, data: bytes) -> None:
        """Have the guest draw other random numbers than any that goes on from the same memory."""
        ...


class AgentGuest:
    """A guest behind its agent's client; ``patience`` is how many times as long it may take."""

    def __init__(self, client: Agent, *, patience: float = 1.0) -> None:
        self._client = client
        self._patience = patience

    def write(self, files: Files) -> None:
        """Write files: see ``Guest``."""
        for path, (content, mode) in files.items():
            try:
                self._client.write(path, content, mode=mode, directories=True)
            except OSError as error:
                raise _refused(f"writing {path}", error) from error

    def read(self, path: Path) -> bytes:
        """Return a file's content: see ``Guest``."""
        try:
            return self._client.read(path)
        except OSError as error:
            raise _refused(f"reading {path}", error) from error

    def run(self, *command: str, seconds: float = 60.0) -> str:
        """Run a command: see ``Guest``.

        What it says goes into files there first: of a pipe the rest is lost where whoever reads it
        cannot for a while.
        """
        limit = seconds * self._patience
        try:
            done = self._client.execute(*command, seconds=limit, files=True)
        except TimeoutError as error:
            raise HarnessError(
                f"a command in the guest did not end within {limit:.0f} s",
                value=" ".join(command),
                causes=("this host is overloaded", "what it asks for hangs"),
                next_command=_NEXT,
            ) from error
        except OSError as error:
            raise _refused(" ".join(command), error) from error
        if done.code != 0:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise HarnessError(
                "a command failed in the guest",
                value=" ".join(command),
                causes=(said.splitlines()[-1] if said else f"it ended with {done.code}",),
                next_command=_NEXT,
            )
        return done.stdout.decode(errors="replace")

    def seed(self, data: bytes) -> None:
        """Have the guest draw other random numbers: see ``Guest``."""
        try:
            self._client.seed(data)
        except OSError as error:
            raise _refused("a seed", error) from error

    def units(self, units: Sequence[str], properties: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return what systemd has of units: see ``Guest``."""
        try:
            return self._client.units(*units, properties=properties)
        except OSError as error:
            raise _refused(f"systemctl show {' '.join(units)}", error) from error


def connected(socket: Path, *, patience: float = 1.0) -> AgentGuest:
    """Return the guest behind an agent's socket.

    ``patience`` is how many times as long as a native guest it may take.
    """
    return AgentGuest(Agent(socket, patience=PATIENCE_SECONDS * patience), patience=patience)


def wait_answers(socket: Path, *, within: float) -> None:
    """Wait until the agent answers. Raises ``HarnessError``."""
    try:
        Agent(socket, patience=within).wait()
    except HarnessError as error:
        raise HarnessError(
            f"the guest did not answer within {within:.0f} s",
            origin=str(socket),
            causes=("it does not boot: its console says why", "the host is overloaded"),
            next_command=_NEXT,
        ) from error


def _refused(what: str, error: OSError) -> HarnessError:
    return HarnessError("the guest refuses", value=what, causes=(str(error),), next_command=_NEXT)
