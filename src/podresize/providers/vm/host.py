"""What this host lacks for a guest, and what runs one here."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from podresize.artifacts import apt
from podresize.artifacts.artifact import Component
from podresize.artifacts.cache import Cache
from podresize.artifacts.layout import Layout as CacheLayout
from podresize.artifacts.source import SourcePassedOverError
from podresize.errors import HostError
from podresize.providers import host as hosts
from podresize.providers.host import Host, Problem
from podresize.providers.vm import kvm, snapshot
from podresize.providers.vm.kvm import Found
from podresize.providers.vm.machine import CPUS, KVM, MEMORY_MIB, TCG, Machine, probe_command
from podresize.providers.vm.parts import Parts
from podresize.requirements.target import Target

INSTANCES = 8
"""Of inotify: those of a control plane; the kubelet's are the guest's own."""
# Beside the guest's: a control plane and what waits for it.
_MEMORY_BESIDE = 768 << 20
# A cluster's own files, and those of a guest that is made to be kept, twice for a moment.
_DISK_NEEDED = 3 << 30
_KEPT_NEEDED = 1 << 30
_ARCHES = ("amd64", "arm64")
_OF_PACKAGES = (
    Component.NODE_BASE,
    Component.QEMU,
    Component.GUEST_TOOLS,
    Component.GUEST_KERNEL,
    Component.GUEST_OS,
)
"""What is made of the OS's packages alone."""


def problems(host: Host) -> list[Problem]:
    """Return what keeps a guest from being started here, worst first.

    What a container runtime needs of a kernel is the guest's to have.
    """
    return host.problems(instances=INSTANCES, node=False) + lacking(host)


def lacking(host: Host) -> list[Problem]:
    """Return what keeps a guest from being started here beside what keeps any cluster from it."""
    found: list[Problem] = []
    needed = (MEMORY_MIB << 20) + _MEMORY_BESIDE
    if host.memory < needed:
        found.append(
            Problem(
                what=f"{host.memory >> 20} MiB of memory, {needed >> 20} MiB needed for a guest",
                remedy="free -m",
            )
        )
    if host.disk_free < _DISK_NEEDED:
        found.append(
            Problem(
                what=f"{host.disk_free >> 20} MiB of disk free, {_DISK_NEEDED >> 20} MiB needed "
                "for a guest",
                remedy="PODRESIZE_STATE_DIR=/another/disk scripts/podresize run --provider vm",
            )
        )
    if not _keeps_any() and (free := hosts.free_disk(CacheLayout().root)) < _KEPT_NEEDED:
        found.append(
            Problem(
                what=f"{free >> 20} MiB of disk free below {CacheLayout().root}, "
                f"{_KEPT_NEEDED >> 20} MiB needed for a guest that is kept",
                remedy="XDG_CACHE_HOME=/another/disk scripts/podresize run --provider vm, "
                "or podresize artifacts prune --older-than 7",
            )
        )
    if host.arch not in _ARCHES:
        found.append(Problem(what=f"no guest for {host.arch}", remedy="another host"))
    return found + _packages_lacking(host)


def _packages_lacking(host: Host) -> list[Problem]:
    """Return why what a guest is made of cannot be had here; nothing where it is in the cache.

    Lists that are missing are fetched with the first package, by root.
    """
    there = {entry.component for entry in Cache().entries() if entry.arch == host.arch}
    if there >= set(_OF_PACKAGES):
        return []
    try:
        apt.check_tools()
    except SourcePassedOverError as error:
        return [
            Problem(
                what=f"QEMU and a guest's system are made of the OS's packages, and {error.reason}",
                remedy="XDG_CACHE_HOME=/cache/filled/on/Debian scripts/podresize run --provider vm",
            )
        ]
    if apt.has_lists() or host.is_root:
        return []
    return [
        Problem(
            what="no package lists, of which QEMU and a guest's system are made",
            remedy="sudo apt-get update",
        )
    ]


def _keeps_any() -> bool:
    """Return whether a guest is kept in the cache: the first one needs most room."""
    try:
        return any(CacheLayout().guests.glob(f"*/{snapshot.FACTS}"))
    except OSError:  # nothing that this user could use
        return False


def check() -> Host:
    """Return the host's facts, or raise ``HostError`` with what keeps a guest from starting."""
    host = hosts.inspect()
    if found := problems(host):
        raise HostError(
            "no guest can be started on this host",
            value="; ".join(problem.what for problem in found),
            origin="the host",
            causes=tuple(f"{problem.what}: {problem.remedy}" for problem in found),
            next_command="podresize doctor",
        )
    return host


def machine_for(target: Target, parts: Parts, host: Host) -> tuple[Machine, Found | None]:
    """Return the machine for a target's guest, and what was found of KVM if that was asked for.

    Raises ``HostError`` where KVM was asked for and does not work.
    """
    emulated = Machine(
        accelerator=TCG,
        cgroup_version=target.cgroup_version or 2,
        arch=host.arch,
        cpus=min(CPUS, host.cpus),
    )
    if target.accelerator == TCG:
        return emulated, None
    fast = dataclasses.replace(emulated, accelerator=KVM)
    command = probe_command(parts.qemu, parts.kernel, fast)
    found = kvm.probed(
        *(command, parts.qemu.environment),
        record=record(),
        of=parts,
        again=target.accelerator == KVM,
    )
    if found.works:
        return fast, found
    if target.accelerator == KVM:
        raise _no_kvm(found.why or "", "the host is itself a virtual machine")
    return emulated, found


def check_accelerator(target: Target) -> None:
    """Raise ``HostError`` for a target that wants KVM where this process cannot even open it.

    Whether it works is known after a trial alone, for which QEMU and a kernel have to be there.
    """
    if target.accelerator == KVM and not (found := kvm.is_there()).works:
        raise _no_kvm(
            found.why or "", "the processor's virtualization is off, or this is a container"
        )


def _no_kvm(*causes: str) -> HostError:
    return HostError(
        "KVM does not work on this host",
        value=KVM,
        origin="--accelerator",
        causes=causes,
        next_command="podresize cluster up --provider vm --accelerator tcg",
    )


def record() -> Path:
    """Return the file in which it is kept whether KVM works."""
    return CacheLayout().guests / "kvm.json"


def what_runs(accelerator: str | None) -> str:
    """Return in a few words what a guest is run by: ``kvm`` or ``tcg``, else what would run one."""
    if accelerator == KVM:
        return "KVM"
    if accelerator != TCG:
        return about_kvm()
    found = kvm.known(record())
    return "emulation" if found is None or found.works else f"emulation: {found.why}"


def about_kvm() -> str:
    """Return in a few words what a guest would be run by here."""
    found = kvm.known(record())
    if found is None:
        return f"{kvm.DEVICE} is there and was not tried yet: nested it may hang"
    return "KVM works" if found.works else f"emulation: {found.why}"


def about_qemu() -> str:
    """Return in a few words where QEMU would come from."""
    there = [entry.version for entry in Cache().entries() if entry.component is Component.QEMU]
    if there:
        return f"{', '.join(there)}, in the cache"
    return "not in the cache yet: it is unpacked from the OS's packages, never installed"
