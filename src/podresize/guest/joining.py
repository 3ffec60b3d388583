"""A channel of the relay's and a connection of this host, made one."""

from __future__ import annotations

import asyncio
import sys

from podresize.guest.messages import Message, Type, read_message
from podresize.guest.multiplexer import Channel, ChannelResetError

_PIECE = 32 * 1024


class MessageReader:
    """Reads messages of a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._bytes = b""

    async def message(self) -> Message | None:
        """Return the next message, None at the end."""
        while True:
            at = 0

            def read(size: int) -> bytes:
                nonlocal at
                at += size
                return self._bytes[at - size : at]

            found = read_message(read)
            if found is not None:
                self._bytes = self._bytes[at:]
                return found
            more = await self._channel.receive()
            if not more:
                return None
            self._bytes += more

    @property
    def rest(self) -> bytes:
        """What came after the last message."""
        return self._bytes


async def granted(channel: Channel, asked: bytes) -> bool:
    """Make a request that turns the channel into a connection; return whether it has become one."""
    await channel.send(asked)
    buffer = MessageReader(channel)
    message = await buffer.message()
    if message is None or message.type is not Type.JSON:
        what = "no answer" if message is None else message.json.get("what")
        print(f"the guest did not connect: {what}", file=sys.stderr, flush=True)
        return False
    if buffer.rest:
        # The connection's first bytes came with the message.
        channel.put_back(buffer.rest)
    return True


async def join(
    channel: Channel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Pass bytes both ways until both sides have ended, or one is gone."""

    async def up() -> None:
        while data := await reader.read(_PIECE):
            await channel.send(data)
        await channel.end()

    async def down() -> None:
        while data := await channel.receive():
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(up())
            task = group.create_task(down())
            await task
            if channel.is_gone:
                raise ChannelResetError("it was reset after its end")

    try:
        await both()
    except* (OSError, ChannelResetError):
        pass
