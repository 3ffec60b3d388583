"""QEMU's command line: the same machine when it is booted and when it goes on."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from podresize.providers.local.layout import Layout
from podresize.providers.vm.layout import GuestLayout
from podresize.providers.vm.machine import (
    Machine,
    boot_command,
    kernel_arguments,
    probe_command,
    resume_command,
)
from podresize.providers.vm.parts import Parts


def values(command: tuple[str, ...], option: str) -> list[str]:
    """Return what follows each occurrence of an option."""
    return [command[at + 1] for at, word in enumerate(command) if word == option]


def blocks(command: tuple[str, ...]) -> dict[str, dict[str, object]]:
    found = [json.loads(text) for text in values(command, "-blockdev")]
    return {each["node-name"]: each for each in found}


def test_a_guest_goes_on_as_the_machine_that_it_was_booted_as(
    machine: Machine, parts: Parts, layout: GuestLayout
) -> None:
    booted = boot_command(machine, parts, layout, scratch=Path("/made/scratch.qcow2"))
    goes_on = resume_command(machine, parts, layout, memory=Path("/kept/memory"))

    for option in ("-device", "-machine", "-cpu", "-smp", "-m", "-accel", "-append", "-serial"):
        assert values(booted, option) == values(goes_on, option)
    assert list(blocks(booted)) == list(blocks(goes_on)) == ["vda", "vdb", "vdc", "vdd"]
    assert values(goes_on, "-incoming") == ["exec:cat /kept/memory"]
    assert "-incoming" not in booted


def test_the_layers_are_read_only_and_in_the_order_that_the_kernel_is_told(
    machine: Machine, parts: Parts, layout: GuestLayout
) -> None:
    found = blocks(resume_command(machine, parts, layout, memory=Path("/m")))

    files = [found[name]["file"]["filename"] for name in ("vda", "vdb", "vdc")]  # type: ignore[index]
    assert files == [str(parts.os), str(parts.kernel.modules), str(parts.node)]
    assert all(found[name]["read-only"] for name in ("vda", "vdb", "vdc"))
    assert "read-only" not in found["vdd"]
    assert found["vdd"]["file"]["filename"] == str(layout.scratch)  # type: ignore[index]
    assert "podresize.layers=vda,vdb,vdc podresize.scratch=vdd" in kernel_arguments(machine)


def test_only_a_node_is_reached_from_outside(
    machine: Machine, parts: Parts, layout: GuestLayout
) -> None:
    (booted,) = values(boot_command(machine, parts, layout, scratch=Path("/s")), "-netdev")
    (node,) = values(resume_command(machine, parts, layout, memory=Path("/m")), "-netdev")

    assert "hostfwd" not in booted
    assert node.endswith("hostfwd=tcp:10.0.2.15:10250-10.0.2.15:10250")


@pytest.mark.parametrize(
    ("accelerator", "arch", "cpu", "has_word"),
    [
        ("tcg", "amd64", "max,la57=off", True),
        ("kvm", "amd64", "host", False),
        ("tcg", "arm64", "max,pauth-impdef=on", False),
        ("kvm", "arm64", "host", False),
    ],
)
def test_what_runs_the_machine_decides_on_its_processor(
    parts: Parts, layout: GuestLayout, accelerator: str, arch: str, cpu: str, has_word: bool
) -> None:
    machine = Machine(accelerator=accelerator, cgroup_version=2, arch=arch)
    command = boot_command(machine, parts, layout, scratch=Path("/s"))

    assert values(command, "-cpu") == [cpu]
    assert values(command, "-accel")[0].partition(",")[0] == accelerator
    assert ("no_timer_check" in kernel_arguments(machine).split()) is has_word
    console = "console=ttyS0" if arch == "amd64" else "console=ttyAMA0"
    assert console in kernel_arguments(machine).split()


def test_the_cgroup_version_is_systemds_at_boot(machine: Machine) -> None:
    old = dataclasses.replace(machine, cgroup_version=1)

    assert "systemd.unified_cgroup_hierarchy=1" in kernel_arguments(machine)
    assert "systemd.unified_cgroup_hierarchy=0" in kernel_arguments(old)
    assert "systemd.legacy_systemd_cgroup_controller=1" in kernel_arguments(old)
    assert "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1" in kernel_arguments(old)


def test_a_full_disk_of_this_host_is_the_guests_error_and_not_its_end(
    machine: Machine, parts: Parts, layout: GuestLayout
) -> None:
    command = boot_command(machine, parts, layout, scratch=Path("/s"))

    assert "virtio-blk-pci,drive=vdd,werror=report" in values(command, "-device")


def test_a_comma_in_a_path_does_not_end_it(
    machine: Machine, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODRESIZE_STATE_DIR", "/a,b")
    layout = GuestLayout(Layout(name="one", index=0))

    command = boot_command(machine, parts, layout, scratch=Path("/s"))

    assert "socket,id=qmp,path=/a,,b/one/run/qmp.sock,server=on,wait=off" in command


def test_a_probe_has_a_kernel_and_nothing_to_go_on_with(machine: Machine, parts: Parts) -> None:
    command = probe_command(parts.qemu, parts.kernel, machine)

    assert values(command, "-serial") == ["stdio"]
    assert "-blockdev" not in command
    assert "podresize.layers" not in " ".join(command)
