"""What must be seen of one resize, as data.

An expectation is computed once, before anything is observed, and is stored next to the timeline it
judges: it converts to JSON and back without loss, so a stored bundle can be judged again.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

from podresize.oracle.cgroups import Allowed, CgroupFiles
from podresize.oracle.resources import Resources
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
    """The apiserver's answer: accepted (200), or a code and a fragment of its message."""

    accepted: bool
    code: int
    fragment: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ContainerExpectation:
    """One container before and after.

    ``allocated`` is status.allocatedResources after, None where this version does not show it.
    ``restarts`` is 0 or 1, counted from ``restart_count``. ``runtime_before`` and ``runtime_after``
    map the CRI field names of LinuxContainerResources to the numbers allowed in ContainerStatus.
    """

    name: str
    before: Resources
    after: Resources
    allocated: dict[str, str] | None
    restarts: int
    restart_count: int
    runtime_before: dict[str, tuple[int, ...]]
    runtime_after: dict[str, tuple[int, ...]]

    @property
    def is_changed(self) -> bool:
        """True when the resize asks something of this container."""
        return self.before != self.after


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """Everything that must be seen of one change of one pod on one target.

    ``endpoint`` is ``pods`` or ``pods/resize``. ``cgroups_before`` and ``cgroups_after`` map a
    timeline subject (``pod``, ``container/<name>``) to file contents. ``deadline`` is in seconds
    after the patch. ``requirements`` lists the catalogue ids that this target can show with this
    change.
    """

    pod: str
    change: str
    endpoint: str
    answer: Answer
    containers: tuple[ContainerExpectation, ...]
    cgroups_before: dict[str, CgroupFiles]
    cgroups_after: dict[str, CgroupFiles]
    progress: Progress
    qos_class: str
    deadline: float
    requirements: tuple[str, ...]
    fingerprint: Fingerprint

    def container(self, name: str) -> ContainerExpectation:
        """Return one container's part. Raises ``KeyError`` for a name the pod does not have."""
        for container in self.containers:
            if container.name == name:
                return container
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object that ``from_json`` turns back into an equal expectation."""
        raw = dataclasses.asdict(self)
        raw["fingerprint"] = self.fingerprint.to_json()
        return _with_lists(raw)  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Expectation:
        """Rebuild from ``to_json``; an unknown key is a ``TypeError``."""
        progress = raw["progress"]
        return cls(
            **(
                raw
                | {
                    "answer": Answer(**raw["answer"]),
                    "containers": tuple(_container(item) for item in raw["containers"]),
                    "cgroups_before": _cgroups(raw["cgroups_before"]),
                    "cgroups_after": _cgroups(raw["cgroups_after"]),
                    "progress": Progress(
                        style=ProgressStyle(progress["style"]),
                        chain=tuple(progress["chain"]),
                        required=tuple(progress["required"]),
                    ),
                    "requirements": tuple(raw["requirements"]),
                    "fingerprint": Fingerprint.from_json(raw["fingerprint"]),
                }
            )
        )


def _container(raw: dict[str, Any]) -> ContainerExpectation:
    numbers = {
        key: {name: tuple(values) for name, values in raw[key].items()}
        for key in ("runtime_before", "runtime_after")
    }
    return ContainerExpectation(**(raw | numbers))


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
