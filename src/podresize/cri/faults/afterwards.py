"""What a fault does after it has answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc


class Afterwards:
    """Things that are done later, in the loop of the tap. They end with it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()  # a loop holds no task by itself

    def do(self, seconds: float, what: Callable[[], Awaitable[Any]]) -> None:
        """Do something in so many seconds. A container that has ended by then is left alone."""
        task = asyncio.get_running_loop().create_task(self._later(seconds, what))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Return when all of it is done."""
        await asyncio.gather(*self._tasks)

    async def _later(self, seconds: float, what: Callable[[], Awaitable[Any]]) -> None:
        await asyncio.sleep(seconds)
        try:
            await what()
        except grpc.aio.AioRpcError:
            return  # whoever looks for what was not done finds it
