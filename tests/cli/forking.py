"""Runs ``podresize`` hundreds of times without starting Python as often.

A program of one thread, so that it may fork: for each line on standard input (a JSON object) it
runs the command in a process of its own, in bounded memory, and answers with a line.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

NOBODY = 65534


def serve() -> None:
    import podresize.cli  # once, for all

    # Imported late by one command or another: who is nobody might not read them then.
    import podresize_reports.history.report  # noqa: F401

    for line in sys.stdin:
        with tempfile.TemporaryFile() as out:
            status = run(podresize.cli.main, json.loads(line), out)
            out.seek(0)
            text = out.read().decode(errors="backslashreplace")
        print(json.dumps({"status": status, "text": text}), flush=True)


def run(main: Any, asked: dict[str, Any], out: BinaryIO) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 70
    try:
        signal.alarm(asked["seconds"])
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
        resource.setrlimit(resource.RLIMIT_AS, (asked["memory"], asked["memory"]))
        if asked["nobody"] and os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        sys.argv = ["podresize", *map(os.fsdecode, map(bytes.fromhex, asked["words"]))]
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


class Forker:
    """The program from outside."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(
        self, *words: str, memory: int, seconds: int = 120, nobody: bool = False
    ) -> tuple[int, str]:
        """Return the exit code (negative: the signal) and all that was printed."""
        asked = {
            "words": [os.fsencode(word).hex() for word in words],
            "memory": memory,
            "seconds": seconds,
            "nobody": nobody,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return answer["status"], answer["text"]


@contextlib.contextmanager
def forker(environment: dict[str, str]) -> Iterator[Forker]:
    with subprocess.Popen(
        [sys.executable, str(Path(__file__))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        yield Forker(process)
        assert process.stdin is not None
        process.stdin.close()


if __name__ == "__main__":
    serve()
