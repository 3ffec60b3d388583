"""A guest's kernel: which package is meant, what is made of it, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.artifacts.guests import PARTS, TOOLS, squashed
from tests.artifacts.test_cpio import read
from tests.artifacts.test_kernel_options import config
from tests.artifacts.test_node_image import PlayedStore

from podresize.artifacts import apt
from podresize.artifacts.artifact import Component
from podresize.artifacts.cache import Cache
from podresize.artifacts.guest_initrd import load_order
from podresize.artifacts.guest_kernel import GuestKernel, check_kernel, guest_kernel
from podresize.artifacts.host import host_arch
from podresize.artifacts.kernel_packages import package_for
from podresize.artifacts.source import SourcePassedOverError
from podresize.errors import UsageError

if TYPE_CHECKING:
    from tests.artifacts.conftest import FakeSource, Notes

ARCH = host_arch()
CLOUD = f"cloud-{ARCH}"
# By package: what it depends on. The file of a package is its name.
OFFERED = {
    f"linux-image-{CLOUD}": f"linux-image-6.1.0-56-{CLOUD} (= 6.1.192-2)",
    f"linux-image-6.1.0-56-{CLOUD}": "kmod, linux-base (>= 4.3~), initramfs-tools (>= 0.120) | x",
    f"linux-image-6.1.0-9-{CLOUD}": "kmod",
    f"linux-image-6.12-{CLOUD}": f"linux-image-6.12.9-{CLOUD}",
    f"linux-image-6.12.9-{CLOUD}": f"linux-modules-6.12.9-{CLOUD}, kmod",
    f"linux-modules-6.12.9-{CLOUD}": "kmod",
    f"linux-image-6.1.0-56-{CLOUD}-dbg": "",
}
LAYOUT = {
    "virtio_pci": "kernel/drivers/virtio/virtio_pci.ko: kernel/virtio.ko kernel/virtio_ring.ko",
    "virtio_blk": "kernel/drivers/block/virtio_blk.ko: kernel/virtio.ko",
    "squashfs": "kernel/fs/squashfs.ko.xz:",
    "virtio_ring": "kernel/virtio_ring.ko:",
    "virtio": "kernel/virtio.ko: kernel/virtio_ring.ko",
}
APT = f"""
OFFERED = {OFFERED!r}
name = sys.argv[-1].partition(':')[0]
if sys.argv[1] == 'policy':
    print(name + ':\\n  Candidate: ' + ('1' if name in OFFERED else '(none)'))
elif sys.argv[1] == 'pkgnames':
    print('\\n'.join(each for each in OFFERED if each.startswith(sys.argv[2])))
elif sys.argv[1] == 'update':
    pathlib.Path(__file__).with_name('updated').touch()
elif sys.argv[1] == 'show':
    print('Package: ' + name + '\\nDepends: ' + OFFERED[name])
else:
    for word in sys.argv[3:]:
        revision = pathlib.Path(__file__).with_name('revision')
        text = revision.read_text() if revision.exists() else {ARCH!r}
        pathlib.Path(word.partition(':')[0] + '.deb').write_text(text)
"""
DPKG = f"""
if sys.argv[1] == '--field':
    text = pathlib.Path(sys.argv[2]).read_text()
    sys.exit('E: not a Debian format archive') if text == 'text' else print(text)
    sys.exit()
if sys.argv[1] == '--show':
    print(pathlib.Path(sys.argv[3]).stem + '=1:1-1', end='')
    sys.exit()
name, root = pathlib.Path(sys.argv[2]).stem, pathlib.Path(sys.argv[3])
release = '-'.join(name.split('-')[2:])
root.mkdir(exist_ok=True)
if not release[0].isdigit() or name.count('.') < 2 and 'own' not in name:
    sys.exit()
if '-image-' in name:
    (root / 'boot').mkdir()
    (root / 'boot' / ('vmlinuz-' + release)).write_text('kernel')
    (root / 'boot' / ('config-' + release)).write_text(
        pathlib.Path(__file__).with_name('config').read_text())
