"""The guest's monotonic clock against this host's.

A ping is answered at some moment between its sending and its answer, so it says that the offset
lies in an interval, as wide as the round trip; of several the narrowest counts. An emulated guest's
clock is calibrated at its boot and may drift by a thousandth, and it stands still while the machine
is stopped, so that the offset is measured again while something is being watched.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable

from podresize.guest.client import Agent, Pong

PINGS = 8
AGAIN_SECONDS = 2.0
_PINGS_AGAIN = 3
# What an older measurement is taken to be worse by, for each second.
_DRIFT = 1e-3


@dataclasses.dataclass(frozen=True, slots=True)
class Offset:
    """``seconds`` by which this host's monotonic clock is ahead, give or take ``uncertainty``.

    ``of_day`` are those by which its time of day is.
    """

    seconds: float
    uncertainty: float
    of_day: float = dataclasses.field(default=0.0, compare=False)

    @classmethod
    def of(cls, pong: Pong) -> Offset:
        """Return what one ping says."""
        middle = (pong.sent + pong.received) / 2
        day = time.time() - time.monotonic() + middle
        return cls(middle - pong.monotonic, (pong.received - pong.sent) / 2, day - pong.realtime)


def measure(agent: Agent, *, pings: int = PINGS) -> Offset:
    """Return the best of some pings. Raises ``HarnessError`` where the agent does not answer."""
    found = [Offset.of(agent.ping()) for _ in range(pings)]
    return min(found, key=lambda each: each.uncertainty)


class GuestClock:
    """The offset, measured when it is first wanted and again when it is old; for any thread."""

    def __init__(
        self,
        agent: Agent,
        *,
        now: Callable[[], float] = time.monotonic,
        again: float = AGAIN_SECONDS,
    ) -> None:
        self._agent = agent
        self._now = now
        self._again = again
        self._lock = threading.Lock()
        self._offset: Offset | None = None
        self._measured = self._looked = 0.0

    def offset(self) -> Offset:
        """Return the offset as it is now, the less certain the longer ago it was measured.

        Raises ``HarnessError``.
        """
        with self._lock:
            now = self._now()
            if self._offset is None:
                self._offset = measure(self._agent)
                self._measured = self._looked = self._now()
            elif now - self._looked >= self._again:
                fresh = measure(self._agent, pings=_PINGS_AGAIN)
                self._looked = self._now()
                if self._is_better(fresh, self._offset):
                    self._offset, self._measured = fresh, self._looked
            may_be_off = self._offset.uncertainty + _DRIFT * (self._now() - self._measured)
            return dataclasses.replace(self._offset, uncertainty=may_be_off)

    def _is_better(self, fresh: Offset, old: Offset) -> bool:
        may_be_off = old.uncertainty + _DRIFT * (self._looked - self._measured)
        apart = abs(fresh.seconds - old.seconds)
        # Where both cannot be, the machine was stopped between them.
        return fresh.uncertainty <= may_be_off or apart > fresh.uncertainty + may_be_off
