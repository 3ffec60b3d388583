"""The recorder: where every observer of one resize puts what it saw, on one clock.

Observers run in threads of their own and none of them knows the others. The recorder orders what
they see, lets one caller wait for a decision without polling, and carries an observer's death to
that caller at once: a witness that died must never look like one that saw nothing.
"""

from __future__ import annotations

import dataclasses
import datetime
import threading
import time
from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar

from podresize.errors import HarnessError
from podresize.evidence.timeline import Observation, Timeline, Witness

Decision = TypeVar("Decision")


class Recorder:
    """Collects observations; every method may be called from any thread.

    Until ``mark_patch`` the times count from the recorder's creation; with it they are counted
    anew from the patch, so that what was seen before has a negative time. ``on_observation`` is
    called with each observation in the thread of its observer; its errors are that observer's.
    ``slowness`` is how many times as long as natively the observers may take for what they do.
    """

    def __init__(
        self,
        *,
        on_observation: Callable[[Observation], None] | None = None,
        slowness: float = 1.0,
    ) -> None:
        self.slowness = slowness
        self._on_observation = on_observation
        self._changed = threading.Condition()
        self._origin = time.monotonic()
        self._started = datetime.datetime.now(datetime.UTC)
        self._patched = False
        self._observations: list[Observation] = []
        self._failure: HarnessError | None = None
        self._last_look: float | None = None
        self._clock: dict[str, float] | None = None

    def looks(self, rate: float) -> float:
        """Return how often in a second to look at the node, where ``rate`` is for a native one.

        On a slower one everything takes as many times longer, the looks as well: at the full rate
        they alone were half of what an emulated guest's processors did.
        """
        return rate / max(self.slowness, 1.0)

    @property
    def origin(self) -> float:
        """The monotonic time, in seconds, of t = 0."""
        return self._origin

    @property
    def patched_at(self) -> float | None:
        """The monotonic time of the patch, None before it."""
        return self._origin if self._patched else None

    def mark_patch(self, *, at: float | None = None) -> None:
        """Set t = 0 to now, or to the monotonic time ``at``; once."""
        with self._changed:
            if self._patched:
                raise ValueError("a recorder holds one resize: the patch is marked already")
            now = time.monotonic()
            origin = now if at is None else at
            shift = self._origin - origin
            self._observations = [
                dataclasses.replace(observation, t=observation.t + shift)
                for observation in self._observations
            ]
            self._origin = origin
            wall = datetime.datetime.now(datetime.UTC)
            self._started = wall - datetime.timedelta(seconds=now - origin)
            self._patched = True

    def observe(
        self, witness: Witness, subject: str, data: dict[str, Any], *, at: float | None = None
    ) -> None:
        """Record what ``witness`` saw of ``subject``; ``data`` is as ``Observation`` says.

        ``at`` is the monotonic time at which it was seen, by default now. ``data`` is kept, not
        copied: it must not change afterwards.
        """
        seen = time.monotonic() if at is None else at
        with self._changed:
            observation = Observation(
                t=seen - self._origin, witness=witness, subject=subject, data=data
            )
            self._observations.append(observation)
            self._changed.notify_all()
        if self._on_observation is not None:
            self._on_observation(observation)

    def fail(self, error: HarnessError) -> None:
        """Tell whoever waits that an observer died. The first death is kept."""
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def note_stop(self, *, at: float) -> None:
        """Note that an observer looked for the last time at the monotonic time ``at``."""
        with self._changed:
            self._last_look = at if self._last_look is None else min(at, self._last_look)

    def note_clock(self, clock: dict[str, float]) -> None:
        """Note how the clock of a witness that has another was mapped, as ``Timeline.clock``.

        It is noted again whenever it is measured: the widest uncertainty and drift are kept.
        """
        with self._changed:
            before = self._clock or clock
            self._clock = clock | {
                "uncertainty": max(clock["uncertainty"], before["uncertainty"]),
                "drift": max(clock["drift"], before["drift"], key=abs),
            }

    def observations(self) -> tuple[Observation, ...]:
        """Return what was seen so far, in the order of the times."""
        with self._changed:
            return tuple(sorted(self._observations, key=attrgetter("t")))

    def wait_until(
        self, decide: Callable[[tuple[Observation, ...]], Decision | None], *, deadline: float
    ) -> Decision | None:
        """Return the first true value of ``decide``, or its last value at the deadline.

        ``decide`` gets all observations in the order of their times; it is asked at once, after
        every new observation, and one last time at the deadline (seconds from now). Raises
        ``HarnessError`` as soon as an observer died.
        """
        end = time.monotonic() + deadline
        while True:
            late = time.monotonic() >= end
            with self._changed:
                known = len(self._observations)
            # Outside the lock: a decision may take time, and observers must not wait for it.
            decision = decide(self.observations())
            if decision:
                return decision
            with self._changed:
                if late and self._failure is None:
                    return decision
                self._changed.wait_for(
                    lambda known=known: (  # type: ignore[misc]  # mypy cannot infer the default
                        self._failure is not None or len(self._observations) != known
                    ),
                    timeout=max(0.0, end - time.monotonic()),
                )
                if self._failure is not None:
                    raise self._failure

    def to_timeline(
        self,
        *,
        id: str,  # noqa: A002  # the field's name
        pod: str,
        ended: float | None = None,
        sampling: dict[str, float] | None = None,
        watched: bool = True,
    ) -> Timeline:
        """Return everything seen as a ``Timeline``.

        ``ended`` is the t of the last look; by default that of the observer that stopped first,
        since from then on not every witness was looking, or now when none has stopped.
        ``sampling`` and ``watched`` are as ``Timeline`` says.
        """
        with self._changed:
            looked = time.monotonic() if self._last_look is None else self._last_look
            return Timeline(
                id=id,
                pod=pod,
                started=self._started.isoformat(timespec="microseconds").replace("+00:00", "Z"),
                ended=round(looked - self._origin if ended is None else ended, 6),
                sampling=sampling,
                watched=watched,
                clock=self._clock
                and {name: round(value, 6) for name, value in self._clock.items()},
                # As they are stored: a timeline judged from memory and the same one judged from its
                # record must agree to the last digit.
                observations=tuple(
                    dataclasses.replace(observation, t=round(observation.t, 6))
                    for observation in sorted(self._observations, key=attrgetter("t"))
                ),
            )
