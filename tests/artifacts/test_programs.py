"""Programs of several packages: all that they load, the libraries of their libraries too."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podresize.artifacts.artifact import Component
from podresize.artifacts.cache import Cache
from podresize.artifacts.guest import qemu
from podresize.artifacts.host import host_arch
from podresize.artifacts.libraries import package_of
from podresize.artifacts.package import OsPackage
from podresize.artifacts.programs import MACHINES, environment_of
from podresize.artifacts.store import Store
from podresize.errors import HostError

if TYPE_CHECKING:
    from tests.artifacts.conftest import Notes

MACHINE = MACHINES[host_arch()]
_NEEDED = "libslirp0 (>= 4.7.0), libglib2.0-0 (>= 2.56), libc6 (>= 2.34)"
# What each package installs, and what it depends on.
INSTALLS = {
    "qemu-utils": (["usr/bin/qemu-img"], "libc6 (>= 2.34)"),
    "qemu-system-x86": (["usr/bin/qemu-system-x86_64"], _NEEDED),
    "qemu-system-arm": (["usr/bin/qemu-system-aarch64"], _NEEDED),
    "qemu-system-common": (
        [f"usr/lib/x/qemu/accel-tcg-{MACHINE}.so", "usr/lib/x/qemu/ui-curses.so"],
        "libcacard0",
    ),
    "qemu-system-data": (
        [
            *(f"usr/share/qemu/{name}.bin" for name in ("linuxboot_dma", "multiboot", "pvh")),
            "usr/share/qemu/kvmvapic.bin",
        ],
        "",
    ),
    "seabios": (["usr/share/seabios/bios-256k.bin", "usr/share/seabios/bios-microvm.bin"], ""),
    "ipxe-qemu": (["usr/lib/ipxe/qemu/efi-virtio.rom"], ""),
    # Two libraries in one package, of which one needs a third in another.
    # On older hosts these are not merged.
    "squashfs-tools": (["usr/bin/mksquashfs"], "liblzo2-2"),
    "e2fsprogs": (["sbin/mke2fs"], ""),
    "kmod": (["bin/kmod"], ""),
    "busybox-static": (["bin/busybox"], ""),
    "zstd": (["usr/bin/zstd"], ""),
    "libglib2.0-0": (["usr/lib/x/libglib-2.0.so.0"], ""),
    "libslirp0": (["usr/lib/x/libslirp.so.0", "usr/lib/x/libbeside.so.1"], "libnl-3-200"),
    "libnl-3-200": (["usr/lib/x/libnl-3.so.200"], ""),
}
NEEDS = {
    "qemu-system": ["libslirp.so.0"],
    "libslirp.so.0": ["libbeside.so.1", "libnl-3.so.200"],
}
TOOLS = {
    "apt-cache": "print('qemu-utils:\\n  Candidate: 1:7.2+dfsg-7+deb12u18')",
    "apt-get": """
for word in sys.argv[1:]:
    name = word.partition(':')[0]
    if name in INSTALLS:
        pathlib.Path(name + '.deb').write_text('deb')
if sys.argv[1] == 'update':
    pathlib.Path(__file__).with_name('updated').touch()
""",
    "dpkg-deb": """
name = pathlib.Path(sys.argv[3] if sys.argv[1] == '--show' else sys.argv[2]).stem
if sys.argv[1] == '--show' and '${Version}' in sys.argv[2]:
    print(name + '=1:1-1', end='')
elif sys.argv[1] == '--show':
    print(INSTALLS[name][1], end=', ')
else:
    for place in INSTALLS[name][0]:
        path = pathlib.Path(sys.argv[3], place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'\\x7fELF' + place.encode())
""",
    # As the real one: a library that is found is looked into as well.
    "ldd": """
import os
beside = pathlib.Path(os.environ['LD_LIBRARY_PATH'])
asked = any('/qemu-system-' in word for word in sys.argv[1:])
wanted = [*NEEDS['qemu-system']] if asked else []
for name in wanted:
    if (beside / name).exists():
        wanted += NEEDS.get(name, ())
        print('\\t' + name + ' => /beside/' + name + ' (0x1)')
    else:
        print('\\t' + name + ' => not found')
