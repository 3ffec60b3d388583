"""The tap that makes a bad runtime of a good one: a gRPC server and client, faults between them.

Messages that no fault changes pass as bytes, so fields that nobody here knows pass as they are, and
so do methods. Deadlines, cancellation, status codes with their details, and streams pass both ways;
a runtime that is away is UNAVAILABLE, as it is without the tap. What does not pass is the client's
``user-agent``, and where a fault may answer, the metadata of the runtime's answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import grpc
from cri_api.v1 import api_pb2

from podresize.cri.call import Call, Tell
from podresize.cri.client import CHANNEL_OPTIONS, OWN
from podresize.cri.faults.fault import Around, Asked, Fault, RefusedError, through
from podresize.cri.tap import cannot_listen

# A proxy has no opinion on how long a message may be. Of two settings of one name the first counts.
_ANY_LENGTH = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
)
_GRACE_SECONDS = 1.0
# An answer is on its way for a moment after it was given.
_QUIET_LOOKS = 3
_LOOK_SECONDS = 0.002
_PATIENCE_SECONDS = 1.0
# gRPC's own, which each side writes anew.
_NOT_PASSED = ("user-agent",)

Metadata = Sequence[tuple[str, str | bytes]]


class FaultyTap(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc carries no types
    """As ``tap.Tap``, with ``faults``: what it makes the runtime do wrong.

    ``control`` is the socket by which some of them command the node's components.
    """

    def __init__(
        self,
        *,
        listen: Path,
        runtime: str,
        tell: Tell,
        faults: Sequence[Fault],
        control: str | None = None,
    ) -> None:
        self._listen = listen
        self._runtime = runtime
        self._tell = tell
        self._faults = faults
        self._around = Around(runtime=runtime, control=control, cut=self._cut)
        self._cut_at = -math.inf
        self._own_calls = 0
        self._server: Any = None
        self._channel: Any = None
        self._unary = {
            f"/{service.full_name}/{method.name}"
            for service in api_pb2.DESCRIPTOR.services_by_name.values()
            for method in service.methods
            if not method.client_streaming and not method.server_streaming
        }

    async def start(self) -> None:
        """Listen. Raises ``HostError`` where that cannot be.

        The socket is its owner's alone: what connects can do whatever the runtime does.
        """
        self._channel = grpc.aio.insecure_channel(
            self._runtime, options=(*_ANY_LENGTH, *CHANNEL_OPTIONS)
        )
        self._server = grpc.aio.server(options=_ANY_LENGTH)
        self._server.add_generic_rpc_handlers((self,))
        before = os.umask(0o177)
        try:
            self._listen.unlink(missing_ok=True)  # of one that was killed
            self._server.add_insecure_port(f"unix://{self._listen}")
            await self._server.start()
        except (OSError, RuntimeError) as error:
            raise cannot_listen(self._listen, error) from error
        finally:
            os.umask(before)

    async def serve(self) -> None:
        """Wait for ever: gRPC reads whatever passes."""
        await self._server.wait_for_termination()

    async def stop(self) -> None:
        """Let calls under way end for a second, then cancel them; the socket goes."""
        await self._server.stop(_GRACE_SECONDS)
        await self._channel.close()
        self._listen.unlink(missing_ok=True)

    def service(self, details: Any) -> Any:
        """Return what handles a method; every method is handled (grpc.GenericRpcHandler).

        What is known to be one message for one goes the short way; a method that is not known here
        may be anything, and a stream of one message is the same on the wire.
        """
        method = details.method
        if method in self._unary:
            return grpc.unary_unary_rpc_method_handler(functools.partial(self._one, method))
        many = self._channel.stream_stream(method)
        return grpc.stream_stream_rpc_method_handler(functools.partial(self._many, method, many))

    async def _one(self, method: str, request: bytes, context: Any) -> bytes:
        """Answer a call through the faults. The runtime's own metadata does not come back."""
        metadata = _passed(context)

        async def ask(method: str, request: bytes) -> bytes:
            answer: bytes = await self._channel.unary_unary(method)(
                request, metadata=metadata, timeout=context.time_remaining()
            )
            return answer

        asked = Asked(
            method=method,
            request=request,
            behind=functools.partial(ask, method),
            ask=ask,
            around=self._around,
        )
        with (
            self._counted(metadata),
            _Watched(self._teller(metadata), method, request, self._is_cut) as watched,
        ):
            try:
                return await through(self._faults, asked)
            except RefusedError as error:
                await watched.refuse(context, error.code, error.message)
            except grpc.aio.AioRpcError as error:
                await watched.fail(context, error)

    async def _many(
        self, method: str, ask: Any, requests: AsyncIterator[bytes], context: Any
    ) -> AsyncIterator[bytes]:
        metadata = _passed(context)
        with _Watched(self._teller(metadata), method, b"", self._is_cut) as watched:
            call = ask(requests, metadata=metadata, timeout=context.time_remaining())
            try:
                await context.send_initial_metadata(tuple(await call.initial_metadata()))
                async for answer in call:
                    yield answer
            except grpc.aio.AioRpcError as error:
                await watched.fail(context, error)
            finally:
                call.cancel()  # where the client gave up; one that has ended stays as it is
            context.set_trailing_metadata(tuple(await call.trailing_metadata()))

    async def _cut(self) -> None:
        """Close every connection that was accepted here. gRPC knows no way to close one.

        Nor does it say whose call came by which: those of our own witnesses, which saw nothing of a
        resize if theirs were cut, are waited for.
        """
        patience, quiet = time.monotonic() + _PATIENCE_SECONDS, 0
        while quiet < _QUIET_LOOKS and time.monotonic() < patience:
            quiet = 0 if self._own_calls else quiet + 1
            await asyncio.sleep(_LOOK_SECONDS)
        self._cut_at = time.monotonic()
        for entry in list(Path("/proc/self/fd").iterdir()):
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(entry.name))) as end:
                if end.family == socket.AF_UNIX and _path(end) == self._listen:
                    is_listening = end.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                    if not is_listening:
                        end.shutdown(socket.SHUT_RDWR)

    def _is_cut(self, began: float) -> bool:
        """Whether the client of a call that began then cannot have got an answer."""
        return began <= self._cut_at

    @contextlib.contextmanager
    def _counted(self, metadata: Metadata) -> Iterator[None]:
        is_own = OWN[0] in metadata
        self._own_calls += is_own
        try:
            yield
        finally:
            self._own_calls -= is_own

    def _teller(self, metadata: Metadata) -> Tell:
        return _tell_nobody if OWN[0] in metadata else self._tell


