"""The timeline: every observation of one resize, on one monotonic clock.

Times are seconds of ``CLOCK_MONOTONIC`` relative to the patch (t = 0); what was seen before the
patch has a negative time. A timeline is plain data: it is stored, judged again and drawn without a
cluster.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator
from typing import Any

QOS = "qos"
"""The subject of the cgroup above a pod's: that of its QoS class, or of all pods."""


def settings_subject(subject: str) -> str:
    """Return the subject of everything that can be set in a cgroup: ``settings/pod``."""
    return f"settings/{subject}"


class Witness(enum.StrEnum):
    """Who saw it."""

    CLIENT = "client"  # what we asked and what the apiserver answered
    API = "api"  # the pod as a watch event
    EVENT = "event"  # a Kubernetes Event on the pod
    METRIC = "metric"  # what a component counts
    CRI = "cri"  # the runtime's ContainerStatus
    CALL = "call"  # what the kubelet asks of the runtime, where a tap is between them
    KERNEL = "kernel"  # cgroup files
    PROCESS = "process"  # pid and start time of a container's first process
    WORKLOAD = "workload"  # the probe's own heartbeat


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One thing seen by one witness at one time.

    ``subject`` names what it is about: ``pod`` or ``container/<name>``. ``data`` by witness:

    * client: ``{"request": {"method", "path", "body"}, "answer": {"code", "message", "reason"}}``,
      ``answer`` present once the reply came (a second observation)
    * api: the raw pod as the watch delivered it, without ``metadata.managedFields``
    * event: ``{"reason", "type", "message", "count"}``
    * metric: ``{series: value}``, of subject ``kubelet`` or ``apiserver``, once before the patch
      and once after the decision; a series is written as the component exposes it
    * cri: ``{"id", "state", "started_at", "resources": {...} or None}`` (None: not reported)
    * call: ``{"method", "code", "message", "seconds", "linux"}`` of one call about the container or
      the pod's sandbox, at its end; ``seconds`` is what the runtime took for it, ``linux`` what an
      update asks for
    * kernel: ``{file name: content}``, the files of one cgroup, recorded when one changed; under
      ``settings/<subject>`` all that can be set there, once before and once after
    * process: ``{"pid": int, "start_ticks": int}``
    * workload: ``{"first_seq", "last_seq", "beats", "max_gap_seconds", "max_stall_seconds",
      "instance"}``, gap and stall since the patch, all else since the container's start; a stall is
      a gap without the wait for a processor (records before it was counted have none)
    """

    t: float
    witness: Witness
    subject: str
    data: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the observation as a JSON object; ``t`` is rounded to microseconds."""
        return {
            "t": round(self.t, 6),
            "witness": str(self.witness),
            "subject": self.subject,
            "data": self.data,
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Observation:
        """Rebuild from ``to_json``."""
        return cls(
            t=raw["t"], witness=Witness(raw["witness"]), subject=raw["subject"], data=raw["data"]
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All observations of one resize in the order of their times.

    ``id`` is unique within a run; ``pod`` is ``namespace/name``; ``started`` is the wall clock time
    of t = 0 (ISO 8601, UTC); ``ended`` is the time of the last look, so that "unchanged until the
    end" can be told from "not looked at". ``sampling`` is how the cgroups were really sampled from
    the patch to the end: ``hertz``, ``largest_gap`` (seconds), ``seconds``; None where nobody did.
    ``watched`` is whether every state of the pod was seen; else it was read before and after.
    ``clock`` is of a node whose kernel has a clock of its own, in seconds: the ``offset`` by which
    this host's is ahead, the ``uncertainty`` with which it was known, its ``drift`` meanwhile, and
    ``of_day``, by which this host's time of day is ahead: that of events and of a pod's status.
    """

    id: str
    pod: str
    started: str
    ended: float
    observations: tuple[Observation, ...]
    sampling: dict[str, float] | None = None
    watched: bool = True
    clock: dict[str, float] | None = None

    def of(self, witness: Witness, subject: str | None = None) -> Iterator[Observation]:
        """Yield the observations of one witness, in order, optionally of one subject."""
        for observation in self.observations:
            if observation.witness is witness and subject in (None, observation.subject):
                yield observation

    def last(self, witness: Witness, subject: str | None = None) -> Observation | None:
        """Return the last observation of a witness or None."""
        found = None
        for found in self.of(witness, subject):  # noqa: B007  # the last one is the answer
            pass
        return found

    def to_json(self) -> dict[str, Any]:
        """Return a ``timeline`` record."""
        return {
            "type": "timeline",
            "id": self.id,
            "pod": self.pod,
            "started": self.started,
            "ended": round(self.ended, 6),
            "sampling": self.sampling,
            "watched": self.watched,
            # Left out where there is one clock.
            **({} if self.clock is None else {"clock": self.clock}),
            "observations": [observation.to_json() for observation in self.observations],
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Timeline:
        """Rebuild from a ``timeline`` record."""
        return cls(
            id=raw["id"],
            pod=raw["pod"],
            started=raw["started"],
            ended=raw["ended"],
            sampling=raw.get("sampling"),
            watched=raw.get("watched", True),
            clock=raw.get("clock"),
            observations=tuple(Observation.from_json(item) for item in raw["observations"]),
        )
