"""What this host has and withholds, and what the provider does about it.

Everything is read from files of the kernel; nothing is changed. ``problems`` are what makes a start
impossible and are found before anything is started; ``adaptations`` are what the provider does
differently here, in words for the report.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import platform
import re
import shutil
from pathlib import Path

from podresize.providers import inotify, linux
from podresize.providers.state_root import state_root

# containerd's images, the kubelet's directories and the logs of a run; measured at about 250 MB.
_DISK_NEEDED = 1 << 30
_MEMORY_NEEDED = 2 << 30
_TOOLS = {"ip": "iproute2", "nsenter": "util-linux"}
_V1_REQUIRED = ("cpu", "cpuset", "memory", "pids")
_V1_OTHERS = ("blkio", "cpuacct", "devices", "freezer", "hugetlb", "misc", "perf_event", "rdma")
_V1_NETWORK = ("net_cls", "net_prio")
_V1_CONTROLLERS = frozenset((*_V1_REQUIRED, *_V1_OTHERS, *_V1_NETWORK))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that keeps a cluster from starting here, and the command that would mend it."""

    what: str
    remedy: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Facts about the machine. Sizes are bytes; ``cgroup_mounts`` maps a v1 controller (or
    ``unified``) to its mount point."""

    is_root: bool
    sys_admin: bool
    net_admin: bool
    sys_resource: bool
    cgroup_version: int
    cgroup_mounts: dict[str, Path]
    swap: int
    apparmor: bool
    systemd: bool
    overlayfs: bool
    memory: int
    cpus: int
    disk_free: int
    missing_tools: tuple[str, ...]
    kernel: str
    arch: str
    inotify_free: int = 1024

    @property
    def limits(self) -> tuple[str, ...]:
        """What the host withholds from every target on it, as reasons for ``unsupported``."""
        return () if self.sys_resource else ("no CAP_SYS_RESOURCE",)

    def problems(
        self, *, instances: int = inotify.INSTANCES_PER_CLUSTER, node: bool = True
    ) -> list[Problem]:
        """Return what makes a start impossible, worst first; empty when all is well.

        ``instances`` is how many of inotify what is to be started takes. ``node`` is whether a
        container runtime is to run on this host's kernel: without one there are only processes.
        """
        found: list[Problem] = []
        if not self.is_root:
            found.append(Problem(what="not root", remedy="sudo scripts/podresize run"))
        elif not (self.sys_admin and self.net_admin):
            lacking = "CAP_SYS_ADMIN" if not self.sys_admin else "CAP_NET_ADMIN"
            found.append(
                Problem(
                    what=f"root without {lacking}: no namespaces can be made",
                    remedy="in a container: docker run --privileged --cgroupns=host ...",
                )
            )
        for tool in self.missing_tools:
            found.append(
                Problem(what=f"no {tool} program", remedy=f"apt-get install {_TOOLS[tool]}")
            )
        if not self.cgroup_mounts:
            found.append(
                Problem(what="no cgroup hierarchy is mounted", remedy="mount | grep cgroup")
            )
        elif self.cgroup_version == 1 and node:
            lacking_controllers = [c for c in _V1_REQUIRED if c not in self.cgroup_mounts]
            if lacking_controllers:
                found.append(
                    Problem(
                        what=f"cgroup v1 without {', '.join(lacking_controllers)}",
                        remedy="cat /proc/cgroups",
                    )
                )
        if node and not self.overlayfs:
            found.append(Problem(what="the kernel has no overlayfs", remedy="modprobe overlay"))
        if self.disk_free < _DISK_NEEDED:
            found.append(
                Problem(
                    what=f"{self.disk_free >> 20} MiB free below {state_root()}, "
                    f"{_DISK_NEEDED >> 20} MiB needed",
                    remedy="PODRESIZE_STATE_DIR=/another/disk scripts/podresize run",
                )
            )
        if self.memory < _MEMORY_NEEDED:
            found.append(
                Problem(
                    what=f"{self.memory >> 20} MiB of memory, {_MEMORY_NEEDED >> 20} MiB needed",
                    remedy="free -m",
                )
            )
        if self.inotify_free < instances:
            found.append(
                Problem(
                    what=f"{self.inotify_free} inotify instances left, "
                    f"{instances} needed: the kubelet or the runtime would not start",
                    remedy="sysctl fs.inotify.max_user_instances=1024",
                )
            )
        return found

    def adaptations(self, *, kubernetes: bool = True) -> list[str]:
        """Return what the provider does differently on this host, one sentence each.

        Without ``kubernetes``, what is done to a container runtime alone.
        """
        notes = [
            f"cgroup v{self.cgroup_version}: "
            + ("one hierarchy per controller" if self.cgroup_version == 1 else "unified hierarchy")
        ]
        if not self.sys_resource:
            kubelet = ", the kubelet runs with KubeletInUserNamespace" if kubernetes else ""
            notes.append(
                f"no CAP_SYS_RESOURCE: containerd restricts oom_score_adj{kubelet}; oom_score_adj "
                "cannot be a witness here"
            )
        if self.swap and kubernetes:
            size = f"{self.swap >> 20} MiB"
            notes.append(f"swap is on ({size}): the kubelet runs with failSwapOn off")
        if not self.apparmor:
            notes.append("no AppArmor: disabled in containerd")
        if not self.systemd:
            notes.append("no systemd: the cgroupfs driver is used")
        if kubernetes:
            notes.append("etcd keeps its data in memory, without fsync: durability is not tested")
        return notes


def _memory_limits(mounts: dict[str, Path]) -> list[int]:
    """Return the limits, in bytes, of a container in which this process is.

    What is no container's has no such file, or a number beyond all memory.
    """
    found = []
    for controller, name in (("unified", "memory.max"), ("memory", "memory.limit_in_bytes")):
        with contextlib.suppress(KeyError, OSError, ValueError):
            found.append(int((mounts[controller] / name).read_text()))
    return found


def _memory_info() -> dict[str, int]:
    values = {}
    for line in Path("/proc/meminfo").read_text().splitlines():
        key, _, rest = line.partition(":")
        values[key] = int(rest.split()[0]) * 1024
    return values


def cgroup_mounts(mountinfo: str) -> tuple[int, dict[str, Path]]:
    """Return the cgroup version in use for resources and where each controller is mounted.

    ``mountinfo`` is the text of ``/proc/self/mountinfo`` (proc(5)). A hybrid host mounts a v2
    hierarchy beside the v1 ones; what counts is where ``memory`` is. Where a hierarchy is mounted
    twice, the first counts, as it does for runc and the kubelet.
    """
    v1: dict[str, Path] = {}
    v2: Path | None = None
    for line in mountinfo.splitlines():
        fields, _, tail = line.partition(" - ")
        kind, _, options = tail.split(" ", 2)
        mount_point = Path(_unescaped(fields.split(" ")[4]))
        if kind == "cgroup":
            # The superblock's options name its controllers, among others that are none
            # ("rw", "xattr", "release_agent=..."); a hierarchy without any has a name instead.
            for option in options.split(","):
                if option in _V1_CONTROLLERS or option.startswith("name="):
                    v1.setdefault(option, mount_point)
        elif kind == "cgroup2":
            v2 = v2 or mount_point
    if "memory" in v1 or v2 is None:
        return 1, v1
    return 2, {"unified": v2}


def cgroup_version() -> int:
    """Return the cgroup version that this host uses for resources."""
    return cgroup_mounts(Path("/proc/self/mountinfo").read_text())[0]


def unified_beside(mountinfo: str) -> list[Path]:
    """Return where a host with cgroup v1 has v2 hierarchies mounted as well, the last first."""
    version, _ = cgroup_mounts(mountinfo)
    found = []
    for line in mountinfo.splitlines() if version == 1 else ():
        fields, _, tail = line.partition(" - ")
        if tail.startswith("cgroup2 "):
            found.append(Path(_unescaped(fields.split(" ")[4])))
    return found[::-1]


def _unescaped(path: str) -> str:
    """Return a path of mountinfo with its blanks and backslashes: they are written in octal."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)


