"""QEMU's own protocol for commands (QMP): lines of JSON on a socket, one client at a time."""

from __future__ import annotations

import json
import shlex
import shutil
import socket
import struct
import time
from pathlib import Path
from typing import Any

from podresize.closing import Closing
from podresize.errors import HarnessError

_CONNECT_SECONDS = 10.0
_LOOK_SECONDS = 0.05
# In bytes a second: as fast as the disk takes it.
_BANDWIDTH = 10 << 30
_FAILED = ("failed", "cancelled")
# What may be free on a disk that was found full: something may have been removed since.
_FULL_BYTES = 16 << 20


class Qmp(Closing):
    """A connection; ``patience`` is how many seconds an answer may take.

    Raises ``HarnessError`` where nothing answers, and for a command that QEMU refuses.
    """

    def __init__(self, path: Path, *, patience: float = 30.0) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(patience)
        try:
            self._connect()
            self._stream = self._socket.makefile("rwb")
            self._read()  # its greeting
        except OSError as error:
            self._socket.close()
            raise self._error(f"QEMU does not take commands: {error}") from error
        try:
            self.execute("qmp_capabilities")
        except HarnessError:
            self.close()
            raise

    def close(self) -> None:
        """End the connection; the machine goes on."""
        self._stream.close()
        self._socket.close()

    @property
    def process(self) -> Path:
        """The directory in /proc of the QEMU that listens, as unix(7) names it (SO_PEERCRED)."""
        size = struct.calcsize("3i")
        said = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return Path("/proc", str(struct.unpack("3i", said)[0]))

    def execute(self, command: str, **arguments: Any) -> Any:
        """Carry out a command; return what QEMU answers. Events that come between are dropped."""
        question: dict[str, Any] = {"execute": command}
        if arguments:
            question["arguments"] = {key.replace("_", "-"): arguments[key] for key in arguments}
        try:
            self._stream.write(json.dumps(question).encode() + b"\n")
            self._stream.flush()
            while True:
                answer = self._read()
                if "return" in answer:
                    return answer["return"]
                if "error" in answer:
                    raise self._error(f"QEMU refuses {command}", str(answer["error"].get("desc")))
        except OSError as error:
            raise self._error(f"QEMU did not carry out {command}: {error}") from error

    def status(self) -> str:
        """Return what the machine does: ``running``, ``paused``, ``inmigrate``."""
        return str(self.execute("query-status")["status"])

    def go_on(self, *, within: float) -> None:
        """Wait until a machine has its memory and let it run."""
        end = time.monotonic() + within
        while (status := self.status()) == "inmigrate":
            if time.monotonic() > end:
                raise self._error(f"the guest's memory was not read within {within:.0f} s")
            time.sleep(_LOOK_SECONDS)
        if status != "running":
            self.execute("cont")

    def pause(self) -> None:
        """Stop the machine's processors."""
        self.execute("stop")

    def keep(self, file: Path, *, within: float) -> None:
        """Write a stopped machine's memory and its devices' state to a file.

        The disks are written to their end then, and the machine stays as it is. Raises
        ``HarnessError``, with a full disk among the causes.
        """
        self.execute("migrate-set-parameters", max_bandwidth=_BANDWIDTH)
        self.execute("migrate", uri=f"exec:cat > {shlex.quote(str(file))}")
        end = time.monotonic() + within
        while (found := self.execute("query-migrate")).get("status") != "completed":
            if found.get("status") in _FAILED:
                said = str(found.get("error-desc", "it does not say why"))
                raise self._error("the guest's memory was not written", *_full(file), said)
            if time.monotonic() > end:
                raise self._error(f"the guest's memory was not written within {within:.0f} s")
            time.sleep(_LOOK_SECONDS)

    def _connect(self) -> None:
        """Connect: QEMU takes one client at a time, and who asked before may just be leaving."""
        end = time.monotonic() + _CONNECT_SECONDS
        while True:
            try:
                self._socket.connect(str(self._path))
            except (BlockingIOError, ConnectionRefusedError, FileNotFoundError):
                if time.monotonic() > end:
                    raise
                time.sleep(_LOOK_SECONDS)
            else:
                return

    def _read(self) -> dict[str, Any]:
        line = self._stream.readline()
        if not line:
            raise ConnectionResetError("it has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _error(self, what: str, *causes: str) -> HarnessError:
        return HarnessError(
            what,
            origin=str(self._path),
            causes=causes or ("QEMU has ended", "the host is overloaded"),
            next_command="podresize doctor",
        )


def _full(file: Path) -> tuple[str, ...]:
    """Return that a file's disk is full, if it is: QEMU says no more than that a pipe broke."""
    free = shutil.disk_usage(file.parent).free
    if free >= _FULL_BYTES:
        return ()
    return (f"the disk is full: {free >> 20} MiB are free in {file.parent}",)
