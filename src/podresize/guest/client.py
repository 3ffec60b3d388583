"""What the agent of a guest does for this host, as calls.

Each call is a channel of its own, so that any number of threads may call. What the guest's kernel
refuses is the ``OSError`` that it would be here (``FileNotFoundError``); an agent that does not
answer, or went away, is a ``HarnessError``.
"""

from __future__ import annotations

import dataclasses
import os
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import IO, Any

from podresize.errors import HarnessError
from podresize.guest.conversation import AgentAbsentError, AgentCutError, Conversation
from podresize.guest.messages import Type

PATIENCE_SECONDS = 30.0
_EXECUTE_SECONDS = 60.0
_LOOK_SECONDS = 0.1
_PIECE = 64 * 1024

Place = str | PurePath
"""A path in the guest."""


@dataclasses.dataclass(frozen=True, slots=True)
class Pong:
    """The guest's clocks, in seconds, between two moments of this host's monotonic one.

    ``boot`` is the kernel's boot id.
    """

    monotonic: float
    realtime: float
    boot: str
    sent: float
    received: float


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """What is in a directory. ``kind`` is file, directory, link, socket or other."""

    name: str
    kind: str
    size: int


@dataclasses.dataclass(frozen=True, slots=True)
class Executed:
    """What a command has left; ``code`` is negative where a signal ended it."""

    code: int
    stdout: bytes
    stderr: bytes


