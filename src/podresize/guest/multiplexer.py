"""The host's half of the line that ``frames`` describes, for one session of one port."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque

from podresize.guest.frames import (
    HELLO,
    MOST_PAYLOAD,
    NONCE_SIZE,
    PREAMBLE,
    WINDOW,
    Decoder,
    Frame,
    Kind,
)

_AGAIN_SECONDS = 5.0
_READ_SIZE = 64 * 1024


class SessionEndedError(Exception):
    """The session is over: the port was closed, or the agent was started anew."""


class ChannelResetError(Exception):
    """The channel is gone before its end."""


class Channel:
    """One channel: ``send`` and ``end`` one way, ``receive`` the other."""

    def __init__(self, of: Multiplexer, number: int) -> None:
        self._of = of
        self.number = number
        self._incoming: deque[bytes] = deque()
        self._may_send = WINDOW
        self._changed = asyncio.Event()
        self._they_ended = self._we_ended = False
        self._gone: str | None = None
        self._owed = 0

    async def send(self, data: bytes) -> None:
        """Send all of it, as there is credit. Raises ``ChannelResetError``."""
        rest = memoryview(data)
        while rest:
            while self._may_send == 0 and self._gone is None:
                await self._wait()
            self._raise_if_gone()
            size = min(len(rest), self._may_send, MOST_PAYLOAD)
            self._may_send -= size
            await self._of.put(Frame(Kind.DATA, self.number, bytes(rest[:size])))
            rest = rest[size:]

    async def end(self) -> None:
        """Say that nothing more is sent."""
        if not self._we_ended and self._gone is None:
            self._we_ended = True
            await self._of.put(Frame(Kind.END, self.number))
            self._forget_if_over()

    async def receive(self) -> bytes:
        """Return what came, nothing at the end. Raises ``ChannelResetError``.

        What is returned has been consumed with the next call: credit for it is given then.
        """
        if self._owed >= WINDOW // 4 and not self._they_ended and self._gone is None:
            owed, self._owed = self._owed, 0
            await self._of.put(Frame.credit(self.number, owed))
        while not self._incoming and not self._they_ended and self._gone is None:
            await self._wait()
        if self._incoming:
            data = self._incoming.popleft()
            self._owed += len(data)
            return data
        if not self._they_ended:
            self._raise_if_gone()
        return b""

    def put_back(self, data: bytes) -> None:
        """Have what was received be received again."""
        self._incoming.appendleft(data)
        self._owed -= len(data)

    async def reset(self, why: str = "") -> None:
        """Let go of the channel on both sides."""
        if self._gone is None and not (self._we_ended and self._they_ended):
            self.take_reset(why or "it was let go of")
            await self._of.put(Frame(Kind.RESET, self.number, why.encode()[:MOST_PAYLOAD]))

    @property
    def is_gone(self) -> bool:
        """Whether it was reset: nothing can be sent any more."""
        return self._gone is not None

    def take(self, frame: Frame) -> None:
        """Take a frame that came."""
        match frame.kind:
            case Kind.DATA:
                self._incoming.append(frame.payload)
            case Kind.END:
                self._they_ended = True
                self._forget_if_over()
            case Kind.CREDIT:
                self._may_send += frame.size
            case Kind.RESET:
                self.take_reset(frame.payload.decode(errors="replace") or "the agent let go of it")
        self._changed.set()

    def take_reset(self, why: str) -> None:
        """Note that the channel is gone."""
        self._gone = self._gone or why
        self._of.forget(self)
        self._changed.set()

    def _forget_if_over(self) -> None:
        if self._we_ended and self._they_ended:
            self._of.forget(self)

    def _raise_if_gone(self) -> None:
        if self._gone is not None:
            raise ChannelResetError(self._gone)

    async def _wait(self) -> None:
        # Both directions may wait for it: whoever is woken for nothing waits again.
        self._changed.clear()
        await self._changed.wait()


class Multiplexer:
    """A session: ``begin``, then channels are opened while ``run`` goes on."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()  # first come, first served
        self._channels: dict[int, Channel] = {}
        self._last = 0
        self._decoder = Decoder()
        self._nonce = os.urandom(NONCE_SIZE)
        self._rest = b""
        self._over: str | None = None

    async def begin(self) -> None:
        """Return when the agent has answered. Raises ``SessionEndedError`` if the port is closed.

        An agent that is not there yet is waited for, for ever.
        """
        asking = Frame(Kind.RESET_ALL, 0, self._nonce).encode()
        hello = Frame(Kind.RESET_ALL, 0, HELLO).encode()
        await self._write(PREAMBLE + asking)
        seen = b""
        while asking not in seen:
            try:
                async with asyncio.timeout(_AGAIN_SECONDS):
                    seen += await self._read()
            except TimeoutError:
                await self._write(asking)
                continue
            if hello in seen:
                # It has begun after we asked, and may not have heard that.
                seen = seen.partition(hello)[2]
                await self._write(asking)
            if asking not in seen:
                seen = seen[-len(asking) :]
        self._rest = seen.partition(asking)[2]

    async def run(self) -> None:
        """Hand out what comes, until ``SessionEndedError`` is raised."""
        try:
            data, self._rest = self._rest, b""
            while True:
                for frame in self._decoder.feed(data):
                    self._take(frame)
                data = await self._read()
        except SessionEndedError as error:
            self._over = str(error)
            for channel in list(self._channels.values()):
                channel.take_reset(str(error))
            raise

    async def open(self) -> Channel:
        """Open a channel. Of a session that is over it is gone."""
        self._last += 1
        channel = self._channels[self._last] = Channel(self, self._last)
        if self._over is not None:
            channel.take_reset(self._over)
        await self.put(Frame(Kind.OPEN, channel.number))
        return channel

    async def put(self, frame: Frame) -> None:
        """Send a frame when it is its turn; one of a session that is over is dropped."""
        with contextlib.suppress(SessionEndedError):  # ``run`` tells every channel
            await self._write(frame.encode())

    def forget(self, channel: Channel) -> None:
        """Take no more frames for a channel."""
        self._channels.pop(channel.number, None)

    @property
    def channels(self) -> int:
        """How many channels are open."""
        return len(self._channels)

    def _take(self, frame: Frame) -> None:
        if frame.kind is Kind.RESET_ALL:
            if frame.payload != self._nonce:
                raise SessionEndedError("the guest's agent was started anew")
            return
        channel = self._channels.get(frame.channel)
        if channel is not None:
            channel.take(frame)

    async def _read(self) -> bytes:
        try:
            data = await self._reader.read(_READ_SIZE)
        except OSError as error:
            raise SessionEndedError(f"the guest's port broke: {error}") from error
        if not data:
            raise SessionEndedError("the guest's port was closed")
        return data

    async def _write(self, data: bytes) -> None:
        async with self._turn:
            try:
                self._writer.write(data)
                await self._writer.drain()
            except OSError as error:
                raise SessionEndedError(f"the guest's port broke: {error}") from error