""",
}


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "bin"
    directory.mkdir()
    for name, script in TOOLS.items():
        text = f"#!{sys.executable}\nimport pathlib, sys\nINSTALLS = {INSTALLS!r}\n"
        (directory / name).write_text(f"{text}NEEDS = {NEEDS!r}\n{script}\n")
        (directory / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(directory))
    return directory


@pytest.mark.usefixtures("tools")
def test_qemu_is_unpacked_with_all_that_it_loads(cache: Cache, notes: Notes) -> None:
    artifact = Store(cache, [OsPackage()]).get(Component.QEMU, progress=notes)

    assert re.fullmatch(r"7\.2\+dfsg-7\+deb12u18\.[0-9a-f]{8}", artifact.version)
    assert set(artifact.files) == {
        *("qemu-img", f"qemu-system-{MACHINE}", f"accel-tcg-{MACHINE}.so"),
        *("bios-256k.bin", "bios-microvm.bin", "kvmvapic.bin", "efi-virtio.rom"),
        *("linuxboot_dma.bin", "multiboot.bin", "pvh.bin"),
        # One that lies in the package of another, and one that only a library needs.
        *("libslirp.so.0", "libbeside.so.1", "libnl-3.so.200"),
        "packages.txt",
    }
    packages = artifact.files["packages.txt"].read_text().splitlines()
    assert packages == sorted(packages)
    assert {"qemu-utils=1:1-1", "seabios=1:1-1", "libnl-3-200=1:1-1"} <= set(packages)


@pytest.mark.usefixtures("tools")
def test_it_finds_its_own_libraries_modules_and_firmware(cache: Cache, notes: Notes) -> None:
    found = qemu(store=Store(cache, [OsPackage()]), progress=notes)

    assert found.system.name == f"qemu-system-{MACHINE}"
    assert found.image.name == "qemu-img"
    assert (found.data / "bios-256k.bin").is_file()
    for name in ("LD_LIBRARY_PATH", "QEMU_MODULE_DIR"):
        assert found.environment[name] == str(found.data)


@pytest.mark.usefixtures("tools")
def test_the_second_time_nobody_is_asked(
    cache: Cache, notes: Notes, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(cache, [OsPackage()])
    first = store.get(Component.QEMU, progress=notes)
    monkeypatch.setenv("PATH", str(tools / "none"))

    again = store.get(Component.QEMU, progress=notes)

    assert (again.cached, again.version) == (True, first.version)


@pytest.mark.parametrize("usr", ["", "usr/"])
def test_tools_are_found_wherever_the_release_has_them(
    cache: Cache, notes: Notes, tools: Path, usr: str
) -> None:
    dpkg = tools / "dpkg-deb"
    text = dpkg.read_text()
    for place in ("sbin/mke2fs", "bin/kmod", "bin/busybox"):
        text = text.replace(f"'{place}'", f"'{usr}{place}'")
    dpkg.write_text(text)

    artifact = Store(cache, [OsPackage()]).get(Component.GUEST_TOOLS, progress=notes)

    for name, place in (("mke2fs", "sbin/mke2fs"), ("depmod", "bin/kmod")):
        assert artifact.files[name].read_bytes().endswith(f"{usr}{place}".encode())
    assert "busybox" in artifact.files


def test_a_library_that_was_replaced_since_is_fetched_by_new_lists(
    cache: Cache, notes: Notes, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt = tools / "apt-get"
    fails = """
if any(word.startswith('libslirp0') for word in sys.argv) \\
        and not pathlib.Path(__file__).with_name('updated').exists():
    sys.exit('E: Failed to fetch libslirp0 404 Not Found')
