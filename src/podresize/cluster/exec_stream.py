"""A command in a container whose output is read while it runs, until told to stop."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Generator, Sequence
from typing import Any
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from podresize.cluster.api import Api, ApiUnreachableError, resource_path
from podresize.cluster.exec import STDOUT, open_websocket, to_answer

_OPEN_SECONDS = 5.0


class ExecStream:
    """A command's standard output line by line; ``lines`` in one thread, ``stop`` from any.

    ``silence`` is how many seconds without output mean that nobody speaks any more: an exec into a
    container that is being stopped may hang for half a minute.
    """

    def __init__(
        self,
        api: Api,
        *,
        namespace: str,
        pod: str,
        container: str,
        command: Sequence[str],
        silence: float,
    ) -> None:
        self._api = api
        self._path = resource_path("pods", namespace=namespace, name=pod, subresource="exec")
        fields = [("command", word) for word in command]
        self._query = urlencode([*fields, ("container", container), ("stdout", "true")])
        self._silence = silence
        self._websocket: Any = None
        self._stopped = False

    def lines(self) -> Generator[tuple[float, str]]:
        """Yield ``(monotonic time of arrival, line)`` until the command ends or ``stop``.

        Raises ``ApiError`` when the apiserver refused and ``ApiUnreachableError``. That the
        container ended, and silence, look like the end of the command.
        """
        end = time.monotonic() + _OPEN_SECONDS
        try:
            with open_websocket(
                self._api.connection,
                path=self._path,
                query=self._query,
                end=end,
            ) as self._websocket:
                yield from self._read()
        except InvalidStatus as error:
            to_answer(error, self._path).accepted()
            raise ApiUnreachableError(f"no websocket for {self._path}", value=str(error)) from error
        except (OSError, InvalidHandshake) as error:
            if not self._stopped:
                raise ApiUnreachableError(
                    f"no connection for {self._path}", value=str(error)
                ) from error
        finally:
            self._websocket = None

    def _read(self) -> Generator[tuple[float, str]]:
        rest = b""
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            while not self._stopped:
                message = self._websocket.recv(timeout=self._silence)
                at = time.monotonic()
                data = message if isinstance(message, bytes) else message.encode()
                if data[:1] == bytes([STDOUT]):
                    *complete, rest = (rest + data[1:]).split(b"\n")
                    for line in complete:
                        yield at, line.decode(errors="replace")

    def stop(self) -> None:
        """End ``lines``, from any thread."""
        self._stopped = True
        self._shut()

    def _shut(self) -> None:
        """Shut the connection: what closes it politely waits for an answer."""
        websocket = self._websocket
        if websocket is not None:
            with contextlib.suppress(OSError):  # disconnected already
                websocket.socket.shutdown(socket.SHUT_RDWR)
