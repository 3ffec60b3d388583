"""What every observer has in common: a thread, a first look, an end as soon as it is asked for.

``start`` returns after the first look, because a patch that is sent before its witness looks is a
patch without a witness. An error inside the thread is kept, told to the recorder and raised by
``stop``.
"""

from __future__ import annotations

import abc
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from podresize.errors import HarnessError
from podresize.evidence.recorder import Recorder

FIRST_LOOK = 15.0
# An end takes milliseconds; with fifty processes waiting for a processor 0.9 s were too few.
HANGS_AFTER = 10.0


class Stoppable(Protocol):
    """What runs from ``start`` to ``stop``: an observer or a group of them."""

    def start(self) -> Self:
        """Begin to look."""
        ...

    def stop(self) -> None:
        """Stop looking; raise what went wrong."""
        ...


class Observer(abc.ABC):
    """A thread that looks at one witness until ``stop``; used once.

    ``name`` says in words what is observed and appears in errors.
    """

    def __init__(self, *, name: str, recorder: Recorder) -> None:
        self.name = name
        self.recorder = recorder
        self._stopping = threading.Event()
        self._first_look = threading.Event()
        self._error: HarnessError | None = None
        self._raised = False
        self._thread = threading.Thread(target=self._main, name=f"observe {name}", daemon=True)

    def start(self) -> Self:
        """Start the thread and return after its first look. Raises ``HarnessError``."""
        self._thread.start()
        patience = FIRST_LOOK * self.recorder.slowness
        if not self._first_look.wait(patience) and self._error is None:
            self._error = HarnessError(
                f"the observer of {self.name} saw nothing within {patience:g} s",
                causes=("what it looks at does not answer", "the host is overloaded"),
            )
        if self._error is not None:
            self.stop()
        return self

    def stop(self) -> None:
        """End the thread and wait for that. Raises ``HarnessError`` when it had died, once."""
        self.signal()
        error = self.join(deadline=time.monotonic() + HANGS_AFTER * self.recorder.slowness)
        if error is not None:
            raise error

    def signal(self) -> None:
        """Ask the thread to end, without waiting for it."""
        self._stopping.set()
        self._interrupt()

    def join(self, *, deadline: float) -> HarnessError | None:
        """Wait for the end until the monotonic time ``deadline``; return the error, once."""
        if self._thread.ident is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive() and self._error is None:
            self._error = HarnessError(
                f"the observer of {self.name} hangs",
                causes=("what it looks at does not answer any more",),
            )
        if self._raised:
            return None
        self._raised = self._error is not None
        return self._error

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        leave(self, error)

    @abc.abstractmethod
    def _run(self) -> None:
        """Look until ``_stopping`` is set; call ``_looked`` after the first look."""

    def _interrupt(self) -> None:  # noqa: B027  # most observers wait for _stopping alone
        """Wake the thread when it waits for something else than ``_stopping``."""

    def _over(self) -> None:  # noqa: B027  # most have nobody who waits
        """Wake whoever waits for what the thread will not see any more; it has ended."""

    def _looked(self) -> None:
        self._first_look.set()

    def _main(self) -> None:
        try:
            self._run()
            if not self._stopping.is_set():
                raise HarnessError("it ended by itself")
        except Exception as error:  # whatever it is, it must reach the one who waits
            self._error = HarnessError(
                f"the observer of {self.name} died: what it saw is incomplete",
                value=f"{type(error).__name__}: {error}",
                causes=("what it looks at went away", "a bug in podresize"),
            )
            self._error.__cause__ = error
            self.recorder.fail(self._error)
        finally:
            self.recorder.note_stop(at=time.monotonic())
            self._first_look.set()
            self._over()


class ObserverGroup:
    """Several observers started and stopped together; ``stop`` waits for all of them at once."""

    def __init__(self, observers: Sequence[Observer | ObserverGroup]) -> None:
        self._observers: list[Observer] = []
        for observer in observers:
            members = observer._observers if isinstance(observer, ObserverGroup) else [observer]
            self._observers.extend(members)

    def start(self) -> Self:
        """Start all; when one fails, the others are stopped and its error is raised."""
        for observer in self._observers:
            try:
                observer.start()
            except HarnessError as error:
                leave(self, error)
                raise
        return self

    def stop(self) -> None:
        """Stop all. Raises the first error; the others are notes on it."""
        for observer in self._observers:
            observer.signal()
        slowest = max((each.recorder.slowness for each in self._observers), default=1.0)
        deadline = time.monotonic() + HANGS_AFTER * slowest
        errors = [observer.join(deadline=deadline) for observer in self._observers]
        found = [error for error in errors if error is not None]
        for other in found[1:]:
            found[0].add_note(str(other))
        if found:
            raise found[0]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        leave(self, error)


def leave(running: Stoppable, error: BaseException | None) -> None:
    """Stop at the end of a ``with``: an error on its way stays the one that is seen."""
    try:
        running.stop()
    except HarnessError as own:
        if error is None:
            raise
        error.add_note(str(own))
