"""What must be seen of one resize, as data.

An expectation is computed once, before anything is observed, and is stored next to the timeline it
judges: it converts to JSON and back without loss, so a stored bundle can be judged again.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

from podresize.oracle.cgroups import Allowed, CgroupFiles
from podresize.oracle.question import Question
from podresize.oracle.resources import Resources
from podresize.requirements.model import Outcome
from podresize.requirements.target import Fingerprint

POD = "pod"


def container_subject(name: str) -> str:
    """Return the timeline subject of a container: ``container/<name>``."""
    return f"container/{name}"


class ProgressStyle(enum.StrEnum):
    """Where the API shows how far a resize is."""

    RESIZE_FIELD = "status.resize"  # 1.27 to 1.32
    CONDITIONS = "conditions"  # 1.33 and later


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The legal course of a resize in the API.

    ``chain`` is the longest legal sequence of values: what is seen, without repetitions, must be a
    subsequence of it that ends as it ends. ``required`` values must be seen on the way. The words
    are those of ``status.resize``; for conditions ``InProgress`` means PodResizeInProgress.
    """

    style: ProgressStyle
    chain: tuple[str, ...]
    required: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The apiserver's answer: accepted (200), or a code and a fragment of its message.

    ``rule`` is the id of the requirement that a refusal follows from, or that says what
    becomes of an accepted one (dropped in part, say); empty where nothing is to be said. ``spec``
    holds the resources that an accepted answer says each container has from now on, also where
    nothing is stored.
    """

    accepted: bool
    code: int
    fragment: str
    rule: str = ""
    spec: dict[str, Resources] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ContainerExpectation:
    """One container before and after.

    ``asked_before`` and ``asked`` are the resources in the spec before and after; ``before`` and
    ``after`` those that are enacted, which differ while a resize is pending. ``allocated`` is
    status.allocatedResources after, None where this version does not show it.
    ``restarts`` is 0 or 1, counted from ``restart_count``. ``runtime_before`` and ``runtime_after``
    map the CRI field names of LinuxContainerResources to the numbers allowed in ContainerStatus.
    ``is_init``: one of spec.initContainers.
    """

    name: str
    asked_before: Resources
    asked: Resources
    before: Resources
    after: Resources
    allocated: dict[str, str] | None
    restarts: int
    restart_count: int
    runtime_before: dict[str, tuple[int, ...]]
    runtime_after: dict[str, tuple[int, ...]]
    is_init: bool = False

    @property
    def is_changed(self) -> bool:
        """True when the resize enacts something in this container."""
        return self.before != self.after

    @property
    def is_asked(self) -> bool:
        """True when the patch changes the spec of this container."""
        return self.asked_before != self.asked


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Passing:
    """What one of several changes asks for, before the next is asked: seen or not, it is legal.

    ``accepted`` is whether the apiserver takes it. ``asked`` and ``after`` hold the resources in
    the spec and those enacted, ``runtime`` the numbers in ContainerStatus, by container;
    ``cgroups`` is as ``Expectation.cgroups_after``.
    """

    accepted: bool
    asked: dict[str, Resources]
    after: dict[str, Resources]
    runtime: dict[str, dict[str, tuple[int, ...]]]
    cgroups: dict[str, CgroupFiles]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EventExpectation:
    """A Kubernetes Event on the pod that a resize must bring.

    ``containers`` maps names to the resources that its message must name, ``generation`` is the
    generation there (both None before 1.34, whose messages are bare); ``error`` is a fragment of
    the reason in it. Events come in the order in which they are expected.
    """

    reason: str
    type: str
    containers: dict[str, Resources] | None
    generation: int | None
    error: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MetricExpectation:
    """How a metric of a component must move between just before the patch and the decision.

    ``family`` and ``labels`` select series, whose values are summed; ``by`` is the difference.
    ``is_exact``: nothing else can have moved it, since the check has the node for itself; else
    ``by`` is a lower bound. ``requirement`` is the catalogue id that it speaks for.
    """

    requirement: str
    component: str
    family: str
    labels: dict[str, str]
    by: float
    is_exact: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """Everything that must be seen of one change of one pod on one target.

    ``outcome`` is what becomes of the resize, ``why`` a fragment of the reason that the node gives
    for a pending one, ``rule`` the id of the requirement that decides it (empty when granted).
    ``generation`` is metadata.generation afterwards, None where it says nothing of a resize.
    ``endpoint`` is ``pods`` or ``pods/resize``. ``cgroups_before`` and ``cgroups_after`` map a
    timeline subject (``pod``, ``container/<name>``) to file contents. ``deadline`` is in seconds
    after the patch. ``requirements`` lists the catalogue ids that this target can show with this
    change. ``passing`` holds the changes that were asked for before the last one, when there were
    several: everything else is then counted from before the first to after the last. ``events``
    must come, in this order; ``metrics`` is how they move, where they are read at all. Both are
    empty where there were several changes. ``question`` is what all of this was computed from.
    """

    pod: str
    change: str
    endpoint: str
    answer: Answer
    outcome: Outcome
    why: str
    rule: str
    generation: int | None
    containers: tuple[ContainerExpectation, ...]
    cgroups_before: dict[str, CgroupFiles]
    cgroups_after: dict[str, CgroupFiles]
    progress: Progress
    qos_class: str
    deadline: float
    requirements: tuple[str, ...]
    fingerprint: Fingerprint
    passing: tuple[Passing, ...] = ()
    events: tuple[EventExpectation, ...] = ()
    metrics: tuple[MetricExpectation, ...] = ()
    question: Question | None = dataclasses.field(default=None, compare=False)

    def container(self, name: str) -> ContainerExpectation:
        """Return one container's part. Raises ``KeyError`` for a name the pod does not have."""
        for container in self.containers:
            if container.name == name:
                return container
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object that ``from_json`` turns back into an equal expectation."""
        raw = dataclasses.asdict(dataclasses.replace(self, question=None))
        raw["fingerprint"] = self.fingerprint.to_json()
        raw["question"] = None if self.question is None else self.question.to_json()
        return _with_lists(raw)  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Expectation:
        """Rebuild from ``to_json``; an unknown key is a ``TypeError``.

        What an earlier podresize did not store is what it took for granted: a change that is
        accepted is granted, so that its records can be judged again.
        """
        progress = raw["progress"]
        accepted = raw["answer"]["accepted"]
        since_then: dict[str, Any] = {
            "outcome": Outcome.GRANTED if accepted else Outcome.REFUSED,
            "why": "",
            "rule": "",
            "generation": None,
            "events": [],
            "metrics": [],
        }
        asked = raw.get("question")
        raw = since_then | raw
        return cls(
            **(
                raw
                | {
                    "answer": Answer(**raw["answer"]),
                    "outcome": Outcome(raw["outcome"]),
                    "containers": tuple(_container(item) for item in raw["containers"]),
                    "cgroups_before": _cgroups(raw["cgroups_before"]),
                    "cgroups_after": _cgroups(raw["cgroups_after"]),
                    "progress": Progress(
                        style=ProgressStyle(progress["style"]),
                        chain=tuple(progress["chain"]),
                        required=tuple(progress["required"]),
                    ),
                    "requirements": tuple(raw["requirements"]),
                    "events": tuple(EventExpectation(**item) for item in raw["events"]),
                    "metrics": tuple(MetricExpectation(**item) for item in raw["metrics"]),
                    "fingerprint": Fingerprint.from_json(raw["fingerprint"]),
                    "passing": tuple(_passing(item) for item in raw.get("passing", ())),
                    "question": None if asked is None else Question.from_json(asked),
                }
            )
        )


def _container(raw: dict[str, Any]) -> ContainerExpectation:
    numbers = {
        key: {name: tuple(values) for name, values in raw[key].items()}
        for key in ("runtime_before", "runtime_after")
    }
    since_then = {"asked_before": raw["before"], "asked": raw["after"]}
    return ContainerExpectation(**(since_then | raw | numbers))


def _passing(raw: dict[str, Any]) -> Passing:
    runtime = {
        name: {key: tuple(values) for key, values in numbers.items()}
        for name, numbers in raw["runtime"].items()
    }
    return Passing(**(raw | {"runtime": runtime, "cgroups": _cgroups(raw["cgroups"])}))


def _cgroups(raw: dict[str, Any]) -> dict[str, CgroupFiles]:
    return {
        subject: {
            name: tuple(Allowed(**allowed) for allowed in values) for name, values in files.items()
        }
        for subject, files in raw.items()
    }


def _with_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_lists(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_lists(item) for item in value]
    return value