if '-modules-' in name or not pathlib.Path(__file__).with_name('apart').exists():
    usr = 'usr' if pathlib.Path(__file__).with_name('merged').exists() else ''
    place = root / usr / 'lib/modules' / release
    order = {list(LAYOUT.values())!r}
    for line in order:
        path = place / line.partition(':')[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        data = path.name.encode()
        path.write_bytes(lzma.compress(data) if path.suffix == '.xz' else data)
    (place / 'modules.order').write_text('\\n'.join(order))
"""


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "bin"
    directory.mkdir()
    for name, script in {"apt-get": APT, "apt-cache": APT, "dpkg-deb": DPKG}.items():
        text = f"#!{sys.executable}\nimport lzma, pathlib, sys\n{script}"
        (directory / name).write_text(text)
        (directory / name).chmod(0o755)
    (directory / "config").write_text(config(without=("EXT4_FS",)) + "CONFIG_EXT4_FS=y\n")
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setattr(apt, "has_lists", lambda: True)
    return directory


@pytest.fixture
def store(cache: Cache, fake: type[FakeSource]) -> PlayedStore:
    return PlayedStore(cache, fake, PARTS)


@pytest.mark.parametrize(
    ("asked", "package"),
    [
        (None, f"linux-image-{CLOUD}"),
        ("6.12", f"linux-image-6.12-{CLOUD}"),
        ("6.1.0-9", f"linux-image-6.1.0-9-{CLOUD}"),
        ("6.1", f"linux-image-6.1.0-56-{CLOUD}"),  # the newest that begins so; 6.12 does not
        (f"linux-image-6.1.0-9-{CLOUD}", f"linux-image-6.1.0-9-{CLOUD}"),
    ],
)
def test_what_is_meant(asked: str | None, package: str) -> None:
    assert package_for(asked, arch=ARCH) == package


@pytest.mark.parametrize("asked", ["7.0", "linux-image-none", "6.1.0-5"])
def test_a_kernel_that_there_is_not_names_those_that_there_are(asked: str) -> None:
    with pytest.raises(UsageError, match="no such kernel") as caught:
        package_for(asked, arch=ARCH)

    assert (caught.value.value, caught.value.origin) == (asked, "--kernel")
    assert f"linux-image-6.12.9-{CLOUD}" in str(caught.value)
    assert "dbg" not in str(caught.value)


def test_without_lists_nothing_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt, "has_lists", lambda: False)

    with pytest.raises(SourcePassedOverError, match="apt-get update"):
        package_for(None, arch=ARCH)


def test_missing_lists_are_fetched_by_root(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt, "has_lists", (tools / "updated").exists)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(SourcePassedOverError, match="only root can fetch them"):
        package_for("6.12", arch=ARCH)
    monkeypatch.setattr("os.geteuid", lambda: 0)

    assert package_for("6.12", arch=ARCH) == f"linux-image-6.12-{CLOUD}"


@pytest.mark.parametrize("asked", ["", "-x", "linux-image-6.12:arm64", "6.1 6.2"])
def test_a_word_that_names_no_kernel(store: PlayedStore, notes: Notes, asked: str) -> None:
    """Neither the OS's own choice, however often that was made, nor an option of apt's."""
    guest_kernel(None, store=store, progress=notes)

    for ask in (
        lambda: guest_kernel(asked, store=store, progress=notes),
        lambda: check_kernel(asked, store=store),
    ):
        with pytest.raises(UsageError, match="names no kernel") as caught:
            ask()
        assert (caught.value.value, caught.value.origin) == (asked, "--kernel")


def test_it_is_made_of_its_package(store: PlayedStore, notes: Notes) -> None:
    kernel = guest_kernel(None, store=store, progress=notes)

    assert kernel.release == f"6.1.0-56-{CLOUD}"
    assert kernel.image.read_text() == "kernel"
    assert "CONFIG_SQUASHFS=" in kernel.config.read_text()
    modules = squashed(kernel.modules)
    # Below usr: /lib is a link in the OS's layer, which a directory would hide.
    place = f"usr/lib/modules/{kernel.release}"
    assert modules[f"{place}/kernel/virtio.ko"] == b"virtio.ko"
    assert f"{place}/modules.dep" in modules
    assert {path.partition("/")[0] for path in modules} == {"usr"}
    assert kernel.packages.read_text().splitlines() == [
        f"linux-image-6.1.0-56-{CLOUD}=1:1-1",
        f"linux-image-{CLOUD}=1:1-1",
    ]


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("looked_into", ["lib/modules", "usr/lib/modules"])
def test_depmod_finds_the_modules_wherever_package_and_depmod_have_them(
    cache: Cache,
    fake: type[FakeSource],
    notes: Notes,
    tools: Path,
    *,
    merged: bool,
    looked_into: str,
) -> None:
    if merged:
        (tools / "merged").touch()
    depmod = TOOLS["depmod"].replace(b"'lib/modules'", f"'{looked_into}'".encode())
    parts = PARTS | {Component.GUEST_TOOLS: TOOLS | {"depmod": depmod}}

    kernel = guest_kernel(None, store=PlayedStore(cache, fake, parts), progress=notes)

    modules = squashed(kernel.modules)
    place = f"usr/lib/modules/{kernel.release}"
    assert modules[f"{place}/modules.dep"] == modules[f"{place}/modules.order"]
    assert modules[f"{place}/kernel/virtio.ko"] == b"virtio.ko"


def test_its_initrd_has_all_that_the_script_calls(store: PlayedStore, notes: Notes) -> None:
    found = read(guest_kernel(None, store=store, progress=notes).initrd.read_bytes())

    assert found["bin/busybox"][1] == b"busybox"
    script = found["init"][1].decode()
    for word in ("mount", "insmod", "switch_root", "poweroff", "mkdir", "sleep", "tr", "cat"):
        assert word in script
        assert found[f"bin/{word}"][1] == b"busybox"
    order = found["modules/order"][1].decode().split()
    assert order == [
        *("virtio_ring.ko", "virtio.ko", "virtio_pci.ko", "virtio_blk.ko"),
    ]
    assert found["modules/virtio_pci.ko"][1] == b"virtio_pci.ko"


def test_what_is_a_module_and_compressed_is_unpacked(
    store: PlayedStore, notes: Notes, tools: Path
) -> None:
    text = (tools / "config").read_text()
    (tools / "config").write_text(text.replace("CONFIG_SQUASHFS=y", "CONFIG_SQUASHFS=m"))

    found = read(guest_kernel(None, store=store, progress=notes).initrd.read_bytes())

    assert found["modules/order"][1].decode().split()[-1] == "squashfs.ko"
    assert found["modules/squashfs.ko"][1] == b"squashfs.ko.xz"  # the bytes that were compressed


def test_modules_come_behind_what_they_need(tmp_path: Path) -> None:
    (tmp_path / "modules.dep").write_text(
        "a/ext4.ko.zst: a/jbd2.ko.zst a/crc16.ko.zst\na/crc32c_generic.ko.zst:\na/overlay.ko:\n"
    )

    order = load_order(tmp_path, {"EXT4_FS": "m", "OVERLAY_FS": "y"})

    names = ["crc32c_generic.ko.zst", "crc16.ko.zst", "jbd2.ko.zst", "ext4.ko.zst"]
    assert [path.name for path in order] == names


def test_a_kernel_of_two_packages(store: PlayedStore, notes: Notes, tools: Path) -> None:
    (tools / "apart").touch()

    kernel = guest_kernel("6.12", store=store, progress=notes)

    assert kernel.release == f"6.12.9-{CLOUD}"
    assert f"usr/lib/modules/{kernel.release}/kernel/virtio.ko" in squashed(kernel.modules)


def test_the_second_time_nobody_is_asked(store: PlayedStore, notes: Notes, tools: Path) -> None:
    first = guest_kernel(None, store=store, progress=notes)
    for name in ("apt-get", "apt-cache", "dpkg-deb"):
        (tools / name).unlink()

    assert guest_kernel(None, store=store, progress=notes) == first
    with pytest.raises(SourcePassedOverError, match="no Debian or Ubuntu"):
        guest_kernel("6.1.0-9", store=store, progress=notes)


def test_one_that_was_asked_for_by_name_is_not_everybodys(store: PlayedStore, notes: Notes) -> None:
    named = guest_kernel("6.12", store=store, progress=notes)
    default = guest_kernel(None, store=store, progress=notes)

    assert named.release != default.release
    assert guest_kernel("6.12", store=store, progress=notes) == named


def test_the_same_package_gives_the_same_bytes(
    store: PlayedStore, notes: Notes, fake: type[FakeSource], tmp_path: Path
) -> None:
    def data(kernel: GuestKernel) -> list[bytes]:
        paths = (kernel.image, kernel.initrd, kernel.modules, kernel.config)
        return [path.read_bytes() for path in paths]

    elsewhere = PlayedStore(Cache(tmp_path / "elsewhere"), fake, PARTS)

    first = guest_kernel(None, store=store, progress=notes)
    anew = guest_kernel(None, store=elsewhere, progress=notes)

    assert first.image != anew.image
    assert data(first) == data(anew)


def test_other_packages_of_the_same_release_are_another_version(
    store: PlayedStore, notes: Notes, tools: Path, cache: Cache
) -> None:
    """A security update of a package may leave the kernel its name."""

    def made() -> str:
        return str(guest_kernel(None, store=store, progress=notes).image)

    first = made()
    (tools / "revision").write_text("another revision")
    assert made() == first  # until it is removed it stays what the word means
    for entry in cache.entries():
        if entry.component is Component.GUEST_KERNEL:
            cache.drop(entry)

    assert made() != first


def test_missing_options_are_named_and_nothing_is_kept(
    store: PlayedStore, notes: Notes, tools: Path, cache: Cache
) -> None:
    (tools / "config").write_text(config(without=("CFS_BANDWIDTH", "SQUASHFS")))

    with pytest.raises(UsageError, match="lacks options") as caught:
        guest_kernel("6.1", store=store, progress=notes)

    assert caught.value.causes == (
        "CONFIG_SQUASHFS is not set",
        "CONFIG_CFS_BANDWIDTH is not set",
    )
    assert caught.value.value == "6.1"
    assert [entry.component for entry in cache.entries()] == ["guest-tools"]
    assert list(cache.layout.tmp.iterdir()) == []


def test_cgroup_v1_may_be_what_a_cached_kernel_lacks(
    store: PlayedStore, notes: Notes, tools: Path
) -> None:
    (tools / "config").write_text(config(without=("MEMCG_V1",)))
    guest_kernel(None, store=store, progress=notes)

    for ask in (
        lambda: guest_kernel(None, cgroup_v1=True, store=store, progress=notes),
        lambda: check_kernel(None, cgroup_v1=True, store=store),
    ):
        with pytest.raises(UsageError, match="no cgroup v1") as caught:
            ask()
        assert caught.value.causes[0] == "CONFIG_MEMCG_V1 is not set"
        # The kernel that it would be told to get is the very same.
        assert caught.value.next_command is not None
        assert "--cgroup v2" in caught.value.next_command
        assert "older --kernel" in str(caught.value)


def test_the_oss_own_kernel_is_no_advice_where_that_is_what_lacks_options(
    store: PlayedStore, notes: Notes, tools: Path
) -> None:
    (tools / "config").write_text(config(without=("SQUASHFS",)))

    for asked, command in ((None, "apt-cache search"), ("6.1", "artifacts get guest-kernel")):
        with pytest.raises(UsageError, match="lacks options") as caught:
            guest_kernel(asked, store=store, progress=notes)
        assert command in str(caught.value.next_command)


def test_what_is_known_of_a_kernel_is_known_before_it_is_fetched(
    store: PlayedStore, notes: Notes, tools: Path, cache: Cache, tmp_path: Path
) -> None:
    check_kernel("6.12", store=store)
    check_kernel(None, store=store)
    check_kernel(deb(tmp_path, ARCH), store=store)
    with pytest.raises(UsageError, match="no such kernel"):
        check_kernel("7.0", store=store)
    with pytest.raises(UsageError, match="another architecture"):
        check_kernel(deb(tmp_path, "riscv64"), store=store)
    assert cache.entries() == []

    guest_kernel(None, store=store, progress=notes)
    for name in ("apt-get", "apt-cache", "dpkg-deb"):
        (tools / name).unlink()

    check_kernel(None, store=store)  # nobody is asked of what is there


def deb(tmp_path: Path, text: str, name: str = "linux-image-6.9.1-own.deb") -> str:
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


def test_a_file_of_the_users_own(store: PlayedStore, notes: Notes, tmp_path: Path) -> None:
    kernel = guest_kernel(deb(tmp_path, ARCH), store=store, progress=notes)

    assert kernel.release == "6.9.1-own"
    assert kernel.image.read_text() == "kernel"


def test_a_kernel_without_modules_needs_none(
    store: PlayedStore, notes: Notes, tools: Path, tmp_path: Path
) -> None:
    dpkg = tools / "dpkg-deb"
    dpkg.write_text(
        dpkg.read_text().replace("if '-modules-' in name or", "if '-modules-' in name and")
    )
    own = deb(tmp_path, ARCH)

    with pytest.raises(UsageError, match="holds no kernel") as caught:
        guest_kernel(own, store=store, progress=notes)
    assert "no /**/lib/modules/6.9.1-own/kernel in it" in str(caught.value)

    (tools / "config").write_text(config().replace("=m", "=y"))
    kernel = guest_kernel(own, store=store, progress=notes)

    place = "usr/lib/modules/6.9.1-own"
    assert squashed(kernel.modules)[f"{place}/modules.dep"] == b""
    assert read(kernel.initrd.read_bytes())["modules/order"][1] == b""


@pytest.mark.parametrize(
    ("text", "name", "what"),
    [
        ("text", "notes.deb", "no package of Debian's kind"),
        ("riscv64", "linux-image-6.9.1-own.deb", "another architecture"),
        (ARCH, "linux-image-meta.deb", "holds no kernel"),
    ],
)
def test_a_file_that_will_not_do(
    store: PlayedStore, notes: Notes, tmp_path: Path, text: str, name: str, what: str
) -> None:
    path = deb(tmp_path, text, name)

    with pytest.raises(UsageError, match=what) as caught:
        guest_kernel(path, store=store, progress=notes)
    assert (caught.value.value, caught.value.origin) == (path, "--kernel")


@pytest.mark.parametrize("path", ["none.deb", "there/is/none"])
def test_a_file_that_there_is_not(store: PlayedStore, notes: Notes, path: str) -> None:
    with pytest.raises(UsageError, match="no such file"):
        guest_kernel(path, store=store, progress=notes)
