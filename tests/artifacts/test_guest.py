"""All parts of a guest at once, and each of them on the command line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from tests.artifacts.guests import PARTS, squashed
from tests.artifacts.test_node_image import PlayedStore

from podresize.artifacts import apt, guest
from podresize.artifacts.cache import Cache
from podresize.artifacts.guest_kernel import GuestKernel
from podresize.artifacts.source import SourcePassedOverError
from podresize.cli import guest_artifacts
from podresize.cli.artifacts import artifacts
from podresize.errors import HostError, UsageError
from podresize.requirements.target import Target

if TYPE_CHECKING:
    from tests.artifacts.conftest import FakeSource, Notes

KERNEL = GuestKernel(
    release="6.1.0-56-cloud-amd64",
    image=Path("/kernel/vmlinuz"),
    initrd=Path("/kernel/initrd.cpio"),
    modules=Path("/kernel/modules.squashfs"),
    config=Path("/kernel/config"),
    packages=Path("/kernel/packages.txt"),
)


@dataclasses.dataclass
class PlayedKernel:
    """Takes the place of ``guest_kernel``."""

    asked: list[tuple[str | None, bool]] = dataclasses.field(default_factory=list)
    fails: Exception | None = None

    def __call__(
        self, asked: str | None, *, cgroup_v1: bool = False, store: object, progress: object
    ) -> GuestKernel:
        del store, progress
        self.asked.append((asked, cgroup_v1))
        if self.fails is not None:
            raise self.fails
        return KERNEL


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> PlayedKernel:
    played = PlayedKernel()
    monkeypatch.setattr(guest, "guest_kernel", played)
    monkeypatch.setattr(guest_artifacts, "guest_kernel", played)
    return played


@pytest.fixture
def store(cache: Cache, fake: type[FakeSource], monkeypatch: pytest.MonkeyPatch) -> PlayedStore:
    store = PlayedStore(cache, fake, PARTS)
    monkeypatch.setattr(guest_artifacts, "Store", lambda: store)
    return store


def run(*arguments: str) -> Result:
    return CliRunner().invoke(artifacts, ["get", *arguments])


def test_a_target_says_what_is_in_the_node(
    store: PlayedStore, kernel: PlayedKernel, notes: Notes
) -> None:
    target = Target(kubernetes="1.37.2", containerd="2.1.4", oci_runtime="crun")

    parts = guest.gather_guest(target, kernel="6.1", cgroup_v1=True, store=store, progress=notes)

    assert kernel.asked == [("6.1", True)]
    assert parts.layers == (parts.os, KERNEL.modules, parts.node)
    assert "usr/local/sbin/crun" in squashed(parts.node)
    assert "/1.37.2+2.1.4+crun-1.0.0." in str(parts.node)
    for path in (parts.os, parts.node, parts.scratch, parts.qemu.system, parts.qemu.image):
        assert path.is_file()


def test_a_kernel_that_cannot_be_had_is_the_hosts(
    store: PlayedStore, kernel: PlayedKernel, notes: Notes, cache: Cache
) -> None:
    kernel.fails = SourcePassedOverError("the OS's package lists are missing (apt-get update)")

    with pytest.raises(HostError, match="guest-kernel cannot be had") as caught:
        guest.gather_guest(Target(), kernel=None, store=store, progress=notes)
    assert caught.value.causes == (kernel.fails.reason,)
    assert cache.entries() == []  # nothing is made for a guest that cannot be booted


def test_without_the_oss_lists_the_next_command_fetches_them(
    store: PlayedStore, kernel: PlayedKernel, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.fails = SourcePassedOverError(apt.WITHOUT_LISTS)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    for there, command in ((False, "apt-get update"), (True, "podresize doctor")):
        monkeypatch.setattr(apt, "has_lists", lambda there=there: there)
        with pytest.raises(HostError) as caught:
            guest.gather_guest(Target(), kernel=None, store=store, progress=notes)
        assert caught.value.next_command == command


@pytest.mark.parametrize(
    ("target", "kernel", "value"),
    [
        (Target(kubernetes="none"), None, "none"),
        (Target(containerd="1.5.0"), None, "1.5.0"),
        (Target(oci_runtime="runsc"), None, "runsc"),
        (Target(), "", ""),
        (Target(), "-x", "-x"),
        (Target(), "there/is/none.deb", "there/is/none.deb"),
    ],
)
def test_what_is_mistyped_is_known_before_anything_is_fetched(
    store: PlayedStore, target: Target, kernel: str | None, value: str, cache: Cache
) -> None:
    with pytest.raises(UsageError) as caught:
        guest.check_guest(target, kernel=kernel, store=store)

    assert caught.value.value == value
    assert cache.entries() == []


@pytest.mark.usefixtures("store")
def test_a_kernel_on_the_command_line(kernel: PlayedKernel) -> None:
    result = run("guest-kernel", "--kernel", "6.1")

    assert result.exit_code == 0
    assert kernel.asked == [("6.1", False)]
    names = [Path(line).name for line in result.stdout.split()]
    assert names == ["vmlinuz", "initrd.cpio", "modules.squashfs", "config", "packages.txt"]


@pytest.mark.usefixtures("store")
def test_the_os_and_a_node_on_the_command_line() -> None:
    system = run("guest-os")
    node = run("guest-node", "--kubernetes", "1.27", "--containerd", "v1.6.8")

    names = [Path(line).name for line in system.stdout.split()]
    assert names == ["os.squashfs", "scratch.qcow2", "packages.txt"]
    (path,) = node.stdout.split()
    assert "/guest-node/1.27.4+1.6.8+runc-1.0.0." in path
    assert path.endswith("/node.squashfs")


@pytest.mark.parametrize(
    ("arguments", "value", "origin"),
    [
        (("guest-os", "--kubernetes", "1.27.4"), "1.27.4", "--kubernetes"),
        (("guest-kernel", "--version", "6.1"), "6.1", "--version"),
        (("guest-node", "--arch", "arm64"), "arm64", "--arch"),
        (("guest-node", "--source", "module"), "module", "--source"),
        (("runc", "--kernel", "6.1"), "6.1", "--kernel"),
        (("all", "--oci-runtime", "crun"), "crun", "--oci-runtime"),
        (("guest-node", "--oci-runtime", "runsc"), "runsc", "--oci-runtime"),
        (("guest-node", "--containerd", "none"), "none", "--containerd"),
        (("guest-kernel", "--kernel", "there/is/none.deb"), "there/is/none.deb", "--kernel"),
        (("guest-kernel", "--kernel", ""), "", "--kernel"),
        (("qemu", "--version", "7.2"), "7.2", "--version"),
    ],
)
@pytest.mark.usefixtures("store")
def test_what_does_not_go_together_is_refused_before_anything_is_fetched(
    arguments: tuple[str, ...], value: str, origin: str, cache: Cache
) -> None:
    error = run(*arguments).exception

    assert isinstance(error, UsageError)
    assert (error.value, error.origin) == (value, origin)
    assert error.next_command is not None
    assert [entry for entry in cache.entries() if entry.component != "guest-tools"] == []