class Agent:
    """The agent behind a relay's socket.

    ``patience`` is how long, in seconds, it may be silent in the middle of anything: an emulated
    guest takes longer for everything.
    """

    def __init__(self, path: Place, *, patience: float = PATIENCE_SECONDS) -> None:
        self.path = str(path)
        self.patience = patience

    def open(self, *, patience: float | None = None) -> Conversation:
        """Open a channel, for a request of the caller's own."""
        return Conversation(self.path, patience=self.patience if patience is None else patience)

    def wait(self, seconds: float | None = None) -> Pong:
        """Return the first answer to a ping, within ``patience`` or so many seconds.

        Raises ``HarnessError`` with the last reason where none comes.
        """
        end = time.monotonic() + (self.patience if seconds is None else seconds)
        while True:
            left = max(_LOOK_SECONDS, end - time.monotonic())
            try:
                return self._ping(patience=left)
            except (AgentAbsentError, AgentCutError):
                if time.monotonic() >= end:
                    raise
                time.sleep(_LOOK_SECONDS)  # nothing announces a guest that has booted

    def ping(self) -> Pong:
        """Return the guest's clocks."""
        return self._ping(patience=self.patience)

    def _ping(self, *, patience: float) -> Pong:
        with self.open(patience=patience) as talk:
            sent = time.monotonic()
            message = talk.ask("ping").message()
            received = time.monotonic()
            assert message is not None
            said = message.json
        return Pong(said["monotonic"], said["realtime"], said["boot"], sent, received)

    def read(self, path: Place, *, offset: int = 0, limit: int = 0) -> bytes:
        """Return the content of a file, from ``offset`` and at most ``limit`` bytes (0: all)."""
        with self.open() as talk:
            talk.ask("read", path=str(path), offset=offset, limit=limit)
            return b"".join(message.payload for message in talk.messages())

    def copy_out(self, path: Place, to: IO[bytes]) -> int:
        """Write the content of a file of the guest to one that is open here; return its size."""
        with self.open() as talk:
            talk.ask("read", path=str(path))
            return sum(to.write(message.payload) for message in talk.messages())

    def write(
        self,
        path: Place,
        data: bytes | IO[bytes],
        *,
        mode: int = 0o644,
        directories: bool = False,
    ) -> None:
        """Make or replace a file: it is there with all of its content, or as it was before.

        ``directories`` makes those above it that are not there.
        """
        self._write(path, data, mode=mode, directories=directories)

    def write_in_place(self, path: Place, data: bytes) -> None:
        """Write into a file that is there, by one write(2): a cgroup's, or one of /proc/sys."""
        self._write(path, data, in_place=True)

    def _write(self, path: Place, data: bytes | IO[bytes], **how: Any) -> None:
        with self.open() as talk:
            talk.ask("write", path=str(path), size=_size(data), **how)
            for piece in _pieces(data):
                talk.send(piece)
            talk.end().one()

    def entries(self, path: Place) -> list[Entry]:
        """Return what is in a directory, by name."""
        return [Entry(**each) for each in self._ask("list", path=str(path))["entries"]]

    def there(self, paths: Iterable[Place]) -> list[bool]:
        """Return of each path whether something is there."""
        found: list[bool] = self._ask("there", paths=[str(path) for path in paths])["there"]
        return found

    def find(self, roots: Iterable[Place], *, depth: int) -> dict[str, list[str]]:
        """Return directory -> names of the directories in it, for the roots and ``depth`` below."""
        tree = self._ask("find", roots=[str(root) for root in roots], depth=depth)["tree"]
        found: dict[str, list[str]] = tree
        return found

    def settings(
        self, directories: Iterable[Place], *, prefixes: Sequence[str], without: Sequence[str]
    ) -> dict[str, str]:
        """Return name -> stripped text of the files in some directories, of those that can be read
        whose names begin with a prefix and hold no word of ``without``."""
        return self.settings_of_each([directories], prefixes=prefixes, without=without)[0]

    def settings_of_each(
        self,
        places: Iterable[Iterable[Place]],
        *,
        prefixes: Sequence[str],
        without: Sequence[str],
    ) -> list[dict[str, str]]:
        """Return ``settings`` of each place, which are its directories, read in their order."""
        found: list[dict[str, str]] = self._ask(
            "settings",
            places=[[str(each) for each in directories] for directories in places],
            prefixes=list(prefixes),
            without=list(without),
        )["settings"]
        return found

    def execute(
        self,
        *argv: str,
        stdin: bytes | IO[bytes] = b"",
        env: Mapping[str, str] | None = None,
        directory: Place = "",
        seconds: float = _EXECUTE_SECONDS,
        files: bool = False,
    ) -> Executed:
        """Run a command in the guest to its end.

        ``env`` is added to the agent's own. After ``seconds`` it is killed, with what it started,
        and ``TimeoutError`` raised. Where this process goes away its input ends, and no more. With
        ``files`` it does not write to pipes: what it leaves behind can go on to write, and keeps
        nobody waiting.
        """
        output: dict[Type, bytearray] = {Type.BYTES: bytearray(), Type.ERROR: bytearray()}
        code = 0
        with self.open(patience=seconds + self.patience) as talk:
            talk.ask(
                "exec",
                argv=argv,
                env=dict(env or {}),
                directory=str(directory),
                seconds=seconds,
                files=files,
            )
            talk.feed(_pieces(stdin))
            for message in talk.messages():
                if message.type is Type.JSON:
                    code = message.json["code"]
                else:
                    output[message.type] += message.payload
        return Executed(code, bytes(output[Type.BYTES]), bytes(output[Type.ERROR]))

    def must(self, *argv: str, **how: Any) -> bytes:
        """Run a command as ``execute`` does and return its output; ``HarnessError`` if it fails."""
        done = self.execute(*argv, **how)
        if done.code != 0:
            raise HarnessError(
                f"a command in the guest ended with {done.code}",
                value=" ".join(argv),
                origin=done.stderr.decode(errors="replace").strip()[-500:] or None,
            )
        return done.stdout

    def seed(self, data: bytes) -> None:
        """Have the guest's kernel draw its random numbers from these bytes as well, from now on.

        Guests that go on from one memory would all draw the same ones (random(4), RNDADDENTROPY
        and RNDRESEEDCRNG).
        """
        self._ask("seed", hex=data.hex())

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to a process of the guest."""
        self._ask("signal", pid=pid, number=int(number))

    def dial(self, *, unix: Place | None = None, tcp: str | None = None) -> socket.socket:
        """Return a connection to a socket of the guest, by path or by ``host:port``."""
        talk = self.open()
        try:
            talk.ask("dial", unix=str(unix or ""), tcp=tcp or "").message()
            return talk.connection()
        except BaseException:
            talk.close()
            raise

    def units(self, *units: str, properties: Sequence[str] = ()) -> dict[str, dict[str, str]]:
        """Return unit -> property -> text, as ``systemctl show`` says it."""
        found: dict[str, dict[str, str]] = self._ask(
            "units", units=list(units), properties=list(properties)
        )["units"]
        return found

    def identity(self, cgroup: Place) -> dict[str, int | None]:
        """Return ``{"pid", "start_ticks"}`` of the oldest process in a cgroup, or two None."""
        found: dict[str, int | None] = self._ask("identity", cgroup=str(cgroup))
        return found

    def pids(self, cgroup: Place) -> list[int]:
        """Return the pids in a cgroup and in those below it."""
        found: list[int] = self._ask("pids", cgroup=str(cgroup))["pids"]
        return found

    def _ask(self, do: str, **fields: Any) -> dict[str, Any]:
        with self.open() as talk:
            return talk.ask(do, **fields).one()


def _size(data: bytes | IO[bytes]) -> int:
    """Return how many bytes are to come, -1 where only their end tells."""
    if isinstance(data, bytes):
        return len(data)
    if not data.seekable():
        return -1
    here = data.tell()
    end = data.seek(0, os.SEEK_END)
    data.seek(here)
    return end - here


def _pieces(data: bytes | IO[bytes]) -> Iterable[bytes]:
    if isinstance(data, bytes):
        return (data,) if data else ()
    return iter(lambda: data.read(_PIECE), b"")
