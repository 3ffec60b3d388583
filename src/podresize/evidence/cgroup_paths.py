"""Where a pod's cgroups are: found by looking, never put together from what should be.

The path depends on the kubelet's driver, the runtime's driver, the cgroup version and the kubelet's
own root. Only two things are certain: a pod's directory holds its UID in its name, and a
container's holds the container id. So these are searched for below what the kubelet calls its root.
The node may be another machine: what is in a directory is asked of ``Names``.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from podresize.errors import HarnessError

# The deepest known nesting is kubelet.slice / kubelet-kubepods.slice / ...-burstable.slice / pod;
# deeper trees belong to the workloads.
DEEPEST = 6

Names = Callable[[Path], list[str]]
"""Returns the names of the directories in a directory, none when it is gone."""

# With systemd crun keeps the container in a group of its own below the scope that systemd made
# (crun(1), run.oci.systemd.subgroup). On cgroup v1 that group alone has the limits, as crun 1.8.1
# shows; on v2 systemd gives them to the scope as well since crun 1.11 (compatibility.py).
_CRUNS_OWN = "container"

# What a resize can write. A file that a kernel or hierarchy lacks is left out by resource_files.
RESOURCE_FILES = {
    "cpu": ("cpu.shares", "cpu.cfs_quota_us", "cpu.cfs_period_us"),
    "memory": (
        "memory.limit_in_bytes",
        "memory.soft_limit_in_bytes",
        "memory.memsw.limit_in_bytes",
    ),
    "cpuset": ("cpuset.cpus", "cpuset.mems"),
    "unified": (
        "cpu.weight",
        "cpu.max",
        "cpuset.cpus",
        "memory.min",
        "memory.low",
        "memory.high",
        "memory.max",
        "memory.swap.max",
    ),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PodCgroups:
    """The directories of one pod, by controller (``cpu``, ``memory``; v2: ``unified``).

    ``pod`` is the pod's own; ``qos`` its parent, which for a Guaranteed pod is ``kubepods`` itself;
    ``containers`` maps a container id to its directories. ``driver`` is what the pod's directory
    name shows: ``cgroupfs`` or ``systemd``.
    """

    driver: str
    qos: dict[str, Path]
    pod: dict[str, Path]
    containers: dict[str, dict[str, Path]]


def names_here(directory: Path) -> list[str]:
    """Return the names of the directories in a directory of this host: the first ``Names``."""
    try:
        with os.scandir(directory) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []  # a cgroup may go while its parent is searched


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ContainerCgroups:
    """The directories of one container, by controller, and of the cgroups around it.

    ``own`` lacks each hierarchy in which the container has none. ``around`` is by what the others
    belong to: the pod's cgroup, and the container's neighbours in it.
    """

    own: dict[str, Path]
    around: dict[str, dict[str, Path]]


def find_container_cgroups(
    hierarchies: Mapping[str, Path],
    *,
    parent: str,
    container_id: str,
    names: Names = names_here,
) -> ContainerCgroups:
    """Find the cgroups of a container without Kubernetes; nothing where it has ended.

    ``hierarchies`` maps single controllers to their roots, ``parent`` is its sandbox's
    cgroup_parent. A container that is there twice in a hierarchy is not found in it.
    """
    own: dict[str, Path] = {}
    around: dict[str, dict[str, Path]] = {}
    for controller, root in hierarchies.items():
        try:
            own[controller] = place = find_container(
                root,
                pod=root / sandbox_place(parent),
                container_id=container_id,
                is_v1=controller != "unified",
                names=names,
            )
        except HarnessError:
            continue  # it has ended, or this hierarchy is not the runtime's
        around.setdefault("the pod's cgroup", {})[controller] = place.parent
        for name in sorted(names(place.parent)):
            if name != place.name:
                label = f"its neighbour {name[:24]}"
                around.setdefault(label, {})[controller] = place.parent / name
    return ContainerCgroups(own=own, around=around)


def sandbox_place(parent: str) -> str:
    """Return where a sandbox's cgroup_parent is, relative to each hierarchy.

    A slice is named alone, and lies in those that its name begins with (systemd.slice(5)).
    """
    if not parent.endswith(".slice"):
        return parent.strip("/")
    words = parent.rpartition("/")[2].removesuffix(".slice").split("-")
    return "/".join(f"{'-'.join(words[:count])}.slice" for count in range(1, len(words) + 1))


def find_pod_cgroups(
    mounts: Mapping[str, Path],
    *,
    pod_uid: str,
    qos_class: str,
    container_ids: tuple[str, ...] = (),
    names: Names = names_here,
) -> PodCgroups:
    """Find the cgroups of a pod and of its containers.

    ``mounts`` are a node's ``cgroup_mounts``; ``qos_class`` is ``Guaranteed``, ``Burstable`` or
    ``BestEffort``; ``container_ids`` may carry the ``containerd://`` prefix of a container status
    and are returned without it. Raises ``HarnessError`` naming what was looked for and where, when
    it is not there, is there twice, or is not at its QoS level.
    """
    ids = tuple(container_id.rpartition("://")[2] for container_id in container_ids)
    qos: dict[str, Path] = {}
    pod: dict[str, Path] = {}
    containers: dict[str, dict[str, Path]] = {container_id: {} for container_id in ids}
    for controller, root in controllers(mounts).items():
        pod[controller] = find_pod(root, pod_uid=pod_uid, names=names)
        qos[controller] = _qos_level(pod[controller], qos_class=qos_class)
        for container_id in ids:
            containers[container_id][controller] = find_container(
                root,
                pod=pod[controller],
                container_id=container_id,
                is_v1=controller != "unified",
                names=names,
            )
    systemd = any(path.name.endswith(".slice") for path in pod.values())
    return PodCgroups(
        driver="systemd" if systemd else "cgroupfs", qos=qos, pod=pod, containers=containers
    )


def controllers(mounts: Mapping[str, Path]) -> dict[str, Path]:
    """Return the hierarchies by single controller: ``cpu,cpuacct`` counts as ``cpu``.

    Raises ``HarnessError`` when there is neither ``unified`` nor both ``cpu`` and ``memory``.
    """
    if "unified" in mounts:
        return {"unified": mounts["unified"]}
    single = {name: path for key, path in mounts.items() for name in key.split(",")}
    missing = [name for name in ("cpu", "memory") if name not in single]
    if missing:
        raise HarnessError(
            f"the node's cgroup mounts lack {' and '.join(missing)}",
            value=", ".join(mounts) or "none",
            causes=("the provider did not find the node's cgroup hierarchies",),
        )
    return {name: path for name, path in single.items() if name in RESOURCE_FILES}


def find_pod(root: Path, *, pod_uid: str, names: Names = names_here) -> Path:
    """Return the directory of a pod below ``root``. Raises ``HarnessError``."""
    plain, escaped = f"pod{pod_uid}", f"pod{pod_uid.replace('-', '_')}.slice"

    def is_pod(name: str) -> bool:
        return name in (plain, escaped) or name.endswith(f"-{escaped}")

    found = list(_search(root, is_pod, names))
    return _the_one(found, what=f"the cgroup of pod {pod_uid} ({plain}, *-{escaped})", root=root)


def find_container(
    root: Path, *, pod: Path, container_id: str, is_v1: bool, names: Names = names_here
) -> Path:
    """Return the directory of a container, in its pod's or, failing that, anywhere in ``root``.

    A runtime whose driver is not the kubelet's puts it elsewhere. ``is_v1`` says which version of
    cgroups ``root`` is of. Raises ``HarnessError``.
    """

    def is_container(name: str) -> bool:
        # CRI-O's monitor has a scope of its own with the same id in its name.
        bare = name.removesuffix(".scope")
        return "conmon" not in name and (
            bare == container_id or bare.endswith((f"-{container_id}", f":{container_id}"))
        )

    found = list(_search(pod, is_container, names)) or list(_search(root, is_container, names))
    place = _the_one(found, what=f"the cgroup of container {container_id}", root=pod)
    has_inner = is_v1 and place.suffix == ".scope" and _CRUNS_OWN in names(place)
    return place / _CRUNS_OWN if has_inner else place


def resource_files(directories: Mapping[str, Path]) -> dict[str, Path]:
    """Return file name -> path of what a resize can write in one cgroup, as far as it exists."""
    return {path.name: path for path in possible_files(directories) if path.exists()}


def possible_files(directories: Mapping[str, Path]) -> list[Path]:
    """Return the paths of what a resize can write in one cgroup, whether there or not."""
    return [
        path / name
        for controller, path in directories.items()
        for name in RESOURCE_FILES[controller]
    ]


def _qos_level(pod: Path, *, qos_class: str) -> Path:
    parent = pod.parent
    level = "Guaranteed"
    for word, name in (("besteffort", "BestEffort"), ("burstable", "Burstable")):
        if word in parent.name:
            level = name
    if level != qos_class:
        raise HarnessError(
            f"the pod's cgroup is not at the level of its QoS class {qos_class}",
            value=str(pod),
            causes=("the pod's status.qosClass was not what was passed", "a bug in the kubelet"),
        )
    return parent


def _search(
    root: Path, matches: Callable[[str], bool], names: Names, depth: int = 0
) -> Iterator[Path]:
    """Yield the directories below ``root`` whose names match; a match is not descended into."""
    for name in sorted(names(root)):
        if matches(name):
            yield root / name
        elif depth < DEEPEST:
            yield from _search(root / name, matches, names, depth + 1)


def _the_one(found: list[Path], *, what: str, root: Path) -> Path:
    if len(found) == 1:
        return found[0]
    if found:
        raise HarnessError(
            f"found {what} more than once", value=", ".join(str(path) for path in found)
        )
    raise HarnessError(
        f"did not find {what}",
        value=str(root),
        origin="searched below this directory",
        causes=(
            "the container or pod has ended or has not started yet",
            "the node's cgroup mounts belong to another cluster",
            "the process does not run as root and cannot see the node's cgroups",
        ),
    )
