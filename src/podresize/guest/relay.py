"""The relay as a process: ``python -m podresize.guest.relay --port S --listen A``.

It holds the host's end of a guest's port, which only one process can, and lets all others in at
``--listen``: each connection there is a channel of its own, and its bytes are passed on as they are
(``messages``). ``--forward HERE=THERE`` makes a socket of this host that is one of the guest's (its
runtime's, say), ``--backward THERE=HERE`` a socket in the guest that is one of this host's, for a
tap that runs here. It ends with SIGTERM. A port that is not there, or was closed, is tried again:
the guest may still boot.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from podresize.guest.joining import MessageReader, granted, join
from podresize.guest.messages import Type, absent, request
from podresize.guest.multiplexer import ChannelResetError, Multiplexer, SessionEndedError

_AGAIN_SECONDS = 0.1
# A guest that does not let us listen is asked again: the directory may come with its boot.
_REFUSED_SECONDS = 1.0
# What waits for a slow client waits in its channel's window, not here.
_MOST_BUFFERED = 64 * 1024


class Relay:
    """Passes connections on to the agent behind one port."""

    def __init__(self, port: Path, *, listen: Path) -> None:
        self._port = port
        self._listen = listen
        self._session: Multiplexer | None = None
        self._begun = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, forwards: dict[Path, str], backwards: dict[str, Path]) -> None:
        """Serve until this is cancelled. ``forwards`` map sockets of this host to the guest's,
        ``backwards`` sockets of the guest to this host's."""
        async with contextlib.AsyncExitStack() as opened:
            served: dict[Path, str | None] = {self._listen: None, **forwards}
            for here, there in served.items():
                opened.callback(here.unlink, missing_ok=True)
                server = await asyncio.start_unix_server(self._serves(there), here)
                here.chmod(0o600)
                opened.callback(server.close)
            for where, place in backwards.items():
                self._go(self._bring_back(where, place))
            try:
                await self._keep_session()
            finally:
                for task in self._tasks:
                    task.cancel()

    async def _keep_session(self) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(self._port)
            except OSError:
                await asyncio.sleep(_AGAIN_SECONDS)  # nothing announces a machine's socket
                continue
            session = Multiplexer(reader, writer)
            try:
                await session.begin()
                self._session = session
                self._begun.set()
                await session.run()
            except SessionEndedError as error:
                print(error, file=sys.stderr, flush=True)
            finally:
                self._session = None
                self._begun.clear()
                writer.close()
            await asyncio.sleep(_AGAIN_SECONDS)

    def _serves(self, there: str | None) -> Any:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked = None if there is None else request("dial", unix=there)
            await self._pass_on(reader, writer, asked)

        return serve

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        asked: bytes | None,
    ) -> None:
        """Make a connection a channel; with ``asked`` that request is made before it is one."""
        writer.transport.set_write_buffer_limits(high=_MOST_BUFFERED)
        with contextlib.suppress(OSError, ChannelResetError):
            session = self._session
            if session is None:
                if asked is None:
                    writer.write(absent("the guest's agent does not answer"))
                    await writer.drain()
            else:
                channel = await session.open()
                try:
                    if asked is None or await granted(channel, asked):
                        await join(channel, reader, writer)
                finally:
                    await channel.reset()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _bring_back(self, there: str, here: Path) -> None:
        """Have the guest listen at ``there`` in every session, and connect what comes to it."""
        while True:
            await self._begun.wait()
            session = self._session
            try:
                if session is not None:
                    await self._bring_back_in(session, there, here)
                    await asyncio.sleep(_REFUSED_SECONDS)
            except ChannelResetError:
                await asyncio.sleep(_AGAIN_SECONDS)  # the session is over, and another one begins

    async def _bring_back_in(self, session: Multiplexer, there: str, here: Path) -> None:
        channel = await session.open()
        await channel.send(request("listen", unix=there))
        buffer = MessageReader(channel)
        while (message := await buffer.message()) is not None:
            if message.type is Type.WRONG:
                print(f"{there}: {message.json['what']}", file=sys.stderr, flush=True)
            elif message.type is Type.JSON and "number" in message.json:
                self._go(self._accept(session, message.json["number"], here))

    async def _accept(self, session: Multiplexer, number: int, here: Path) -> None:
        with contextlib.suppress(OSError, ChannelResetError):
            channel = await session.open()
            try:
                if await granted(channel, request("accept", number=number)):
                    reader, writer = await asyncio.open_unix_connection(here)
                    await join(channel, reader, writer)
                    writer.close()
            finally:
                await channel.reset()

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _main(arguments: argparse.Namespace) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    relay = Relay(arguments.port, listen=arguments.listen)
    forwards = {Path(here): there for here, there in map(_pair, arguments.forward)}
    backwards = {there: Path(here) for there, here in map(_pair, arguments.backward)}
    serving = asyncio.ensure_future(relay.serve(forwards, backwards))
    ends = asyncio.ensure_future(asked.wait())
    try:
        await asyncio.wait((serving, ends), return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
    finally:
        ends.cancel()
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


def _pair(text: str) -> tuple[str, str]:
    first, _, second = text.partition("=")
    if not first or not second:
        raise SystemExit(f"two paths and = between them are needed: {text!r}")
    return first, second


def main() -> int:
    """Run the relay that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=Path, required=True)
    parser.add_argument("--listen", type=Path, required=True)
    parser.add_argument("--forward", action="append", default=[], metavar="HERE=THERE")
    parser.add_argument("--backward", action="append", default=[], metavar="THERE=HERE")
    asyncio.run(_main(parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
