"""The supervisor's process as the one that starts it sees it: an order in, events out."""

from __future__ import annotations

import atexit
import collections
import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from podresize.errors import HarnessError, PodresizeError
from podresize.providers.telling import from_event

STOP_DEADLINE_SECONDS = 15.0
# How long the supervisor may take to say what a dead component died of.
_SAYING_SECONDS = 2.0

Tell = Callable[[str, float], None]

# Supervisors that this process started, by pid.
_children: dict[int, Supervisor] = {}


class Supervisor:
    """The supervisor process as ``up`` sees it: an order in, events out.

    ``module`` is what runs as the process, with the cluster's name as its argument and the order on
    its standard input. ``deadline`` and ``stopping`` are how many seconds its start and its end may
    take.
    """

    def __init__(
        self,
        name: str,
        order: dict[str, Any],
        *,
        module: str,
        deadline: float = 150.0,
        stopping: float = STOP_DEADLINE_SECONDS,
    ) -> None:
        self.name = name
        self._deadline = deadline
        self._stopping = stopping
        self.started = False
        self._failure: PodresizeError | None = None
        self._process = subprocess.Popen(
            # The name is for whoever reads the process table; the order has it too.
            [sys.executable, "-m", module, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # Kept until it has ended: the interpreter warns of a child that nobody waited for.
        _children[self._process.pid] = self
        self._rest = b""
        self._lines: collections.deque[bytes] = collections.deque()
        assert self._process.stdin is not None
        # Killed before it read its order: the missing events tell.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(order).encode())
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def wait_started(self, tell: Tell) -> dict[str, Any]:
        """Return what the supervisor said of itself, once what it makes runs.

        It is what came with ``claimed`` (``index``) and, where there is one, ``born`` (``init``).
        """
        claimed: dict[str, Any] | None = None
        deadline = time.monotonic() + self._deadline
        for event in self._events(deadline):
            match event["event"]:
                case "claimed":
                    claimed = event
                case "born" if claimed is not None:
                    claimed |= event
                case "step":
                    tell(event["step"], event["t"])
                case "started" if claimed is not None:
                    self.started = True
                    return claimed | event
                case "failed":
                    raise from_event(event)
        late = time.monotonic() >= deadline
        raise HarnessError(
            f"the cluster was not up after {self._deadline:.0f} s"
            if late
            else "the cluster's supervisor ended before the cluster was up",
            value=self.name,
            causes=("the host is overloaded",) if late else ("it was killed",),
            next_command="podresize doctor",
        )

    def failure(self, *, wait: float = _SAYING_SECONDS) -> PodresizeError | None:
        """Return what took the cluster down by itself, if anything did; ``wait`` is in seconds."""
        for event in self._events(time.monotonic() + wait):
            if event["event"] == "failed":
                self._failure = from_event(event)
        return self._failure

    def _events(self, deadline: float) -> Iterator[dict[str, Any]]:
        """Yield events until there are no more, or until the deadline."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while True:
            while self._lines:
                yield json.loads(self._lines.popleft())
            left = max(0.0, deadline - time.monotonic())
            if not select.select([descriptor], [], [], left)[0]:
                return
            chunk = os.read(descriptor, 65536)
            if not chunk:
                return
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            self._lines.extend(lines)

    @contextlib.contextmanager
    def telling_why(self) -> Iterator[None]:
        """End it where the block fails, with what itself failed by, if it did, as the error.

        A component that died says more than the answers that did not come.
        """
        try:
            yield
        except PodresizeError as error:
            died = self.failure() if self.started else None
            self.stop()
            if died is None:
                raise
            raise died from error
        except BaseException:
            self.stop()
            raise

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def reap(self) -> None:
        """Wait for its end and let go of it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(self._stopping)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def let_go(self) -> None:
        """Leave it running when this process ends."""
        if self._process.poll() is None:
            # Otherwise the interpreter warns of a child that nobody waited for.
            self._process.returncode = 0
        if self._process.stdout is not None:
            self._process.stdout.close()

    def stop(self) -> None:
        """End it and wait until it has removed everything."""
        self._process.terminate()
        reap(self._process.pid)


def reap(supervisor: int) -> None:
    """Wait for the end of the supervisor with this pid, if this process started it."""
    child = _children.pop(supervisor, None)
    if child is not None:
        child.reap()


def reap_ended() -> None:
    """Let go of every supervisor that has ended."""
    for pid in [pid for pid, child in _children.items() if child.has_ended]:
        reap(pid)


def let_go() -> None:
    """Part from the supervisors that this process started, for its end: they have other owners."""
    for child in list(_children.values()):
        child.let_go()
    _children.clear()


# What nobody waited for the interpreter warns of at its end, be it another one's or long ended.
atexit.register(let_go)


def why_ended(name: str) -> PodresizeError | None:
    """Return what ended a cluster that this process started: which component, its last lines.

    None while it runs, and for a cluster that was asked to end or that another process started.
    """
    started = [child for child in _children.values() if child.name == name]
    if not started:
        return None
    return started[-1].failure(wait=_SAYING_SECONDS if started[-1].has_ended else 0.0)
