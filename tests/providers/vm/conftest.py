"""A guest of files that are empty, and one that answers from a script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from podresize.errors import HarnessError
from podresize.providers.local.layout import Layout
from podresize.providers.vm.guest_agent import Files
from podresize.providers.vm.layout import GuestLayout
from podresize.providers.vm.machine import Machine
from podresize.providers.vm.parts import Kernel, Parts, Qemu


class FakeGuest:
    """Notes what it is asked for; ``says`` maps a part of a command to what it prints.

    Of a unit's property it maps ``Property unit`` to the text.
    """

    def __init__(self, says: dict[str, str] | None = None) -> None:
        self.says = says or {}
        self.ran: list[tuple[str, ...]] = []
        self.files: dict[Path, tuple[bytes, int]] = {}
        self.seeds: list[bytes] = []

    def write(self, files: Files) -> None:
        self.files |= files

    def read(self, path: Path) -> bytes:
        return self.files[path][0]

    def run(self, *command: str, seconds: float = 60.0) -> str:
        assert seconds > 0
        self.ran.append(command)
        for part, text in self.says.items():
            if part in " ".join(command):
                if text == "FAIL":
                    raise HarnessError("a command failed in the guest", value=" ".join(command))
                return text
        return ""

    def seed(self, data: bytes) -> None:
        self.seeds.append(data)

    def units(self, units: Sequence[str], properties: Sequence[str]) -> dict[str, dict[str, str]]:
        return {
            unit: {each: self.says.get(f"{each} {unit}", f"of {unit}") for each in properties}
            for unit in units
        }


@pytest.fixture
def guest_says() -> Callable[..., FakeGuest]:
    return FakeGuest


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    """The parts of a guest, each a file of its own."""
    place = tmp_path / "podresize" / "entries"
    place.mkdir(parents=True)
    names = (
        "qemu-system-x86_64",
        "qemu-img",
        "vmlinuz",
        "initrd",
        "modules",
        "os",
        "empty",
        "node",
    )
    for name in names:
        (place / name).write_text(name)
    return Parts(
        qemu=Qemu(
            system=place / "qemu-system-x86_64",
            image=place / "qemu-img",
            environment={"LD_LIBRARY_PATH": str(place)},
            data=place,
        ),
        kernel=Kernel(
            release="6.1.0-49-cloud-amd64",
            image=place / "vmlinuz",
            initrd=place / "initrd",
            modules=place / "modules",
        ),
        os=place / "os",
        scratch=place / "empty",
        node=place / "node",
    )


@pytest.fixture
def machine() -> Machine:
    return Machine(accelerator="tcg", cgroup_version=2, arch="amd64")


@pytest.fixture
def layout(state_dir: Path) -> GuestLayout:
    """A cluster's directory that is there, with what every cluster has in it."""
    assert not state_dir.exists()
    cluster = Layout(name="one", index=3)
    for directory in (cluster.run, cluster.logs, cluster.etc, cluster.pki):
        directory.mkdir(parents=True)
    return GuestLayout(cluster)
