"""The OS's package: versions, missing libraries, and an archive played by small programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podresize.artifacts import apt
from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.libraries import missing_libraries, package_of
from podresize.artifacts.package import OsPackage, upstream_version
from podresize.artifacts.source import SourcePassedOverError
from podresize.artifacts.store import Store
from podresize.errors import HostError

if TYPE_CHECKING:
    from tests.artifacts.conftest import Notes


@pytest.mark.parametrize(
    ("full", "upstream"),
    [
        ("1.1.5+ds1-1+deb12u1", "1.1.5"),
        ("3.4.23-4+b4", "3.4.23"),
        ("1.1.12-0ubuntu2~22.04.1", "1.1.12"),
        ("1:2.3-1", "2.3"),
        ("1.8.1", "1.8.1"),
    ],
)
def test_the_upstream_part_of_a_version(full: str, upstream: str) -> None:
    assert upstream_version(full) == upstream


def test_missing_libraries_and_their_packages() -> None:
    said = "\tlinux-vdso.so.1 (0x1)\n\tlibyajl.so.2 => not found\n\tlibc.so.6 => /lib/libc.so.6\n"
    depends = "libc6 (>= 2.34), libseccomp2 (>= 2.2.1), libyajl2 (>= 2.0.4), libssl3t64"

    assert missing_libraries(said) == ["libyajl.so.2"]
    assert package_of("libyajl.so.2", depends) == "libyajl2"
    assert package_of("libssl.so.3", depends) == "libssl3t64"
    assert package_of("libnone.so.1", depends) is None


TOOLS = {
    "apt-cache": "print('runc:\\n  Installed: (none)\\n  Candidate: 1.1.5+ds1-1')",
    "apt-get": "open(sys.argv[-1].partition(':')[0] + '.deb', 'w').write('deb')",
    "dpkg-deb": """
if sys.argv[1] == '--extract':
    path = pathlib.Path(sys.argv[3]) / 'usr/sbin/runc'
    path.parent.mkdir(parents=True)
    path.write_text('runc')
else:
    print('libc6 (>= 2.34), libseccomp2 (>= 2.5.0)')
""",
    "ldd": "print('\\tlibc.so.6 => /lib/libc.so.6 (0x1)')",
}


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "bin"
    directory.mkdir()
    for name, script in TOOLS.items():
        play(directory, name, script)
    monkeypatch.setenv("PATH", str(directory))
    return directory


def play(directory: Path, name: str, script: str) -> None:
    (directory / name).write_text(f"#!{sys.executable}\nimport pathlib, sys\n{script}\n")
    (directory / name).chmod(0o755)


@pytest.mark.usefixtures("tools")
def test_a_package_is_unpacked_into_the_cache(cache: Cache, notes: Notes) -> None:
    artifact = Store(cache, [OsPackage()]).get(Component.RUNC, progress=notes)

    assert (artifact.version, artifact.source) == ("1.1.5", Source.PACKAGE)
    assert artifact.files["runc"].read_text() == "runc"


@pytest.mark.usefixtures("tools")
def test_another_version_names_the_one_that_is_offered(cache: Cache, notes: Notes) -> None:
    with pytest.raises(HostError, match=r"the OS offers runc 1\.1\.5, not 1\.3\.3"):
        Store(cache, [OsPackage()]).get(Component.RUNC, "1.3.3", progress=notes)


def test_missing_libraries_name_what_to_install(cache: Cache, notes: Notes, tools: Path) -> None:
    play(tools, "ldd", "print('\\tlibseccomp.so.2 => not found')")

    with pytest.raises(HostError, match="shared libraries") as caught:
        Store(cache, [OsPackage()]).get(Component.RUNC, progress=notes)

    assert caught.value.next_command == "apt-get install libseccomp2"
    assert cache.entries() == []


def test_what_apt_says_is_passed_on(
    cache: Cache, notes: Notes, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    play(tools, "apt-get", "sys.exit('E: Failed to fetch x  404  Not Found')")

    with pytest.raises(HostError, match="apt-get download failed: Failed to fetch x  404"):
        Store(cache, [OsPackage()]).get(Component.RUNC, progress=notes)


def test_a_disk_that_is_full_while_it_is_unpacked_is_the_hosts(
    cache: Cache, notes: Notes, tools: Path
) -> None:
    said = "dpkg-deb: error: cannot copy: No space left on device"
    play(tools, "dpkg-deb", f"sys.exit('{said}')")

    with pytest.raises(HostError, match="is full"):
        Store(cache, [OsPackage()]).get(Component.RUNC, progress=notes)
    assert list(cache.layout.tmp.iterdir()) == []


def test_a_disk_of_the_hosts_own_that_is_full_is_told_as_it_says(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(tools, "apt-get", "sys.exit('E: first\\nE: Write error (28: No space left on device)')")
    monkeypatch.setattr(apt, "has_lists", lambda: False)
    monkeypatch.setattr("os.geteuid", lambda: 0)

    with pytest.raises(SourcePassedOverError, match="No space left on device"):
        apt.need_lists()


def test_what_is_there_is_counted_while_packages_are_fetched(tools: Path, tmp_path: Path) -> None:
    play(
        tools,
        "apt-get",
        "import time\nfor word in sys.argv[3:]:\n"
        "    pathlib.Path(word.partition(':')[0] + '.deb').touch()\ntime.sleep(1.5)",
    )
    (tmp_path / "other.deb").touch()
    seen: list[tuple[float, float | None]] = []

    def advance(done: float, total: float | None) -> None:
        seen.append((done, total))

    found = apt.download(("a", "b"), "amd64", tmp_path, advance=advance)

    assert [path.name for path in found] == ["a.deb", "b.deb"]
    assert seen[-1] == (2, 2)


def test_missing_lists_are_fetched_by_root_only(
    cache: Cache, notes: Notes, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(tools, "apt-cache", "print('runc:\\n  Candidate: (none)')")
    play(tools, "apt-get", "open(pathlib.Path(__file__).with_name('updated'), 'w')")
    monkeypatch.setattr(apt, "has_lists", lambda: False)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    store = Store(cache, [OsPackage()])

    with pytest.raises(HostError, match="only root can fetch them"):
        store.get(Component.RUNC, progress=notes)
    assert not (tools / "updated").exists()

    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(HostError):
        store.get(Component.RUNC, progress=notes)
    assert (tools / "updated").exists()
