"""Everything that a guest is booted with: QEMU, a kernel, and the disks of its root.

What is in a guest and how it is made is in docs/guest.md.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

from podresize.artifacts import apt, versions
from podresize.artifacts.artifact import Component
from podresize.artifacts.guest_kernel import GuestKernel, check_kernel, guest_kernel
from podresize.artifacts.guest_node import NODE, check_oci_runtime, guest_node
from podresize.artifacts.guest_os import OS, SCRATCH, guest_os
from podresize.artifacts.host import check_arch
from podresize.artifacts.kernel_options import check_kernel_options
from podresize.artifacts.programs import MACHINES, environment_of
from podresize.artifacts.progress import Progress, default_progress
from podresize.artifacts.source import SourcePassedOverError
from podresize.artifacts.store import Store
from podresize.errors import HostError
from podresize.requirements.target import Target

__all__ = [
    "GuestKernel",
    "GuestParts",
    "Qemu",
    "check_guest",
    "check_kernel_options",
    "gather_guest",
    "qemu",
]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Qemu:
    """QEMU for this host's own architecture, where it was unpacked.

    ``environment`` are the variables with which ``system`` and ``image`` find their own libraries
    and modules; ``data`` is the directory with the firmware, for ``-L``. ``version`` is that of the
    OS's package in full, with the mark of what was taken of it.
    """

    system: Path
    image: Path
    environment: dict[str, str]
    data: Path
    version: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GuestParts:
    """What a guest is made of. All of it is read-only.

    ``os``, the kernel's ``modules`` and ``node`` are the layers of its root, the lowest first, each
    a squashfs. ``scratch`` is an empty ext4 of 8 GiB in a qcow2, to be the backing file of what a
    guest writes to.
    """

    qemu: Qemu
    kernel: GuestKernel
    os: Path
    scratch: Path
    node: Path

    @property
    def layers(self) -> tuple[Path, Path, Path]:
        """The disks for ``podresize.layers=``, in its order."""
        return (self.os, self.kernel.modules, self.node)


def check_guest(
    target: Target, *, kernel: str | None, cgroup_v1: bool = False, store: Store | None = None
) -> None:
    """Raise what ``gather_guest`` would of a word that may be mistyped; nothing is fetched or made.

    That is a version, an OCI runtime or a kernel, of which ``check_kernel`` says what is known
    before. It asks the OS's package lists where the kernel is not in the cache.
    """
    versions.normalise(Component.KUBERNETES, target.kubernetes)
    versions.normalise(Component.CONTAINERD, target.containerd)
    check_oci_runtime(target.oci_runtime)
    with reasons_told(Component.GUEST_KERNEL):
        check_kernel(kernel, cgroup_v1=cgroup_v1, store=store or Store())


def gather_guest(
    target: Target,
    *,
    kernel: str | None,
    cgroup_v1: bool = False,
    oci_version: str | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
) -> GuestParts:
    """Return all parts of a guest for a target, from the cache or made.

    ``kernel`` and ``cgroup_v1`` are as of ``guest_kernel``, ``oci_version`` is as of
    ``guest_node``. Raises ``UsageError`` for a kernel or a version that there is not or that will
    not do, ``HostError`` for what cannot be had here.
    """
    store, progress = store or Store(), progress or default_progress()
    # What a user may have mistyped comes first, what takes longest last.
    versions.normalise(Component.KUBERNETES, target.kubernetes)
    versions.normalise(Component.CONTAINERD, target.containerd)
    check_oci_runtime(target.oci_runtime)
    with reasons_told(Component.GUEST_KERNEL):
        chosen = guest_kernel(kernel, cgroup_v1=cgroup_v1, store=store, progress=progress)
    found = qemu(store=store, progress=progress)
    node = guest_node(
        target.kubernetes,
        target.containerd,
        target.oci_runtime,
        oci_version=oci_version,
        store=store,
        progress=progress,
    )
    system = guest_os(store=store, progress=progress)
    return GuestParts(
        qemu=found,
        kernel=chosen,
        os=system.files[OS],
        scratch=system.files[SCRATCH],
        node=node.files[NODE],
    )


def qemu(*, store: Store | None = None, progress: Progress | None = None) -> Qemu:
    """Return QEMU. Raises as ``Store.get`` does."""
    store, progress = store or Store(), progress or default_progress()
    found = store.get(Component.QEMU, progress=progress)
    image = found.files["qemu-img"]
    return Qemu(
        system=found.files[f"qemu-system-{MACHINES[check_arch(None)]}"],
        image=image,
        # Where QEMU looks for the module with which it runs a guest without KVM.
        environment=environment_of(found) | {"QEMU_MODULE_DIR": str(image.parent)},
        data=image.parent,
        version=found.version,
    )


@contextlib.contextmanager
def reasons_told(component: Component) -> Iterator[None]:
    """Turn what a source says of itself into what a user reads."""
    try:
        yield
    except SourcePassedOverError as error:
        raise HostError(
            f"{component} cannot be had on this host: it is made of the OS's packages.",
            value=str(component),
            origin="the OS's package lists",
            causes=(error.reason,),
            next_command="apt-get update" if _wants_lists() else "podresize doctor",
        ) from error


def _wants_lists() -> bool:
    return shutil.which("apt-get") is not None and not apt.has_lists()
