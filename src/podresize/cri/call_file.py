"""The file of calls: one process writes it, others follow it, and it does not grow for ever.

One that is full becomes ``<name>.1``, whatever had that name before is gone, and an empty one takes
its place by a rename: at any moment there is a file of the name. So there are two at most, and who
follows has as long as it takes to fill one.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

from podresize.cri.call import Call
from podresize.cri.calls import to_line
from podresize.errors import HarnessError

# A kubelet with no pods but the control plane's asks for some 50 MB in a day.
LIMIT_BYTES = 16 << 20


class CallFile:
    """The writer: a line for each call, written by a thread of its own until ``close``.

    A disk that takes no more ends the process: calls that nobody is told of look like none.
    """

    def __init__(self, path: Path, *, limit: int = LIMIT_BYTES) -> None:
        self._path = path
        self._limit = limit
        # Line by line: who reads sees whole ones, and at once.
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._size = path.stat().st_size
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="write calls")
        self._thread.start()

    def tell(self, call: Call) -> None:
        """Have a call written."""
        self._calls.put(call)

    def close(self) -> None:
        """Write what is left, and end."""
        self._calls.put(None)
        self._thread.join()
        self._file.close()

    def _write(self) -> None:
        try:
            while (call := self._calls.get()) is not None:
                self._size += self._file.write(to_line(call))  # ASCII: characters are bytes
                if self._size >= self._limit:
                    self._turn_over()
        except OSError as error:
            print(f"the calls cannot be written: {error}", file=sys.stderr, flush=True)
            os._exit(HarnessError.exit_code)

    def _turn_over(self) -> None:
        self._file.close()
        draft = self._path.with_name(f".{self._path.name}")
        draft.unlink(missing_ok=True)
        os.link(self._path, draft)
        draft.rename(_older(self._path))
        self._file = draft.open("w", encoding="utf-8", buffering=1)
        draft.rename(self._path)
        self._size = 0


class CallReader:
    """Who follows such a file from its present end. Raises ``OSError`` where there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open(encoding="utf-8")
        self._file.seek(0, os.SEEK_END)
        self._part = ""

    def close(self) -> None:
        """Follow it no longer."""
        self._file.close()

    def new(self) -> list[dict[str, Any]]:
        """Return the calls whose lines have become whole (``calls.to_line``).

        Raises ``HarnessError`` where the file has been turned over twice since the last time.
        """
        found = self._read()
        while not _is_same(self._file, self._path):
            # Written between the two: from now on nothing more is.
            found += self._read()
            self._follow()
            found += self._read()
        return found

    def _read(self) -> list[dict[str, Any]]:
        *lines, self._part = (self._part + self._file.read()).split("\n")
        return [json.loads(line) for line in lines]

    def _follow(self) -> None:
        following, older = self._path.open(encoding="utf-8"), _older(self._path)
        # Already the second where the following one has been turned over since it was opened.
        if not (_is_same(self._file, older) or _is_same(following, older)):
            following.close()
            raise HarnessError(
                "calls between kubelet and runtime were written faster than they were read",
                value=str(self._path),
                causes=("an overloaded host",),
                next_command="podresize doctor",
            )
        self._file.close()
        self._file = following


def _older(path: Path) -> Path:
    return path.with_name(f"{path.name}.1")


def _is_same(file: TextIO, path: Path) -> bool:
    return os.path.samestat(os.fstat(file.fileno()), path.stat())
