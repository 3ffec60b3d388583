"""What a guest is made of, as this room sees it.

The files are ``podresize.artifacts.guest``'s. What is used of them is said here, so that a test can
bring some of its own.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Protocol

from podresize.artifacts.artifact import Component
from podresize.artifacts.progress import Progress, default_progress
from podresize.artifacts.store import Store
from podresize.requirements.target import Target


class QemuParts(Protocol):
    """QEMU, unpacked: ``system`` runs a machine, ``image`` makes disks."""

    @property
    def system(self) -> Path:
        """``qemu-system-x86_64``, or that of another architecture."""
        ...

    @property
    def image(self) -> Path:
        """``qemu-img``."""
        ...

    @property
    def environment(self) -> dict[str, str]:
        """What both need to find their libraries."""
        ...

    @property
    def data(self) -> Path:
        """The directory with the firmware."""
        ...


class KernelParts(Protocol):
    """A kernel to boot with; ``release`` is as ``uname -r`` says it."""

    @property
    def release(self) -> str:
        """Its name."""
        ...

    @property
    def image(self) -> Path:
        """The kernel itself."""
        ...

    @property
    def initrd(self) -> Path:
        """What it starts with."""
        ...

    @property
    def modules(self) -> Path:
        """Its modules, a squashfs."""
        ...


class GuestParts(Protocol):
    """QEMU, a kernel, and the guest's disks."""

    @property
    def qemu(self) -> QemuParts:
        """The machine."""
        ...

    @property
    def kernel(self) -> KernelParts:
        """Its kernel."""
        ...

    @property
    def os(self) -> Path:
        """The operating system, a squashfs."""
        ...

    @property
    def scratch(self) -> Path:
        """An empty disk to be written to, a qcow2."""
        ...

    @property
    def node(self) -> Path:
        """Kubelet, containerd, an OCI runtime, the agent and the images, a squashfs."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Qemu:
    """``QemuParts`` as they come out of an order."""

    system: Path
    image: Path
    environment: dict[str, str]
    data: Path


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """``KernelParts`` as they come out of an order."""

    release: str
    image: Path
    initrd: Path
    modules: Path


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """``GuestParts`` as they come out of an order."""

    qemu: Qemu
    kernel: Kernel
    os: Path
    scratch: Path
    node: Path


def gather_kernel(target: Target, *, progress: Progress | None = None) -> None:
    """Check what a user may have mistyped; have QEMU and the target's kernel in the cache.

    Raises as ``gather_parts``: that a kernel lacks an option is known of one that is unpacked, and
    QEMU is of no use for anything else. This takes seconds where the rest takes minutes.
    """
    from podresize.artifacts.guest import check_guest, qemu, reasons_told
    from podresize.artifacts.guest_kernel import guest_kernel

    store, is_v1 = Store(), target.cgroup_version == 1
    progress = progress or default_progress()
    check_guest(target, kernel=target.kernel, cgroup_v1=is_v1, store=store)
    with reasons_told(Component.GUEST_KERNEL):
        guest_kernel(
            target.kernel,
            cgroup_v1=is_v1,
            store=store,
            progress=progress,
        )
    qemu(store=store, progress=progress)


def gather_parts(
    target: Target, *, oci_version: str | None = None, progress: Progress | None = None
) -> Parts:
    """Return the parts of the target's guest, making what is not in the cache.

    ``oci_version`` is the OCI runtime's, None for the one that clusters get. Raises ``UsageError``
    for a kernel that there is not or that lacks options, which it names, and ``HostError`` where a
    part cannot be had.
    """
    # Whoever only looks for clusters needs none of what makes guests.
    from podresize.artifacts.guest import gather_guest

    found = gather_guest(
        target,
        kernel=target.kernel,
        cgroup_v1=target.cgroup_version == 1,
        oci_version=oci_version,
        progress=progress,
    )
    return taken(found)


def taken(parts: GuestParts) -> Parts:
    """Return the parts as plain data."""
    return Parts(
        qemu=Qemu(
            system=parts.qemu.system,
            image=parts.qemu.image,
            environment=dict(parts.qemu.environment),
            data=parts.qemu.data,
        ),
        kernel=Kernel(
            release=parts.kernel.release,
            image=parts.kernel.image,
            initrd=parts.kernel.initrd,
            modules=parts.kernel.modules,
        ),
        os=parts.os,
        scratch=parts.scratch,
        node=parts.node,
    )


def to_json(parts: Parts) -> dict[str, Any]:
    """Return a JSON object; paths become strings."""
    made: dict[str, Any] = dataclasses.asdict(
        parts, dict_factory=lambda pairs: {key: _plain(value) for key, value in pairs}
    )
    return made


def from_json(raw: dict[str, Any]) -> Parts:
    """Rebuild from ``to_json``."""
    qemu, kernel = raw["qemu"], raw["kernel"]
    return Parts(
        qemu=Qemu(
            system=Path(qemu["system"]),
            image=Path(qemu["image"]),
            environment=dict(qemu["environment"]),
            data=Path(qemu["data"]),
        ),
        kernel=Kernel(
            release=kernel["release"],
            image=Path(kernel["image"]),
            initrd=Path(kernel["initrd"]),
            modules=Path(kernel["modules"]),
        ),
        os=Path(raw["os"]),
        scratch=Path(raw["scratch"]),
        node=Path(raw["node"]),
    )


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
