"""What a supervisor is ordered to make: a cluster, a node of another one, or a runtime alone.

The supervisor, the guardian and the init are the same for all of them. What they write, start and
join is a ``Making``'s.
"""

from __future__ import annotations

import abc
from pathlib import Path
from typing import Any, Protocol

from podresize.artifacts import artifact
from podresize.providers import host as hosts
from podresize.providers.commands import Commanded
from podresize.providers.local.components import Component
from podresize.providers.local.conditions import Conditions, conditions_of
from podresize.providers.local.layout import Layout

READY_SECONDS = 120.0
"""What native processes are given until all of them have started."""


class Making(Protocol):
    """One kind of order, made of the JSON that the supervisor was given."""

    @property
    def programs(self) -> dict[str, Path]:
        """Every program of the components by name."""
        ...

    @property
    def keep(self) -> list[Path]:
        """Directories of the host that its processes see as they are."""
        ...

    @property
    def hidden(self) -> list[Path]:
        """What is mounted on the host, and is not to be where its processes are."""
        ...

    @property
    def patience(self) -> float:
        """How many times as long as native processes take its start may take."""
        ...

    @property
    def ready_seconds(self) -> float:
        """Within how many seconds, times its ``patience``, all of it is to have started."""
        ...

    @property
    def joins(self) -> tuple[int, int] | None:
        """The supervisor, (pid, start ticks), of the cluster that it joins; None for none."""
        ...

    def prepare(self, layout: Layout, host: hosts.Host) -> None:
        """Write every file that the components read. Raises ``OSError``."""
        ...

    def in_memory(self, layout: Layout) -> list[Path]:
        """Return the directories whose content need not outlive it."""
        ...

    def join(self, layout: Layout, side: int | None) -> None:
        """Link this process's network to that of what it joins, behind the descriptor ``side``."""
        ...

    def components(self, layout: Layout) -> list[Component]:
        """Return its processes in the order of their starts."""
        ...

    def conditions(self, layout: Layout) -> Conditions:
        """Return what its processes wait for, in the init's namespaces."""
        ...

    def commanded(self, layout: Layout, init: Commanded) -> Commanded:
        """Return who carries commands out: the init itself, or one who knows components more."""
        ...


class Ordered(abc.ABC):
    """What all orders have in common."""

    patience = 1.0
    ready_seconds = READY_SECONDS

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.programs = {name: Path(path) for name, path in order["programs"].items()}
        self.keep = [Path(path) for path in order["keep"]]
        self.images = tuple(Path(path) for path in order["images"])
        self.runtimes = {name: Path(path) for name, path in order["runtimes"].items()}

    @property
    def hidden(self) -> list[Path]:
        """Where crun would see a v2 hierarchy beside v1.

        It refuses a host whose v2 hierarchy has controllers ("cgroups in hybrid mode not
        supported"), be they ones that nobody uses.
        """
        if artifact.Component.CRUN not in self.runtimes:
            return []
        return hosts.unified_beside(Path("/proc/self/mountinfo").read_text())

    @abc.abstractmethod
    def components(self, layout: Layout) -> list[Component]:
        """Return its processes: see ``Making``."""

    def conditions(self, layout: Layout) -> Conditions:
        """Return what a runtime, a tap and a control plane are waited for."""
        return conditions_of(layout, {each.name for each in self.components(layout)})

    def commanded(self, layout: Layout, init: Commanded) -> Commanded:  # noqa: ARG002 (the protocol's)
        """Return the init: every component is a process of its own."""
        return init

    def make_directories(self, layout: Layout) -> None:
        """Make those that components and files are put into."""
        for directory in (layout.etc / "cni", layout.logs, layout.run):
            directory.mkdir(parents=True)
        if self.order["cni"] is not None:
            layout.directory.joinpath("cni").symlink_to(Path(self.order["cni"]))
