"""What acts on containers and what is asked of them, whoever does it: a CRI or an OCI runtime.

``Service`` is what a check does with containers, ``Witness`` what the runtime says of them. Either
has two of a kind: by CRI (``containers``, ``witness``), and by an OCI runtime's program alone
(``oci_service``, ``oci_witness``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

from podresize.evidence.updates.update import Answer


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A pod sandbox that is there.

    ``cgroup_parent`` is the cgroup that its containers are in, relative to each hierarchy;
    ``config`` is CRI's, which it wants again for each container, None without CRI: there a sandbox
    is that cgroup and no more.
    """

    id: str
    cgroup_parent: str
    config: Any = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """What a command in a container did: its exit code, None of one that the runtime did not run to
    its end, and what it printed."""

    code: int | None
    stdout: str
    stderr: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a runtime says of a container, by the names of ``Snapshot``; all None of none."""

    state: str | None = None
    started_at: int | None = None
    status: dict[str, Any] | None = None
    spec: dict[str, Any] | None = None


class Service(Protocol):
    """Makes containers and changes them; may be shared between threads.

    Fields are those of CRI's LinuxContainerResources by their names. What goes wrong is a
    ``HarnessError``, but for ``update``, whose error is an answer.
    """

    def run_sandbox(self, *, name: str, run: str, cgroup_parent: str, handler: str = "") -> Sandbox:
        """Start a sandbox."""
        ...

    def create(
        self,
        sandbox: Sandbox,
        *,
        name: str,
        image: str,
        resources: Mapping[str, Any],
        arguments: tuple[str, ...] = (),
    ) -> str:
        """Create a container of the workload's image and return its id."""
        ...

    def start(self, container: str) -> None:
        """Start a created container."""
        ...

    def update(self, container: str, fields: Mapping[str, Any], *, empty: bool = False) -> Answer:
        """Ask for other resources, with ``empty`` for none at all, and return the answer."""
        ...

    def execute(self, container: str, *command: str) -> Executed:
        """Run a command in a container to its end."""
        ...

    def stop(self, container: str) -> None:
        """End a container by force, and return when it has ended."""
        ...

    def remove(self, container: str) -> None:
        """Remove a container, by force if it runs."""
        ...

    def remove_sandbox(self, sandbox: str) -> None:
        """Remove a sandbox with its containers."""
        ...


class Witness(Protocol):
    """What a runtime says; may be shared between threads. Raises ``HarnessError``."""

    def said(self, container: str) -> Said:
        """Return what it says of a container now."""
        ...

    def footprint(self, container: str) -> dict[str, int]:
        """Return what must not grow with the number of updates (``footprint``)."""
        ...

    def hugepage_entries(self, container: str) -> dict[str, int]:
        """Return how many limits of huge pages each of its reports lists, by the report's name."""
        ...
