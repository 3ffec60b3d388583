"""What the person waiting sees: what is done, how far, how long yet."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress
from rich.progress import Task as RichTask

PLAIN_INTERVAL = 30.0  # seconds between two lines where there is no terminal

# done and total in any one unit; a total of None says that it is not known yet.
Advance = Callable[[float, float | None], None]


def remaining(done: float, total: float | None, elapsed: float) -> float | None:
    """Return the seconds that are left at the pace so far, ``None`` while there is no pace."""
    if not total or done <= 0 or elapsed <= 0:
        return None
    return max(0.0, elapsed / done * (total - done))


def human_time(seconds: float) -> str:
    """Return ``42 s`` or ``3 min 07 s``."""
    whole = round(seconds)
    return f"{whole} s" if whole < 100 else f"{whole // 60} min {whole % 60:02d} s"


def human_size(octets: float) -> str:
    """Return ``812 B``, ``9.5 KiB``, ``113 MiB`` or ``1.2 GiB``."""
    for unit in ("B", "KiB", "MiB"):
        if octets < 1024:
            return f"{octets:.0f} {unit}" if octets >= 10 or unit == "B" else f"{octets:.1f} {unit}"
        octets /= 1024
    return f"{octets:.1f} GiB"


def amount(done: float, total: float | None, unit: str) -> str:
    """Return ``12 of 40 modules``, ``12 modules`` or, for ``bytes``, ``9.5 MiB of 113 MiB``."""
    if unit == "bytes":
        return human_size(done) + (f" of {human_size(total)}" if total else "")
    return f"{done:.0f}" + (f" of {total:.0f}" if total else "") + f" {unit}"


class Progress(Protocol):
    """Where notes and long work are shown. Safe to use from one thread."""

    def note(self, line: str) -> None:
        """Show one line that stays."""
        ...

    def work(self, what: str, *, unit: str) -> contextlib.AbstractContextManager[Advance]:
        """Show long work while the block runs; call the given function as it gets on.

        The function wants done and total in ``unit`` and may be called as often as one likes; to
        be called at least once a second keeps the clock on the screen going.
        """
        ...


class Silent:
    """Shows nothing."""

    def note(self, line: str) -> None:
        """Drop the line."""

    @contextlib.contextmanager
    def work(self, what: str, *, unit: str) -> Iterator[Advance]:  # noqa: ARG002 (the protocol's)
        """Run the block unseen."""
        yield lambda _done, _total: None


class Plain:
    """Lines for a log: one at the start, one every 30 s, one at the end."""

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        interval: float = PLAIN_INTERVAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._interval = interval
        self._clock = clock

    def note(self, line: str) -> None:
        """Print the line at once."""
        # Looked up late: a test or a caller may have put another stream in its place.
        print(line, file=self._stream or sys.stderr, flush=True)

    @contextlib.contextmanager
    def work(self, what: str, *, unit: str) -> Iterator[Advance]:
        """Print where the work stands, at most one line per interval."""
        start = self._clock()
        last = start
        self.note(f"{what} ...")

        def advance(done: float, total: float | None) -> None:
            nonlocal last
            now = self._clock()
            if now - last < self._interval:
                return
            last = now
            left = remaining(done, total, now - start)
            yet = "" if left is None else f", about {human_time(left)} left"
            self.note(f"{what}: {amount(done, total, unit)}, {human_time(now - start)} so far{yet}")

        yield advance
        self.note(f"{what}: done in {human_time(self._clock() - start)}")


class _Amounts(TextColumn):
    def render(self, task: RichTask) -> object:  # type: ignore[override]  # rich narrows to Text
        unit = str(task.fields["unit"])
        left = remaining(task.completed, task.total, task.elapsed or 0.0)
        yet = "" if left is None else f", about {human_time(left)} left"
        return f"{amount(task.completed, task.total, unit)}{yet}"


class Terminal:
    """A bar on a terminal, gone when the work is done; one line with the time stays."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)

    def note(self, line: str) -> None:
        """Print the line above the bar."""
        self._console.print(line, markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def work(self, what: str, *, unit: str) -> Iterator[Advance]:
        """Draw the bar while the block runs."""
        start = time.monotonic()
        bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            _Amounts(""),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        with bar:
            task = bar.add_task(what, total=None, unit=unit)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        self.note(f"{what}: done in {human_time(time.monotonic() - start)}")


def default_progress() -> Progress:
    """Return a bar where standard error is a terminal, plain lines elsewhere."""
    return Terminal() if sys.stderr.isatty() else Plain()
