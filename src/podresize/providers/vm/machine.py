"""What a machine has: its size, accelerator and cgroup version; and QEMU's words for all that.

The same machine is booted once and resumed many times, so whatever it is made of has to be the same
in both command lines: devices, their order, the memory. What lies outside may differ: where sockets
are, which file is behind a disk, what is forwarded.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
from pathlib import Path
from typing import Any

from podresize.providers.vm.layout import ADDRESS, KUBELET_PORT, PORT_NAME, GuestLayout
from podresize.providers.vm.parts import KernelParts, Parts, QemuParts

KVM, TCG = "kvm", "tcg"
MEMORY_MIB = 3072
CPUS = 2
LAYERS = ("vda", "vdb", "vdc")
SCRATCH = "vdd"
_MACHINES = {"amd64": "pc", "arm64": "virt,gic-version=max"}
# Emulated for nothing: page tables of five levels, and pointers signed by a real cipher.
_EMULATED = {"amd64": "max,la57=off", "arm64": "max,pauth-impdef=on"}
_CONSOLES = {"amd64": "ttyS0", "arm64": "ttyAMA0"}
# One hierarchy for each controller and none beside them: runtimes refuse hybrids, or mistake them.
_V1 = (
    *("systemd.unified_cgroup_hierarchy=0", "systemd.legacy_systemd_cgroup_controller=1"),
    # systemd 256 and 257 want to be asked twice (their NEWS); 258 has no v1 any more.
    "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1",
)
_V2 = ("systemd.unified_cgroup_hierarchy=1",)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine's properties. ``accelerator`` is ``kvm`` or ``tcg``, ``memory`` in MiB,
    ``cgroup_version`` 1 or 2, ``arch`` ``amd64`` or ``arm64``."""

    accelerator: str
    cgroup_version: int
    arch: str
    memory: int = MEMORY_MIB
    cpus: int = CPUS

    @property
    def is_emulated(self) -> bool:
        """Whether its processors are."""
        return self.accelerator == TCG


def boot_command(
    machine: Machine, parts: Parts, layout: GuestLayout, *, scratch: Path
) -> tuple[str, ...]:
    """Return the command that boots the guest; ``scratch`` is what it writes to."""
    return _command(machine, parts, layout, scratch=scratch, forwards=False)


def resume_command(
    machine: Machine,
    parts: Parts,
    layout: GuestLayout,
    *,
    memory: Path,
    forwards: bool = True,
) -> tuple[str, ...]:
    """Return the command that goes on with a booted guest, whose memory is in a file.

    The guest was stopped when it was put there, and is so until it is told to go on. With
    ``forwards`` its kubelet is reached at its address, which this network has to have then.
    """
    return (
        *_command(machine, parts, layout, scratch=layout.scratch, forwards=forwards),
        *("-incoming", f"exec:cat {shlex.quote(str(memory))}"),
    )


def probe_command(qemu: QemuParts, kernel: KernelParts, machine: Machine) -> tuple[str, ...]:
    """Return a command that boots a kernel with nothing to go on with, on its standard output.

    Its initrd says so and switches the machine off.
    """
    return (
        *_beginning(qemu, machine, memory=256, cpus=1),
        *("-kernel", str(kernel.image), "-initrd", str(kernel.initrd)),
        *("-append", " ".join(_kernel_words(machine, layered=False))),
        *("-serial", "stdio"),
    )


def kernel_arguments(machine: Machine) -> str:
    """Return the kernel's command line."""
    return " ".join(_kernel_words(machine, layered=True))


def _kernel_words(machine: Machine, *, layered: bool) -> tuple[str, ...]:
    return (
        f"console={_CONSOLES[machine.arch]}",
        # A panic ends the machine, whose end is seen; there is no other way to tell of it.
        *("panic=-1", "oops=panic"),
        "net.ifnames=0",
        # Colours are for terminals, and a console is read from a file.
        *("TERM=dumb", "systemd.log_color=0"),
        # containerd would use AppArmor where it is on, and the guest has not got its parser.
        "apparmor=0",
        # Guards against other guests' programs, of which there are none; emulated they cost most.
        "mitigations=off",
        # An emulated processor may be too slow for the kernel's own test of its timer.
        *(("no_timer_check",) if machine.is_emulated and machine.arch == "amd64" else ()),
        *(_V1 if machine.cgroup_version == 1 else _V2),
        *(
            (f"podresize.layers={','.join(LAYERS)}", f"podresize.scratch={SCRATCH}")
            if layered
            else ()
        ),
    )


def _command(
    machine: Machine, parts: Parts, layout: GuestLayout, *, scratch: Path, forwards: bool
) -> tuple[str, ...]:
    layers = (parts.os, parts.kernel.modules, parts.node)
    forward = f",hostfwd=tcp:{ADDRESS}:{KUBELET_PORT}-{ADDRESS}:{KUBELET_PORT}" if forwards else ""
    return (
        *_beginning(parts.qemu, machine, memory=machine.memory, cpus=machine.cpus),
        *("-kernel", str(parts.kernel.image), "-initrd", str(parts.kernel.initrd)),
        *("-append", kernel_arguments(machine)),
        *("-chardev", _socket("qmp", layout.qmp), "-mon", "chardev=qmp,mode=control"),
        *("-chardev", f"file,id=console,path={_escaped(layout.console)},append=on"),
        *("-serial", "chardev:console"),
        *(word for name, file in zip(LAYERS, layers, strict=True) for word in _layer(name, file)),
        *_scratch(scratch),
        *("-device", "virtio-serial-pci,id=ports"),
        *("-chardev", _socket("agent", layout.port)),
        *("-device", f"virtserialport,bus=ports.0,chardev=agent,name={PORT_NAME}"),
        *("-netdev", f"user,id=net0,ipv6=off{forward}"),
        *("-device", "virtio-net-pci,netdev=net0,mac=52:54:00:12:34:56,romfile="),
        *("-device", "virtio-rng-pci"),
    )


def _beginning(qemu: QemuParts, machine: Machine, *, memory: int, cpus: int) -> tuple[str, ...]:
    accelerator = "tcg,thread=multi" if machine.is_emulated else KVM
    return (
        *(str(qemu.system), "-L", str(qemu.data)),
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-machine", _MACHINES[machine.arch], "-accel", accelerator),
        *("-cpu", _EMULATED[machine.arch] if machine.is_emulated else "host"),
        *("-smp", str(cpus), "-m", str(memory)),
    )


def _layer(name: str, file: Path) -> tuple[str, ...]:
    return _disk(
        name,
        {"driver": "raw", "read-only": True, "file": {"driver": "file", "filename": str(file)}},
    )


def _scratch(file: Path) -> tuple[str, ...]:
    # Nothing is written for good: what a crash of this host loses was the cluster's.
    return _disk(
        SCRATCH,
        {
            "driver": "qcow2",
            "discard": "unmap",
            "cache": {"no-flush": True},
            "file": {"driver": "file", "filename": str(file), "cache": {"no-flush": True}},
        },
        # A machine that is stopped when this host's disk is full would only be silent.
        "werror=report",
    )


def _disk(name: str, block: dict[str, Any], *more: str) -> tuple[str, ...]:
    node = json.dumps({"node-name": name, **block})
    return ("-blockdev", node, "-device", ",".join(("virtio-blk-pci", f"drive={name}", *more)))


def _socket(name: str, path: Path) -> str:
    return f"socket,id={name},path={_escaped(path)},server=on,wait=off"


def _escaped(path: Path) -> str:
    """Return a path as a value among others of QEMU's: a comma is written twice."""
    return str(path).replace(",", ",,")
