"""A connection of one's own, whose reader another thread can end at once.

A watch spends its life blocked in a read. Shutting the socket down is the only thing that ends such
a read at once and from outside, so the socket must be known, in every phase of the request: a
shared pool would not tell which one it is, and would have others on it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

import httpx

from podresize.closing import Closing
from podresize.cluster.api import (
    CONNECT_TIMEOUT,
    REQUEST_TIMEOUT,
    Answer,
    ApiUnreachableError,
    new_client,
    tls_extensions,
    to_answer,
    unreachable,
)
from podresize.cluster.kubeconfig import Connection

CONNECTED = ("connection.connect_tcp.complete", "connection.start_tls.complete")


class ChannelCut(Exception):  # noqa: N818  # not an error: the owner asked for it
    """``cut`` was called while or before a request was under way."""


class Channel(Closing):
    """One kept-alive connection; one thread reads, any thread may ``cut``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._client = new_client(connection, limits=httpx.Limits(max_connections=1))
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._cut = False

    def get(
        self, path: str, *, params: Mapping[str, str | int | bool], timeout: float = REQUEST_TIMEOUT
    ) -> Answer:
        """Return the whole answer. Raises ``ApiUnreachableError`` or ``ChannelCut``."""
        try:
            with self._open(path, params=params, read_timeout=timeout) as response:
                response.read()
                return to_answer(response)
        except httpx.HTTPError as error:
            raise self._lost(error, path) from error

    def chunks(
        self,
        path: str,
        *,
        params: Mapping[str, str | int | bool],
        read_timeout: float,
        on_open: Callable[[], None] | None = None,
    ) -> Generator[tuple[float, bytes]]:
        """Yield ``(monotonic time of arrival, bytes)`` until the server ends the answer.

        ``read_timeout`` is the longest silence in seconds; ``on_open`` is called when the server
        accepted the request, which may be long before the first byte. Raises ``ApiError`` when
        refused, ``ApiUnreachableError`` when the connection is lost or silent, ``ChannelCut`` when
        cut.
        """
        try:
            with self._open(path, params=params, read_timeout=read_timeout) as response:
                if not response.is_success:
                    response.read()
                    to_answer(response).accepted()
                if on_open is not None:
                    on_open()
                for chunk in response.iter_bytes():
                    yield time.monotonic(), chunk
        except httpx.HTTPError as error:
            raise self._lost(error, path) from error
        if self._cut:
            # A server that speaks HTTP/1.0 ends its answer by closing: that is how a cut looks.
            raise ChannelCut

    def lines(
        self,
        path: str,
        *,
        params: Mapping[str, str | int | bool],
        read_timeout: float,
        on_open: Callable[[], None] | None = None,
    ) -> Generator[tuple[float, bytes]]:
        r"""Yield each complete line with the time at which its end arrived.

        Raises as ``chunks`` does. A torn last line is left out. Lines end with ``\n`` only: text
        splitters know more line ends, and JSON may hold those unescaped.
        """
        rest = b""
        chunks = self.chunks(path, params=params, read_timeout=read_timeout, on_open=on_open)
        for at, chunk in chunks:
            *complete, rest = (rest + chunk).split(b"\n")
            for line in complete:
                yield at, line

    def cut(self) -> None:
        """End whatever the reader is doing, now and for good. Idempotent, from any thread."""
        with self._lock:
            self._cut = True
            if self._socket is not None:
                # The plain socket's shutdown: the one of SSLSocket also drops the TLS state,
                # which the reading thread is using.
                with contextlib.suppress(OSError):  # already disconnected
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection. Called by the thread that reads."""
        with self._lock:
            self._socket = None
        self._client.close()

    def _open(
        self, path: str, *, params: Mapping[str, str | int | bool], read_timeout: float
    ) -> Any:
        if self._cut:
            raise ChannelCut
        return self._client.stream(
            "GET",
            path,
            params=params,
            timeout=httpx.Timeout(read_timeout, connect=CONNECT_TIMEOUT),
            extensions=tls_extensions(self._connection) | {"trace": self._trace},
        )

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Learn the socket from httpcore, which announces each phase of a connection."""
        if event not in CONNECTED:
            return
        stream = info["return_value"]
        with self._lock:
            self._socket = stream.get_extra_info("socket")
            cut = self._cut
        if cut:
            stream.close()
            raise ChannelCut

    def _lost(self, error: httpx.HTTPError, path: str) -> ApiUnreachableError | ChannelCut:
        if self._cut:
            return ChannelCut()
        return unreachable(error, request=f"GET {path}", server=self._connection.server)
