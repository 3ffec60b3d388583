"""The tap: a proxy between CRI clients and a runtime that tells every call and changes nothing.

Each connection to it is one to the runtime, and bytes pass as they come, before anybody looks at
them: methods and fields that nobody here knows, deadlines, cancellation, metadata, streams, flow
control, even the client's ``user-agent``. What passed is read afterwards (``http2``). A runtime
that is away closes the connection, as it does without the tap.

A call is told when it has ended, with its times on ``CLOCK_MONOTONIC``, which all processes of a
host share: what lies before ``began`` is the client's time, what lies between the two the
runtime's.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from podresize.cri.call import Tell
from podresize.cri.http2 import Reader, UnreadableError
from podresize.errors import HarnessError, HostError

_GRACE_SECONDS = 1.0
_UNIX = "unix://"


class Tap:
    """A proxy that listens on a socket of its own; it lives in one asyncio loop.

    ``listen`` is the path of that socket, ``runtime`` the endpoint behind it (``unix:///path``).
    ``tell`` is called in the loop with each call that has ended, and has to be quick; of those of
    our own witnesses (``client.OWN``) it hears nothing.
    """

    def __init__(self, *, listen: Path, runtime: str, tell: Tell) -> None:
        self._listen = listen
        self._runtime = runtime.removeprefix(_UNIX)
        self._tell = tell
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._unread: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Listen. Raises ``HostError`` where that cannot be.

        The socket is its owner's alone: what connects can do whatever the runtime does.
        """
        loop = asyncio.get_running_loop()
        self._unread = loop.create_future()
        before = os.umask(0o177)
        try:
            self._listen.unlink(missing_ok=True)  # of one that was killed
            self._server = await loop.create_unix_server(self._accept, str(self._listen))
        except OSError as error:
            raise cannot_listen(self._listen, error) from error
        finally:
            os.umask(before)

    async def serve(self) -> None:
        """Wait until something passed that cannot be read; raises ``HarnessError`` then.

        Calls that nobody is told of would look like none.
        """
        assert self._unread is not None
        await self._unread

    async def stop(self) -> None:
        """Let calls under way end for a second, then close what is connected; the socket goes."""
        assert self._server is not None
        self._server.close()
        end = time.monotonic() + _GRACE_SECONDS
        while any(each.is_busy for each in self._connections) and time.monotonic() < end:
            await asyncio.sleep(_GRACE_SECONDS / 50)
        for each in list(self._connections):
            each.close()
        self._listen.unlink(missing_ok=True)

    def _accept(self) -> asyncio.Protocol:
        connection = _Connection(self._runtime, self._tell, self._ended, self._unreadable)
        self._connections.add(connection)
        return connection.client

    def _ended(self, connection: _Connection) -> None:
        self._connections.discard(connection)

    def _unreadable(self, error: UnreadableError) -> None:
        assert self._unread is not None
        if not self._unread.done():
            self._unread.set_exception(
                HarnessError(
                    f"the tap cannot read what passes: {error}",
                    value=str(self._listen),
                    causes=("a client or the runtime breaks HTTP/2", "the tap reads it wrongly"),
                    next_command="podresize run without --tap",
                )
            )


def cannot_listen(listen: Path, error: Exception) -> HostError:
    """Return the error of a tap whose socket cannot be made."""
    return HostError(
        f"the tap cannot listen: {error}",
        value=str(listen),
        origin="the tap's socket",
        causes=("its directory is not there or not ours", "its path is over 107 bytes"),
    )


class _Connection:
    """One connection of a client and the one to the runtime that belongs to it."""

    def __init__(
        self,
        runtime: str,
        tell: Tell,
        ended: Callable[[_Connection], None],
        unreadable: Callable[[UnreadableError], None],
    ) -> None:
        self._runtime = runtime
        self._ended = ended
        self._unreadable = unreadable
        self._reader: Reader | None = Reader(tell)
        self._connecting: asyncio.Task[None] | None = None
        self.client = _End(self._to_runtime, self._begin, self._client_left)
        self.runtime = _End(self._to_client, lambda: None, self._runtime_left)
        self.client.other, self.runtime.other = self.runtime, self.client

    @property
    def is_busy(self) -> bool:
        """Whether a call is under way."""
        return self._reader is not None and self._reader.is_busy

    def close(self) -> None:
        """Close both ends."""
        for end in (self.client, self.runtime):
            end.close()

    def _begin(self) -> None:
        self.client.pause()
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_unix_connection(lambda: self.runtime, self._runtime)
        except OSError:
            self.client.close()
        else:
            self.client.resume()

    def _to_runtime(self, data: bytes) -> None:
        # Before it goes on: the kernel may have what it asks for before it is read here.
        at = time.monotonic()
        self.runtime.write(data)
        self._read(lambda reader: reader.asked(data, at=at))

    def _to_client(self, data: bytes) -> None:
        at = time.monotonic()
        self.client.write(data)
        self._read(lambda reader: reader.answered(data, at=at))

    def _client_left(self) -> None:
        self._read(lambda reader: reader.end("CANCELLED", "", at=time.monotonic()))
        self._ended(self)

    def _runtime_left(self) -> None:
        message = "the runtime closed the connection"
        self._read(lambda reader: reader.end("UNAVAILABLE", message, at=time.monotonic()))

    def _read(self, read: Callable[[Reader], None]) -> None:
        if self._reader is None:
            return
        try:
            read(self._reader)
        except UnreadableError as error:
            self._reader = None
            self._unreadable(error)


class _End(asyncio.Protocol):
    """One end: what comes in goes to ``took``; what the other cannot take yet is not read."""

    other: _End

    def __init__(
        self, took: Callable[[bytes], None], made: Callable[[], None], lost: Callable[[], None]
    ) -> None:
        self._took = took
        self._made = made
        self._lost = lost
        self._transport: Any = None
        self._is_closed = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        if self._is_closed:  # the client left while this was connecting
            transport.abort()
        self._made()

    def data_received(self, data: bytes) -> None:
        self._took(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._is_closed = True
        self._lost()
        self.other.close()

    def pause_writing(self) -> None:
        self.other.pause()

    def resume_writing(self) -> None:
        self.other.resume()

    def write(self, data: bytes) -> None:
        """Send data, unless this end is closed already."""
        if not self._is_closed:
            self._transport.write(data)

    def pause(self) -> None:
        """Read no more for now."""
        self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        self._transport.resume_reading()

    def close(self) -> None:
        """Send what is left, and close."""
        self._is_closed = True
        if self._transport is not None:
            self._transport.close()
