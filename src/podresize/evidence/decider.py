"""When a live observation may stop: the expectation is met, or can no longer be.

The live loop feeds each observation once; the work per observation is that of its own witness, so
the loop can take hundreds of cgroup samples a second.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any

from podresize.evidence.agreement import api_is_done, cgroup_shows, runtime_shows
from podresize.evidence.case import cgroup_files
from podresize.evidence.resize_events import is_event
from podresize.evidence.timeline import Observation, Witness
from podresize.oracle.expectation import Expectation
from podresize.oracle.model import container_subject


class Outcome(enum.StrEnum):
    """Why the observation may stop."""

    MET = "met"
    BROKEN = "broken"


class Decider:
    """Fed one observation at a time; knows whether the expectation is decided.

    ``met``: the API is at the end state, the runtime and every cgroup, container and pod, hold
    the new values, what must restart has, and the expected Events have come; or the patch was
    refused as expected. ``broken``: the answer to the patch is not the expected one, which nothing
    seen later can mend. A resize that hangs is neither: the caller's clock ends it at
    ``expectation.deadline``.
    """

    def __init__(self, expectation: Expectation) -> None:
        self._expectation = expectation
        self._answered = False
        self._broken = False
        self._cgroups = dict(expectation.cgroups_after)
        self._files: dict[str, dict[str, str]] = {}
        self._runtime = {
            container_subject(item.name): item.runtime_after
            for item in expectation.containers
            if expectation.fingerprint.sees_node
        }
        self._api_open = True
        self._kernel_open = set(self._cgroups)
        self._runtime_open = set(self._runtime)
        self._events_open = list(expectation.events)
        self._restarting = {
            container_subject(item.name) for item in expectation.containers if item.restarts
        }
        self._first: dict[tuple[Witness, str], Any] = {}
        self._restart_open = {
            (witness, subject)
            for witness in (Witness.CRI, Witness.PROCESS)
            for subject in self._restarting
            if witness is not Witness.CRI or expectation.fingerprint.sees_node
        }

    @property
    def outcome(self) -> Outcome | None:
        """``met``, ``broken`` or None while it is open."""
        if self._broken:
            return Outcome.BROKEN
        if not self._answered:
            return None
        if not self._expectation.answer.accepted:
            return Outcome.MET
        if self._api_open or self._kernel_open or self._runtime_open or self._restart_open:
            return None
        if self._events_open:
            return None
        return Outcome.MET

    @property
    def is_decided(self) -> bool:
        """True when nothing seen later can change the outcome for the better."""
        return self.outcome is not None

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """What is still open, for a progress line or a harness error: ``api``, ``kernel pod``..."""
        if self.is_decided:
            return ()
        waiting = [] if self._answered else ["the answer to the patch"]
        waiting += ["api"] if self._api_open else []
        waiting += [f"kernel {subject}" for subject in sorted(self._kernel_open)]
        waiting += [f"cri {subject}" for subject in sorted(self._runtime_open)]
        waiting += [f"event {event.reason}" for event in self._events_open]
        waiting += [f"{witness} {subject} anew" for witness, subject in sorted(self._restart_open)]
        return tuple(waiting)

    def feed(self, observation: Observation) -> bool:
        """Take one observation and return whether the expectation is decided now."""
        if observation.subject in self._restarting:
            self._see_restart(observation)
        match observation.witness:
            case Witness.CLIENT:
                self._see_answer(observation)
            case Witness.API:
                self._api_open = not api_is_done(observation.data, self._expectation)
            case Witness.KERNEL if observation.subject in self._cgroups:
                self._see_cgroup(observation)
            case Witness.EVENT if observation.t >= 0:
                # They are sent apart from the status and may arrive after it.
                self._events_open = [
                    event for event in self._events_open if not is_event(observation.data, event)
                ]
            case Witness.CRI if observation.subject in self._runtime:
                self._see_runtime(observation)
            case _:
                pass
        return self.is_decided

    def _see_answer(self, observation: Observation) -> None:
        answer = observation.data.get("answer")
        if answer is not None:
            self._answered = True
            self._broken = (answer["code"] == 200) != self._expectation.answer.accepted

    def _see_restart(self, observation: Observation) -> None:
        """A container that must restart is awaited in the runtime and in the kernel's processes."""
        data = observation.data
        if observation.witness is Witness.CRI:
            identity, is_up = data.get("id"), data.get("state") == "CONTAINER_RUNNING"
        elif observation.witness is Witness.PROCESS:
            identity = (data.get("pid"), data.get("start_ticks"))
            is_up = data.get("pid") is not None
        else:
            return
        key = (observation.witness, observation.subject)
        first = self._first.setdefault(key, identity)
        if identity != first and is_up:
            self._restart_open.discard(key)
        else:
            self._restart_open.add(key)

    def _see_cgroup(self, observation: Observation) -> None:
        subject = observation.subject
        files = self._files.setdefault(subject, {})
        files.update(cgroup_files(observation.data))
        if cgroup_shows(files, self._cgroups[subject]):
            self._kernel_open.discard(subject)
        else:
            self._kernel_open.add(subject)

    def _see_runtime(self, observation: Observation) -> None:
        subject = observation.subject
        if runtime_shows(observation.data.get("resources"), self._runtime[subject]):
            self._runtime_open.discard(subject)
        else:
            self._runtime_open.add(subject)


def is_decided(observations: Iterable[Observation], expectation: Expectation) -> bool:
    """Return whether these observations, in this order, decide the expectation."""
    decider = Decider(expectation)
    for observation in observations:
        decider.feed(observation)
    return decider.is_decided
