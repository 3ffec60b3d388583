"""The init's side of commands: stop and start single components, on a socket of the cluster's own.

One connection is one command: a line of JSON with ``do`` (``stop``, ``start``, ``running`` or
``ended``), ``component`` and, for ``stop``, ``kill``. Three are for the node's systemd:
``daemon-reload``, ``units`` with ``units`` and ``properties``, and ``override`` with ``units`` and
``setting``. The answer is a line of JSON with ``done``, or with ``error`` (its kind) and ``what``.
Whoever may not write the socket may not command.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from pathlib import Path
from typing import Any, Protocol

from podresize.providers.systemd import Systemd

_LONGEST_LINE = 16384


class Commanded(Protocol):
    """Who carries the commands out, on any thread."""

    def running(self) -> dict[str, bool]:
        """Return of each component whether it runs."""
        ...

    def ended(self, name: str) -> bool:
        """Return whether kubelet or containerd has ended by itself since its start."""
        ...

    def stop(self, name: str, *, kill: bool) -> None:
        """End a component; ``LookupError`` for an unknown one, ``TimeoutError`` when it stays."""
        ...

    def start(self, name: str) -> None:
        """Start a component; raises as ``stop`` does."""
        ...

    def systemd(self) -> Systemd:
        """Return the systemd that runs the node; ``NoSystemdError`` where none does."""
        ...


class Commands:
    """The listening socket."""

    def __init__(self, path: Path, commanded: Commanded) -> None:
        self._commanded = commanded
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # The mode counts from the first moment: what connects is not asked who it is.
        before = os.umask(0o177)
        try:
            self._socket.bind(str(path))
        finally:
            os.umask(before)
        self._socket.listen()

    def serve(self) -> None:
        """Take commands from now on, in the background, each in a thread of its own."""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no further commands."""
        # Closing alone would not wake the thread that accepts.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with (
            # Whoever asked may have given up meanwhile.
            contextlib.suppress(BrokenPipeError, ConnectionResetError),
            connection,
            connection.makefile("rwb") as stream,
        ):
            try:
                answer = {"done": self._do(json.loads(stream.readline(_LONGEST_LINE)))}
            except Exception as error:  # whoever asked is told; the cluster goes on
                answer = {"error": type(error).__name__, "what": str(error)}
            stream.write(json.dumps(answer).encode() + b"\n")

    def _do(self, command: dict[str, Any]) -> Any:
        match command["do"]:
            case "running":
                return self._commanded.running()
            case "ended":
                return self._commanded.ended(command["component"])
            case "stop":
                self._commanded.stop(command["component"], kill=bool(command["kill"]))
            case "start":
                self._commanded.start(command["component"])
            case "daemon-reload":
                self._commanded.systemd().daemon_reload()
            case "override":
                self._commanded.systemd().override(command["units"], command["setting"])
            case "units":
                return self._commanded.systemd().units(command["units"], command["properties"])
            case unknown:
                raise LookupError(f"no command {unknown!r}")
        return None
