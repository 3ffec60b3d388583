"""A timeline beside its expectation: the views that judges share.

Everything is computed from the two on first use and kept, so that twenty judges of one timeline
walk it once.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from podresize.evidence.agreement import api_is_done, cgroup_shows, progress_value, runtime_shows
from podresize.evidence.timeline import Timeline, Witness
from podresize.oracle.expectation import Expectation
from podresize.oracle.model import container_subject


class NoEvidenceError(Exception):
    """A witness that a judge needs was never heard: a fault of the harness, not of the target."""


class Case:
    """One resize: what was seen and what should have been."""

    def __init__(self, timeline: Timeline, expectation: Expectation) -> None:
        self.timeline = timeline
        self.expectation = expectation

    @functools.cached_property
    def answer(self) -> dict[str, Any]:
        """The apiserver's answer: ``code``, ``message``, ``reason``. Raises ``NoEvidenceError``."""
        for seen in self.timeline.of(Witness.CLIENT):
            if seen.data.get("answer") is not None:
                return dict(seen.data["answer"])
        raise NoEvidenceError("the answer to the patch was not recorded")

    @functools.cached_property
    def request(self) -> dict[str, Any]:
        """What was sent: ``method``, ``path``, ``body``; empty when it was not recorded."""
        for seen in self.timeline.of(Witness.CLIENT):
            if seen.data.get("request") is not None:
                return dict(seen.data["request"])
        return {}

    @functools.cached_property
    def answered_at(self) -> float | None:
        """The time of the answer, in seconds after the patch was sent."""
        for seen in self.timeline.of(Witness.CLIENT):
            if seen.data.get("answer") is not None:
                return seen.t
        return None

    @functools.cached_property
    def pods(self) -> list[tuple[float, dict[str, Any]]]:
        """Every state of the pod that the API showed. Raises ``NoEvidenceError`` when none."""
        pods = [(seen.t, seen.data) for seen in self.timeline.of(Witness.API)]
        if not pods:
            raise NoEvidenceError("the API never showed the pod")
        return pods

    @functools.cached_property
    def final_pod(self) -> dict[str, Any]:
        """The last state of the pod."""
        return self.pods[-1][1]

    @functools.cached_property
    def progress(self) -> list[tuple[float, str]]:
        """The values of the API's progress signal without repetitions, with their first times."""
        style = self.expectation.progress.style
        course: list[tuple[float, str]] = []
        for t, pod in self.pods:
            value = progress_value(pod, style)
            if not course or course[-1][1] != value:
                course.append((t, value))
        return course

    def cgroup(self, subject: str) -> list[tuple[float, dict[str, str]]]:
        """Return every state of a cgroup, oldest first: ``(time, {file: content})``.

        Files of several observations are merged, since cgroup v1 keeps cpu and memory apart.
        Raises ``NoEvidenceError`` when the cgroup was never read.
        """
        states: list[tuple[float, dict[str, str]]] = []
        files: dict[str, str] = {}
        for seen in self.timeline.of(Witness.KERNEL, subject):
            files = files | cgroup_files(seen.data)
            states.append((seen.t, files))
        if not states:
            raise NoEvidenceError(f"no cgroup file of {subject} was recorded")
        return states

    def runtime(self, name: str) -> list[tuple[float, dict[str, Any]]]:
        """Return every ContainerStatus of a container. Raises ``NoEvidenceError`` when none."""
        seen = self._data(Witness.CRI, name)
        if not seen:
            raise NoEvidenceError(f"the runtime's status of container {name} was not recorded")
        return seen

    def runtime_holds(self, name: str, wanted: Mapping[str, tuple[int, ...]]) -> bool:
        """Whether the runtime's last report has these numbers.

        Where it is out of reach nothing speaks against it. Raises ``NoEvidenceError``.
        """
        if not self.expectation.fingerprint.sees_node:
            return True
        return runtime_shows(self.runtime(name)[-1][1].get("resources"), wanted)

    def why_not_ended(self, *, but: str | None = None) -> str | None:
        """Return the first witness that does not show the resize as it must end, in a phrase.

        None where API, runtime and kernel are at the new values; of the cgroup ``but``, a subject,
        nothing is asked. Raises ``NoEvidenceError``.
        """
        expectation = self.expectation
        if not api_is_done(self.final_pod, expectation):
            return "the API does not show the end"
        for item in expectation.containers:
            if not self.runtime_holds(item.name, item.runtime_after):
                return f"the runtime does not report the end of container {item.name}"
        for subject, wanted in expectation.cgroups_after.items():
            if subject != but and not cgroup_shows(self.cgroup(subject)[-1][1], wanted):
                return f"the kernel does not hold the end of {subject}"
        return None

    def process(self, name: str) -> list[tuple[float, dict[str, Any]]]:
        """Return the identities of a container's first process. Raises ``NoEvidenceError``."""
        seen = self._data(Witness.PROCESS, name)
        if not seen:
            raise NoEvidenceError(f"the process of container {name} was not recorded")
        return seen

    def heartbeat(self, name: str) -> list[tuple[float, dict[str, Any]]]:
        """Return the workload's heartbeats; empty for a pod that is not made of our workload."""
        return self._data(Witness.WORKLOAD, name)

    @functools.cached_property
    def sampled_within(self) -> float:
        """How many seconds the kernel may have had a value before a sample shows it.

        That is from one sample to the next; and where the kernel has a clock of its own, its times
        are as uncertain as what is known of that.
        """
        sampling, clock = self.timeline.sampling or {}, self.timeline.clock or {}
        gap, uncertainty = sampling.get("largest_gap", 0.0), clock.get("uncertainty", 0.0)
        return float(gap) + float(uncertainty)

    def where(self, name: str) -> str:
        """Return a container's place as a person reads it: ``container c1 of ns/pod``."""
        return f"container {name} of {self.timeline.pod}"

    def _data(self, witness: Witness, name: str) -> list[tuple[float, dict[str, Any]]]:
        return [(seen.t, seen.data) for seen in self.timeline.of(witness, container_subject(name))]


def cgroup_files(data: dict[str, Any]) -> dict[str, str]:
    """Return a kernel observation by bare file name, without the trailing line break.

    A file that was not there is left out: the cgroup of a container that has ended says nothing.
    """
    return {
        name.rsplit("/", 1)[-1]: str(content).strip()
        for name, content in data.items()
        if content is not None
    }


def distinct(values: Iterator[tuple[float, Any]]) -> list[tuple[float, Any]]:
    """Return a course without its immediate repetitions, each value with its first time."""
    course: list[tuple[float, Any]] = []
    for t, value in values:
        if not course or course[-1][1] != value:
            course.append((t, value))
    return course
