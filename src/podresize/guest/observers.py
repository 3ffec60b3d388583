"""The guest's cgroups and processes as witnesses, as ``CgroupSampler`` and ``ProcessIdentity`` are
this host's.

The looking is the agent's, so that what lasts for milliseconds is seen however long a round trip
takes. What it says carries the guest's time, which is mapped to this host's by the clock's offset;
nothing is taken to have been seen later than it arrived.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from podresize.errors import HarnessError
from podresize.evidence.cgroup_sampler import FAST_RATE, READINGS
from podresize.evidence.kernel_observers import Processes, Progress, Sampler
from podresize.evidence.process_identity import RATE
from podresize.evidence.recorder import Recorder
from podresize.evidence.timeline import Witness
from podresize.guest.client import Agent
from podresize.guest.clock import GuestClock, Offset
from podresize.guest.conversation import Conversation

# The agent says how far it is every 0.1 s; of a native guest.
_PROGRESS_SECONDS = 5.0


class _Told:
    """One watch of the agent's: its channel, and what is known of the clock while it lasts."""

    def __init__(self, agent: Agent, clock: GuestClock, recorder: Recorder, do: str) -> None:
        self._agent = agent
        self._clock = clock
        self._recorder = recorder
        self._do = do
        self._first: Offset | None = None
        self._talk: Conversation | None = None
        self._lock = threading.Lock()
        self._ends = False

    def begin(self, **fields: Any) -> Conversation:
        """Start to watch."""
        talk = self._agent.open().ask(self._do, **fields)
        with self._lock:
            self._talk = talk
            if self._ends:
                talk.end()
        return talk

    def tell(self, command: dict[str, Any]) -> None:
        """Tell the agent something in the middle."""
        with self._lock:
            if self._talk is not None and not self._ends:
                self._talk.send(json.dumps(command).encode() + b"\n")

    def end(self) -> None:
        """Ask the agent to look a last time, and to end."""
        with self._lock:
            self._ends = True
            if self._talk is not None:
                self._talk.end()

    def here(self, there: float, *, arrived: float) -> float:
        """Return the time of this host's clock for one of the guest's."""
        now = self._clock.offset()
        self._first = self._first or now
        self._recorder.note_clock(
            {
                "offset": now.seconds,
                "uncertainty": now.uncertainty,
                "drift": now.seconds - self._first.seconds,
                "of_day": now.of_day,
            }
        )
        return min(arrived, there + now.seconds)


class GuestSampler(Sampler):
    """Samples files in the guest, ``rate`` times a second to the end.

    ``files`` and what is recorded are as ``CgroupSampler`` has them, with paths in the guest.
    ``rate`` is a node's that works as fast as this host: see ``Recorder.looks``.
    """

    def __init__(
        self,
        files: Mapping[str, Mapping[str, Path]],
        *,
        agent: Agent,
        clock: GuestClock,
        recorder: Recorder,
        rate: float = FAST_RATE,
    ) -> None:
        super().__init__(name="the cgroup files in the guest", recorder=recorder)
        self._told = _Told(agent, clock, recorder, "sample")
        self._files = {subject: dict(paths) for subject, paths in files.items()}
        self._rate = recorder.looks(rate)
        self._progress = Progress(samples=0, at=-math.inf)
        self._progressed = threading.Condition()
        self._has_ended = False
        self.largest_gap_seconds = 0.0

    def hurry(self) -> None:
        """Do nothing: it is always as fast as it may be."""

    def follow(self, subject: str, paths: Mapping[str, Path]) -> None:
        """Look elsewhere for a subject from the next sample on."""
        self._told.tell({"follow": {"subject": subject, "files": _texts(paths)}})

    def progress(self, *, after: float = -math.inf) -> Progress:
        """Return how far the agent said last that it was, waiting for it if that is needed."""
        patience = _PROGRESS_SECONDS * self.recorder.slowness

        def is_known() -> bool:
            return self._progress.at > after or self._has_ended

        with self._progressed:
            self._progressed.wait_for(is_known, timeout=patience)
            if self._progress.at > after:
                return self._progress
        if self._error is not None:
            raise self._error
        raise HarnessError(
            f"the guest's cgroups were not sampled for {patience:g} s",
            causes=("the guest is stopped, or too busy",),
            next_command="podresize doctor",
        )

    def forget_gaps(self) -> None:
        """Have ``largest_gap_seconds`` count from now on."""
        self.largest_gap_seconds = 0.0

    def _interrupt(self) -> None:
        self._told.end()

    def _over(self) -> None:
        with self._progressed:
            self._has_ended = True
            self._progressed.notify_all()

    def _run(self) -> None:
        files = {subject: _texts(paths) for subject, paths in self._files.items()}
        with self._told.begin(files=files, rate=self._rate, readings=READINGS) as talk:
            for message in talk.messages():
                self._take(message.json, arrived=time.monotonic())

    def _take(self, said: dict[str, Any], *, arrived: float) -> None:
        beat = said.get("beat")
        if beat is None:
            at = self._told.here(said["t"], arrived=arrived)
            self.recorder.observe(Witness.KERNEL, said["subject"], said["data"], at=at)
            return
        at = self._told.here(beat["t"], arrived=arrived)
        with self._progressed:
            self.largest_gap_seconds = max(self.largest_gap_seconds, beat["gap"])
            self._progress = Progress(samples=beat["samples"], at=at)
            self._progressed.notify_all()
        self._looked()


class GuestProcesses(Processes):
    """Records first processes of the guest's cgroups, as ``ProcessIdentity`` does this host's."""

    def __init__(
        self,
        cgroups: Mapping[str, Path],
        *,
        agent: Agent,
        clock: GuestClock,
        recorder: Recorder,
        rate: float = RATE,
    ) -> None:
        super().__init__(name="the containers' processes in the guest", recorder=recorder)
        self._told = _Told(agent, clock, recorder, "watch-process")
        self._cgroups = dict(cgroups)
        self._rate = recorder.looks(rate)

    def follow(self, subject: str, cgroup: Path) -> None:
        """Look elsewhere for a subject from the next look on."""
        self._told.tell({"follow": {"subject": subject, "cgroup": str(cgroup)}})

    def _interrupt(self) -> None:
        self._told.end()

    def _run(self) -> None:
        with self._told.begin(cgroups=_texts(self._cgroups), rate=self._rate) as talk:
            for message in talk.messages():
                said = message.json
                if "looked" in said:
                    self._looked()
                    continue
                at = self._told.here(said["t"], arrived=time.monotonic())
                self.recorder.observe(Witness.PROCESS, said["subject"], said["data"], at=at)


def _texts(paths: Mapping[str, Path]) -> dict[str, str]:
    return {name: str(path) for name, path in paths.items()}