def free_disk(place: Path) -> int:
    """Return how many bytes are free where a directory is, or will be.

    The nearest directory above it that is there and may be looked at is asked.
    """
    while True:
        try:
            return shutil.disk_usage(place).free
        except OSError:
            if place == place.parent:
                return 0
            place = place.parent


def inspect() -> Host:
    """Read the facts of this host."""
    memory = _memory_info()
    version, mounts = cgroup_mounts(Path("/proc/self/mountinfo").read_text())
    return Host(
        is_root=os.geteuid() == 0,
        sys_admin=linux.has_capability("CAP_SYS_ADMIN"),
        net_admin=linux.has_capability("CAP_NET_ADMIN"),
        sys_resource=linux.has_capability("CAP_SYS_RESOURCE"),
        cgroup_version=version,
        cgroup_mounts=mounts,
        swap=memory.get("SwapTotal", 0),
        apparmor=Path("/sys/module/apparmor/parameters/enabled").exists()
        and Path("/sys/module/apparmor/parameters/enabled").read_text().startswith("Y"),
        systemd=Path("/run/systemd/system").is_dir(),
        overlayfs="\toverlay\n" in Path("/proc/filesystems").read_text(),
        memory=min(memory["MemTotal"], *_memory_limits(mounts)),
        cpus=len(os.sched_getaffinity(0)),
        disk_free=free_disk(state_root()),
        missing_tools=tuple(tool for tool in _TOOLS if shutil.which(tool) is None),
        kernel=platform.release(),
        inotify_free=inotify.free(),
        arch={"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
    )
