"""What the witnesses saw of one UpdateContainerResources, as data.

A snapshot holds what each of them says of a container at one moment; an update holds the snapshots
before it was asked for and right after its answer, so that a stored one is judged again without a
runtime.
"""

from __future__ import annotations

import dataclasses
from typing import Any

OK = "OK"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A container at one moment.

    ``state`` is CRI's (``CONTAINER_RUNNING``), ``started_at`` nanoseconds since the epoch.
    ``status``, ``spec`` and ``oci`` are resources by the names of CRI's LinuxContainerResources,
    without fields that are 0 or empty: as ``ContainerStatus`` reports them, as the OCI
    specification in its verbose answer has them, and as the OCI runtime keeps them. Each is None
    where the witness says nothing of resources. ``kernel`` are the settings in the container's own
    cgroup, file name to content, ``around`` those of other cgroups by what they belong to.
    ``process`` is ``{"pid", "start_ticks"}`` of the first process, ``oom_score_adj`` that
    process's; both as this host counts.
    """

    state: str | None
    started_at: int | None = None
    status: dict[str, Any] | None = None
    spec: dict[str, Any] | None = None
    oci: dict[str, Any] | None = None
    kernel: dict[str, str] = dataclasses.field(default_factory=dict)
    around: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    process: dict[str, int | None] = dataclasses.field(default_factory=dict)
    oom_score_adj: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Snapshot:
        """Rebuild from ``to_json``."""
        return cls(**raw)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: the gRPC code's name, its message, and the seconds that it took."""

    code: str
    message: str = ""
    seconds: float = 0.0

    @property
    def is_ok(self) -> bool:
        """Whether the runtime says that it did what it was asked."""
        return self.code == OK

    def __str__(self) -> str:
        return f"{self.code}: {self.message}".rstrip(": \n")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One call and what it changed. ``container`` is a name for people; ``asked`` the fields.

    ``number`` tells it from the check's others, 0 where it is not recorded.
    """

    container: str
    asked: dict[str, Any]
    before: Snapshot
    answer: Answer
    after: Snapshot
    number: int = 0

    def __str__(self) -> str:
        fields = ", ".join(f"{name} {value}" for name, value in self.asked.items())
        return f"the update of {self.container} ({fields or 'no field'})"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Update:
        """Rebuild from ``to_json``."""
        return cls(
            container=raw["container"],
            asked=raw["asked"],
            before=Snapshot.from_json(raw["before"]),
            answer=Answer(**raw["answer"]),
            after=Snapshot.from_json(raw["after"]),
            number=raw.get("number", 0),
        )