def _path(end: socket.socket) -> Path:
    """Return where this end of a connection is bound; gRPC binds to ``///path``."""
    return Path(os.fsdecode(end.getsockname()))


def _tell_nobody(_call: Call) -> None:
    """A witness of ours asked: that is no news."""


class _Watched:
    """One call from its first byte here to its last; tells of it when the block ends."""

    def __init__(
        self,
        tell: Tell,
        method: str,
        request: bytes,
        is_cut: Callable[[float], bool],
    ) -> None:
        self._tell = tell
        self._is_cut = is_cut
        self._method = method
        self._request = request
        self._began = time.monotonic()
        self._failed: tuple[str, str] | None = None

    async def fail(self, context: Any, error: Any) -> NoReturn:
        """Give the client the runtime's own error, to the last byte of its metadata."""
        self._failed = (error.code().name, error.details() or "")
        last = tuple(error.trailing_metadata() or ())
        await context.abort(error.code(), error.details() or "", last)
        raise AssertionError  # abort does not return, which its type does not say

    async def refuse(self, context: Any, code: str, message: str) -> NoReturn:
        """Give the client an error of our own."""
        self._failed = (code, message)
        await context.abort(grpc.StatusCode[code], message)
        raise AssertionError  # as above

    def __enter__(self) -> _Watched:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Whatever else ends a call is its client's, which gave up or is gone.
        code, message = self._failed or (("OK" if kind is None else "CANCELLED"), "")
        if self._is_cut(self._began):
            code, message = "UNAVAILABLE", "the connection was cut"  # as its client sees it
        self._tell(
            Call(
                method=self._method,
                began=self._began,
                ended=time.monotonic(),
                code=code,
                message=message,
                request=self._request,
            )
        )


def _passed(context: Any) -> Metadata:
    given: Iterable[tuple[str, str | bytes]] = context.invocation_metadata() or ()
    return [(key, value) for key, value in given if key not in _NOT_PASSED]
