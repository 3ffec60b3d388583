"""The runtime as a witness: what ContainerStatus says while a resize goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from podresize.cri.client import CriError, RuntimeClient
from podresize.evidence.observer import Observer
from podresize.evidence.recorder import Recorder
from podresize.evidence.timeline import Witness

FAST_RATE, SLOW_RATE = 10.0, 2.0
FAST_SECONDS = 5.0
# A check may restart the runtime; one that stays away for longer is no witness any more.
PATIENCE = 15.0
# Before the first look nothing can be missed, but whoever waits for it is to hear why it fails: so
# long before he gives up (``FIRST_LOOK``).
FIRST_PATIENCE = 5.0
RUNNING = "CONTAINER_RUNNING"

ContainerIds = Mapping[str, str] | Callable[[], Mapping[str, str]]


class ContainerObserver(Observer):
    """Asks for each container's status and records what changed; ``observe_containers`` makes it.

    ``samples`` counts the rounds; ``unavailable_seconds`` is how long the runtime was away.
    """

    def __init__(
        self,
        client: RuntimeClient,
        *,
        ids: ContainerIds,
        recorder: Recorder,
        rate: float,
        slow_rate: float,
        patience: float,
    ) -> None:
        super().__init__(name="the containers' statuses (CRI)", recorder=recorder)
        self._client = client
        self._ids = ids
        self._rate = recorder.looks(rate)
        self._slow_rate = min(slow_rate, self._rate)
        self._patience = patience
        self._last: dict[str, dict[str, Any]] = {}
        self._away_since: float | None = None
        self.samples = 0
        self.unavailable_seconds = 0.0

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
            except CriError as error:
                if self._stopping.is_set():
                    return  # cancelled by the stop
                self._weigh(error)
            patched = self.recorder.patched_at
            fast = patched is None or time.monotonic() < patched + FAST_SECONDS
            # One that is being started anew must be found before much can happen to it.
            fast = fast or any(each["state"] != RUNNING for each in self._last.values())
            self._stopping.wait(1 / (self._rate if fast else self._slow_rate))

    def _interrupt(self) -> None:
        if self._thread.ident is not None:
            self._client.cancel(thread=self._thread.ident)

    def _look(self) -> None:
        ids = self._ids() if callable(self._ids) else self._ids
        for subject, container_id in ids.items():
            found = self._status(container_id)
            if self._away_since is not None:
                self.unavailable_seconds += time.monotonic() - self._away_since
                self._away_since = None
            if found != self._last.get(subject):
                self._last[subject] = found
                self.recorder.observe(Witness.CRI, subject, found)
        self.samples += 1
        self._looked()

    def _status(self, container_id: str) -> dict[str, Any]:
        try:
            return self._client.container_status(container_id, stopping=self._stopping)
        except CriError as error:
            if error.code != "NOT_FOUND":
                raise
            bare = container_id.rpartition("://")[2]
            return {"id": bare, "state": None, "started_at": None, "resources": None}

    def _weigh(self, error: CriError) -> None:
        """Return when the runtime may come back; raise ``error`` when it may not."""
        now = time.monotonic()
        if error.code not in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
            raise error
        patience = self._patience if self.samples else min(self._patience, FIRST_PATIENCE)
        if self._away_since is None:
            self._away_since = now
        elif now - self._away_since > patience:
            raise error


def observe_containers(
    client: RuntimeClient,
    *,
    ids: ContainerIds,
    recorder: Recorder,
    rate: float = FAST_RATE,
    slow_rate: float = SLOW_RATE,
    patience: float = PATIENCE,
) -> ContainerObserver:
    """Return an observer of the containers' statuses, not started yet.

    ``ids`` maps a subject (``container/<name>``) to a container id, or is a callable that returns
    such a mapping and is asked before each round, so that a restarted container is followed.
    ``rate`` is in rounds per second until ``FAST_SECONDS`` after the patch, ``slow_rate`` from then
    on (on a slow node the first is as many times lower, the second no higher than that);
    ``patience`` in seconds is how long the runtime may be away, before its first answer at most
    ``FIRST_PATIENCE``: a connection can be cut at any time. A container that the runtime does not
    know (any more) is recorded with ``state`` None.
    """
    return ContainerObserver(
        client,
        ids=ids,
        recorder=recorder,
        rate=rate,
        slow_rate=slow_rate,
        patience=patience,
    )
