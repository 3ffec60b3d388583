"""The initrd's script, run by this host's shell in a directory that plays the machine."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from podresize.manifests import manifests

LAYERS = "podresize.layers=vda,vdb,vdc"
CMDLINE = f"console=ttyS0 no_timer_check {LAYERS} podresize.scratch=vdd quiet\n"
# Each writes down how it was called; mount makes what a file system would hold.
PLAYED = {
    "mount": """
case "$*" in
    *squashfs*) mkdir -p "$ROOT/root/sbin"; ln -sf /lib/systemd/systemd "$ROOT/root/sbin/init" ;;
esac
case "$*" in "$FAILS"*) exit 1 ;; esac
""",
    "insmod": 'case "$*" in *"$FAILS") exit 1 ;; esac',
    "poweroff": 'kill -TERM "$PPID"',  # the machine is gone
    "switch_root": "",
    "sleep": "",
}


@dataclasses.dataclass
class Machine:
    """A directory with the kernel's files and /bin; the script's paths are below it."""

    root: Path

    def boot(self, *, fails: str = "nothing", disks: str = "abcd") -> tuple[str, list[str]]:
        """Return what is said on the console and what was called."""
        script = (manifests("guest") / "init").read_text("utf-8")
        script = re.sub(r"(?<=[\s\"=<])/(?=[a-z])", f"{self.root}/", script)
        script = script.replace("-le 300", "-le 3")
        # A file plays a disk: only root could make one.
        script = script.replace("[ -b ", "[ -e ")
        for disk in disks:
            (self.root / "dev" / f"vd{disk}").touch()
        shell = shutil.which("sh")
        assert shell is not None
        done = subprocess.run(
            [shell, "-c", script, "init", "splash"],
            env={"ROOT": str(self.root), "FAILS": fails},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.stderr == ""
        calls = (self.root / "calls").read_text().replace(str(self.root), "").splitlines()
        return done.stdout.replace(str(self.root), ""), calls


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    for place in ("bin", "proc", "sys", "dev", "modules"):
        (tmp_path / place).mkdir()
    (tmp_path / "proc" / "cmdline").write_text(CMDLINE)
    (tmp_path / "modules" / "order").write_text("virtio.ko\nvirtio_blk.ko\n")
    for name in ("cat", "mkdir", "tr", "ln"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / "bin" / name).symlink_to(os.path.realpath(found))
    for name, script in PLAYED.items():
        path = tmp_path / "bin" / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"$ROOT/calls"\n{script}\n')
        path.chmod(0o755)
    return Machine(tmp_path)


def test_a_root_of_all_layers_and_the_scratch_disk(machine: Machine) -> None:
    said, calls = machine.boot()

    assert said == ""
    assert [call for call in calls if not call.startswith("sleep")] == [
        "mount -t proc proc /proc",
        "mount -t sysfs sysfs /sys",
        "mount -t devtmpfs devtmpfs /dev",
        "insmod /modules/virtio.ko",
        "insmod /modules/virtio_blk.ko",
        "mount -t squashfs -o ro /dev/vda /layers/vda",
        "mount -t squashfs -o ro /dev/vdb /layers/vdb",
        "mount -t squashfs -o ro /dev/vdc /layers/vdc",
        "mount -t ext4 -o noatime /dev/vdd /scratch",
        "mount -t overlay -o lowerdir=/layers/vdc:/layers/vdb:/layers/vda,"
        "upperdir=/scratch/upper,workdir=/scratch/work overlay /root",
        "mount --bind /scratch/containerd /root/var/lib/containerd",
        "mount --bind /scratch/kubelet /root/var/lib/kubelet",
        "mount --move /proc /root/proc",
        "mount --move /sys /root/sys",
        "mount --move /dev /root/dev",
        "switch_root /root /sbin/init splash",
    ]


@pytest.mark.parametrize(
    ("fails", "disks", "said"),
    [
        ("nothing", "abd", "no disk /dev/vdc for a layer"),
        ("nothing", "abc", "no disk /dev/vdd for what is written"),
        ("virtio_blk.ko", "abcd", "cannot load the module virtio_blk.ko"),
        ("-t squashfs", "abcd", "no squashfs on /dev/vda"),
        ("-t ext4", "abcd", "no ext4 on /dev/vdd"),
        ("-t overlay", "abcd", "cannot mount an overlay of /layers/vdc:/layers/vdb:/layers/vda"),
        ("--bind", "abcd", "cannot mount /var/lib/containerd"),
    ],
)
def test_what_is_missing_is_said_and_the_machine_switched_off(
    machine: Machine, fails: str, disks: str, said: str
) -> None:
    console, calls = machine.boot(fails=fails, disks=disks)

    assert console == f"podresize-initrd: {said}\n"
    assert calls[-1] == "poweroff -f"


@pytest.mark.parametrize("word", ["podresize.layers=vda,vdb,vdc", "podresize.scratch=vdd"])
def test_a_command_line_without_a_word_is_said(machine: Machine, word: str) -> None:
    (machine.root / "proc" / "cmdline").write_text(CMDLINE.replace(word, ""))

    console, calls = machine.boot()

    name = word.partition("=")[0]
    assert console == f"podresize-initrd: no {name}= on the kernel's command line\n"
    assert calls[-1] == "poweroff -f"


def test_layers_without_a_first_process_are_said(machine: Machine) -> None:
    mount = machine.root / "bin" / "mount"
    mount.write_text(mount.read_text().replace("ln -sf", ": "))

    console, calls = machine.boot()

    assert console == "podresize-initrd: no /sbin/init in the layers vda,vdb,vdc\n"
    assert calls[-1] == "poweroff -f"


def test_the_agents_port_gets_its_name(tmp_path: Path) -> None:
    port = tmp_path / "sys/class/virtio-ports/vport1p1"
    port.mkdir(parents=True)
    (port / "name").write_text("org.podresize.agent\n")
    script = (manifests("guest") / "agent-port").read_text("utf-8")
    script = re.sub(r"(?<=[\s\"])/(?=sys|dev)", f"{tmp_path}/", script)

    subprocess.run(["sh", "-c", script, "agent-port", "org.podresize.agent"], check=True)

    link = tmp_path / "dev/virtio-ports/org.podresize.agent"
    assert str(link.readlink()) == "../vport1p1"
