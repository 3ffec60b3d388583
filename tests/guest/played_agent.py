"""A socket at which a guest's agent answers pings, or is silent as that of a machine that hangs."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from podresize.guest.messages import Message, Type

_PONG = json.dumps({"monotonic": 1.0, "realtime": 2.0, "boot": "one"}).encode()
_ANSWER = Message(Type.JSON, _PONG).encode() + Message(Type.END).encode()


class PlayedAgent:
    """Takes every connection; ``answers`` says whether one gets an answer to what it asks.

    None does once there is a file ``hangs``.
    """

    def __init__(self, place: Path, *, answers: bool = True, hangs: Path | None = None) -> None:
        self.answers = answers
        self._hangs = hangs
        self.asked = 0
        self._open: list[socket.socket] = []
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(place))
        self._socket.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for each in self._open:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.asked += 1
            self._open.append(connection)
            if self.answers and not (self._hangs is not None and self._hangs.exists()):
                connection.sendall(_ANSWER)
