"""What a host withholds from every runtime on it, as reasons for ``unsupported``."""

from __future__ import annotations

from pathlib import Path

from podresize.evidence.kernel_view import HostKernel, KernelView
from podresize.providers.host import Host

_POOLS = Path("/sys/kernel/mm/hugepages")


def host_limits(
    host: Host, *, kernel: KernelView | None = None, pools: Path = _POOLS
) -> tuple[str, ...]:
    """Return what cannot be seen of a container on a machine, each as ``no <need> (<why>)``.

    ``host`` are its facts, ``kernel`` is its kernel, None for this host's.

    ``no swap-accounting``: the kernel keeps no limit of memory and swap together (v1:
    ``memory.memsw.limit_in_bytes``, v2: ``memory.swap.max``). ``no hugetlb``: no controller for
    huge pages, or a kernel without any.
    """
    kernel = kernel or HostKernel(host.cgroup_mounts, proc=Path("/proc"))
    found = list(host.limits)
    if not has_swap_accounting(host, kernel):
        found.append("no swap-accounting (the kernel has no limit of swap for cgroups)")
    if not _has_hugetlb(host, kernel):
        found.append("no hugetlb (the cgroup controller is not there)")
    elif not kernel.directories(pools):
        found.append("no hugetlb (the kernel has no huge pages)")
    return tuple(found)


def oci_limits(kind: str) -> tuple[str, ...]:
    """Return what an OCI runtime of this kind does not say of itself (``cri.oci_state``)."""
    return () if kind == "runc" else (f"no oci-state ({kind} keeps none that could be read)",)


def has_swap_accounting(host: Host, kernel: KernelView) -> bool:
    """Return whether the kernel limits swap by cgroup."""
    if host.cgroup_version == 1:
        memory = host.cgroup_mounts.get("memory")
        return memory is not None and kernel.exists(memory / "memory.memsw.limit_in_bytes")
    # The root has no limits of its own: any of its children tells.
    root = host.cgroup_mounts["unified"]
    names = kernel.directories(root)
    return any(kernel.exists(root / name / "memory.swap.max") for name in names)


def _has_hugetlb(host: Host, kernel: KernelView) -> bool:
    if host.cgroup_version == 1:
        return "hugetlb" in host.cgroup_mounts
    controllers = kernel.read(host.cgroup_mounts["unified"] / "cgroup.controllers")
    return "hugetlb" in controllers.split()
