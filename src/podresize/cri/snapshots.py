"""All that the witnesses say of a container at one moment, without a kubelet.

The kernel is read first: right after the answer to an update is when it counts. Cgroups are found
by the container's id below each hierarchy, never put together from what should be.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from podresize.cri.oci_state import kept
from podresize.cri.service import Witness
from podresize.errors import HarnessError
from podresize.evidence.cgroup_paths import find_container
from podresize.evidence.cgroup_settings import settings
from podresize.evidence.process_identity import first_process
from podresize.evidence.updates.update import Snapshot
from podresize.requirements.runtime_target import RuntimeHandle

_CONTROLLERS = ("cpu", "cpuset", "memory", "hugetlb", "pids")
# The pids that are read from a cgroup are this process's, whatever the runtime's namespace.
_PROC = Path("/proc")
_PREFIXES = tuple(f"{name}." for name in _CONTROLLERS)


class Photographer:
    """Takes the snapshots of one runtime's containers; may be shared between threads."""

    def __init__(self, handle: RuntimeHandle, witness: Witness) -> None:
        self._handle = handle
        self._witness = witness
        self._roots = _hierarchies(handle)

    def take(self, container: str, *, parent: str) -> Snapshot:
        """Return a container as it is now. ``parent`` is its sandbox's cgroup_parent.

        What is not there (a cgroup of one that has ended, a status of one that was removed) is
        empty or None. Raises ``HarnessError`` for an answer other than that there is none.
        """
        directories = self.directories(container, parent=parent)
        kernel = settings(directories, _PREFIXES)
        around = self._around(directories)
        process, score = self._process(directories)
        said = self._witness.said(container)
        oci = None if self._handle.oci is None else kept(self._handle.oci, container)
        return Snapshot(
            state=said.state,
            started_at=said.started_at,
            status=said.status,
            spec=said.spec,
            oci=oci,
            kernel=kernel,
            around=around,
            process=process,
            oom_score_adj=score,
        )

    def directories(self, container: str, *, parent: str) -> dict[str, Path]:
        """Return the container's directory in each hierarchy, empty where it has none."""
        found: dict[str, Path] = {}
        for controller, root in self._roots.items():
            pod = root / parent.strip("/")
            try:
                found[controller] = find_container(
                    root, pod=pod, container_id=container, is_v1=controller != "unified"
                )
            except HarnessError:
                continue  # it has ended, or this hierarchy is not the runtime's
        return found

    def _around(self, directories: Mapping[str, Path]) -> dict[str, dict[str, str]]:
        places: dict[str, dict[str, Path]] = {}
        for controller, directory in directories.items():
            places.setdefault("the pod's cgroup", {})[controller] = directory.parent
            for each in sorted(directory.parent.iterdir()):
                if each.is_dir() and each != directory:
                    places.setdefault(f"its neighbour {each.name[:24]}", {})[controller] = each
        return {name: settings(place, _PREFIXES) for name, place in places.items()}

    def _process(self, directories: Mapping[str, Path]) -> tuple[dict[str, int | None], int | None]:
        place = directories.get("cpu") or directories.get("unified")
        if place is None:
            return {}, None
        process = first_process(place, proc=_PROC)
        try:
            score = int((_PROC / str(process["pid"]) / "oom_score_adj").read_text())
        except OSError:
            return process, None  # there is none, or it has ended
        return process, score


def _hierarchies(handle: RuntimeHandle) -> dict[str, Path]:
    mounts = handle.cgroup_mounts
    if "unified" in mounts and handle.fingerprint.cgroup_version == 2:
        return {"unified": mounts["unified"]}
    single = {name: path for key, path in mounts.items() for name in key.split(",")}
    return {name: single[name] for name in _CONTROLLERS if name in single}
