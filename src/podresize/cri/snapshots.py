"""All that the witnesses say of a container at one moment, without a kubelet.

The kernel is read first: right after the answer to an update is when it counts. Cgroups are found
by the container's id below each hierarchy, never put together from what should be.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from podresize.cri.oci_state import kept
from podresize.cri.service import Witness
from podresize.evidence.cgroup_paths import ContainerCgroups
from podresize.evidence.kernel_view import KernelView
from podresize.evidence.updates.update import Snapshot
from podresize.requirements.runtime_target import RuntimeHandle

_CONTROLLERS = ("cpu", "cpuset", "memory", "hugetlb", "pids")
_PREFIXES = tuple(f"{name}." for name in _CONTROLLERS)


class Photographer:
    """Takes the snapshots of one runtime's containers; may be shared between threads.

    ``kernel`` is that of the runtime's machine, in which pids are as cgroups have them, whatever
    the runtime's namespace. Each look at it is one question, since it may be a guest's.
    """

    def __init__(self, handle: RuntimeHandle, witness: Witness, kernel: KernelView) -> None:
        self._handle = handle
        self._witness = witness
        self._kernel = kernel
        self._hierarchies = hierarchies(handle.cgroup_mounts)

    def take(self, container: str, *, parent: str) -> Snapshot:
        """Return a container as it is now. ``parent`` is its sandbox's cgroup_parent.

        What is not there (a cgroup of one that has ended, a status of one that was removed) is
        empty or None. Raises ``HarnessError`` for an answer other than that there is none.
        """
        places = self._places(container, parent=parent)
        own, *others = self._kernel.settings_of_each(
            [places.own, *places.around.values()], _PREFIXES
        )
        process, score = self._process(places.own)
        said = self._witness.said(container)
        oci = self._handle.oci
        return Snapshot(
            state=said.state,
            started_at=said.started_at,
            status=said.status,
            spec=said.spec,
            oci=None if oci is None else kept(oci, container, self._kernel),
            kernel=own,
            around=dict(zip(places.around, others, strict=True)),
            process=process,
            oom_score_adj=score,
        )

    def directories(self, container: str, *, parent: str) -> dict[str, Path]:
        """Return the container's directory in each hierarchy, empty where it has none."""
        return self._places(container, parent=parent).own

    def _places(self, container: str, *, parent: str) -> ContainerCgroups:
        return self._kernel.container_cgroups(
            self._hierarchies, parent=parent, container_id=container
        )

    def _process(self, directories: Mapping[str, Path]) -> tuple[dict[str, int | None], int | None]:
        place = directories.get("cpu") or directories.get("unified")
        if place is None:
            return {}, None
        process = self._kernel.first_process(place)
        pid = process["pid"]
        if pid is None:
            return process, None
        try:
            score = int(self._kernel.process_file(pid, "oom_score_adj"))
        except OSError:
            return process, None  # it has ended
        return process, score


def hierarchies(mounts: Mapping[str, Path]) -> dict[str, Path]:
    """Return the roots below which a container's settings are, by single controller."""
    if "unified" in mounts:
        return {"unified": mounts["unified"]}
    single = {name: path for key, path in mounts.items() for name in key.split(",")}
    return {name: single[name] for name in _CONTROLLERS if name in single}