"""
    head, _, rest = apt.read_text().partition("NEEDS")
    apt.write_text(f"{head}{fails}NEEDS{rest}")
    store = Store(cache, [OsPackage()])
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(HostError, match="404"):
        store.get(Component.QEMU, progress=notes)
    monkeypatch.setattr("os.geteuid", lambda: 0)

    assert "libslirp.so.0" in store.get(Component.QEMU, progress=notes).files


def test_programs_of_another_host_are_fetched_anew(cache: Cache, notes: Notes, tools: Path) -> None:
    """A cache may come from an image of the same OS that had libraries which this one lacks."""
    store = Store(cache, [OsPackage()])
    before = store.get(Component.QEMU, progress=notes)
    assert "libglib-2.0.so.0" not in before.files
    ldd = tools / "ldd"
    ldd.write_text(
        ldd.read_text().replace("['libslirp.so.0']", "['libslirp.so.0', 'libglib-2.0.so.0']")
    )

    anew = store.get(Component.QEMU, progress=notes)

    assert (anew.cached, anew.version) == (False, before.version)
    assert "libglib-2.0.so.0" in anew.files
    assert any("this host lacks, libglib-2.0.so.0;" in line for line in notes.lines)
    assert store.get(Component.QEMU, progress=notes).cached


def test_programs_for_a_newer_c_library_are_fetched_anew(
    cache: Cache, notes: Notes, tools: Path
) -> None:
    store = Store(cache, [OsPackage()])
    store.get(Component.QEMU, progress=notes)
    ldd = tools / "ldd"
    said = 'sys.exit("qemu: /lib/libc.so.6: version `GLIBC_2.38\' not found (required by qemu)")'
    ldd.write_text(f"{ldd.read_text()}\n{said}\n")

    assert not store.get(Component.QEMU, progress=notes).cached
    assert any("GLIBC_2.38" in line for line in notes.lines)


def test_a_package_that_lacks_a_file_is_told(cache: Cache, notes: Notes, tools: Path) -> None:
    dpkg = tools / "dpkg-deb"
    dpkg.write_text(dpkg.read_text().replace("bios-256k", "other"))

    with pytest.raises(HostError) as caught:
        Store(cache, [OsPackage()]).get(Component.QEMU, progress=notes)
    assert "no /usr/share/seabios/bios-256k.bin" in str(caught.value)
    assert cache.entries() == []


def test_a_qemu_that_emulates_without_a_module_is_one(
    cache: Cache, notes: Notes, tools: Path
) -> None:
    """As that for arm64 does."""
    dpkg = tools / "dpkg-deb"
    dpkg.write_text(dpkg.read_text().replace(f"accel-tcg-{MACHINE}", "accel-other"))

    artifact = Store(cache, [OsPackage()]).get(Component.QEMU, progress=notes)

    assert f"accel-tcg-{MACHINE}.so" not in artifact.files
    assert f"qemu-system-{MACHINE}" in artifact.files


def test_another_architecture_is_not_tried(cache: Cache, notes: Notes, tools: Path) -> None:
    del tools
    other = "arm64" if host_arch() == "amd64" else "amd64"

    with pytest.raises(HostError, match=f"run here only as {host_arch()}"):
        Store(cache, [OsPackage()]).get(Component.QEMU, arch=other, progress=notes)


@pytest.mark.usefixtures("tools")
def test_programs_that_lack_nothing_need_no_variable(cache: Cache, notes: Notes) -> None:
    artifact = Store(cache, [OsPackage()]).get(Component.QEMU, progress=notes)
    for name in [name for name in artifact.files if ".so." in name]:
        del artifact.files[name]

    assert environment_of(artifact) == {}


@pytest.mark.parametrize(
    ("soname", "package"),
    [
        ("libglib-2.0.so.0", "libglib2.0-0"),
        ("libgcc_s.so.1", "libgcc-s1"),
        ("libnl-route-3.so.200", "libnl-route-3-200"),
        ("libjpeg.so.62", "libjpeg62-turbo"),
        ("libfuse3.so.3", "libfuse3-3"),
        ("libaio.so.1", "libaio1t64"),
    ],
)
def test_a_librarys_package(soname: str, package: str) -> None:
    names = ("libgcc-s1", "libglib2.0-0", "libnl-3-200", "libnl-route-3-200", "libjpeg62-turbo")
    depends = ", ".join(f"{name} (>= 1)" for name in (*names, "libfuse3-3", "libaio1t64"))

    assert package_of(soname, depends) == package
