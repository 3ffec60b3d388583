"""What is done to a guest, and when: told by the process that does it, read by who waits for it."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from podresize.closing import Closing

# A clock on a screen wants to be told more than once a second.
_LOOK_SECONDS = 0.5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """``t`` is the monotonic time, in seconds, at which it was done."""

    name: str
    t: float


class Steps:
    """A file to which steps are added, one line of JSON each."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def done(self, name: str) -> None:
        """Note that a step is done now."""
        with self._path.open("a") as file:
            file.write(json.dumps({"step": name, "t": time.monotonic()}) + "\n")

    def read(self) -> list[Step]:
        """Return the steps until now; none where there is no file yet."""
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            return []
        # The last line may be half written.
        lines = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
        return [Step(name=each["step"], t=each["t"]) for each in lines]


class Following(Closing):
    """Tells of each step of a file soon after it was done, on a thread of its own.

    ``look`` is called twice a second besides.
    """

    def __init__(
        self, steps: Steps, tell: Callable[[Step], None], look: Callable[[], None]
    ) -> None:
        self._steps = steps
        self._tell = tell
        self._look = look
        self._told = 0
        self._telling = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="steps", daemon=True)
        self._thread.start()

    def catch_up(self) -> None:
        """Tell what there is to tell now."""
        with self._telling:
            for step in self._steps.read()[self._told :]:
                self._told += 1
                self._tell(step)

    def close(self) -> None:
        """Follow no more; what was not told yet is not."""
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self.catch_up()
            self._look()
