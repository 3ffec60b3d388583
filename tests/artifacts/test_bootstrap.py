"""The OS as a root file system: what mmdebstrap is told, played by small programs."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.host import host_arch
from podresize.artifacts.package import OsPackage
from podresize.artifacts.progress import Advance, Silent
from podresize.artifacts.store import Store
from podresize.errors import HostError

if TYPE_CHECKING:
    from tests.artifacts.conftest import Notes

TARGETS = """
Debian|http://os.test/debian/|bookworm|main
Debian|http://os.test/debian/|bookworm|main
Debian|http://os.test/security/|bookworm-security|main
Vendor|http://vendor.test/apt/|stable|main
"""
STATUS = """\
Package: systemd
Status: install ok installed
Version: 252.39-1~deb12u2
Description: system and service manager
 Package: what a description may hold

Package: gone
Status: deinstall ok config-files
Version: 1

Package: crun
Status: install ok installed
Version: 1.8.1-1+deb12u1
"""
TOOLS = {
    "apt-cache": "print('systemd:\\n  Candidate: 252.39-1~deb12u2')",
    "apt-get": f"""
if sys.argv[1] == 'indextargets':
    print({TARGETS.strip()!r})
else:
    open(sys.argv[-1].partition(':')[0] + '.deb', 'w').write('deb')
""",
    "dpkg-deb": "(pathlib.Path(sys.argv[3]) / 'usr/bin').mkdir(parents=True)",
    # It plays perl: its first argument is mmdebstrap's path, the last two are target and sources.
    "perl": f"""
import io, tarfile
with tarfile.open(sys.argv[-2], 'w') as archive:
    status = tarfile.TarInfo('./var/lib/dpkg/status')
    status.size = {len(STATUS)}
    archive.addfile(status, io.BytesIO({STATUS.encode()!r}))
told = {{'arguments': sys.argv[2:-3], 'release': sys.argv[-3], 'path': os.environ['PATH']}}
told |= {{'sources': open(sys.argv[-1]).read(), 'epoch': os.environ['SOURCE_DATE_EPOCH']}}
pathlib.Path(__file__).with_name('told').write_text(json.dumps(told))
""",
}


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "bin"
    directory.mkdir()
    for name, script in TOOLS.items():
        play(directory, name, script)
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"VERSION_CODENAME": "bookworm"})
    return directory


def play(directory: Path, name: str, script: str) -> None:
    (directory / name).write_text(f"#!{sys.executable}\nimport json, os, pathlib, sys\n{script}\n")
    (directory / name).chmod(0o755)


def told(tools: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tools / "told").read_text())
    return found


def test_it_is_made_of_the_oss_own_archives(cache: Cache, notes: Notes, tools: Path) -> None:
    artifact = Store(cache, [OsPackage()]).get(Component.NODE_BASE, progress=notes)

    assert artifact.source is Source.PACKAGE
    assert re.fullmatch(r"252\.39-1~deb12u2\.[0-9a-f]{8}", artifact.version)
    assert artifact.files["packages.txt"].read_text() == (
        "crun=1.8.1-1+deb12u1\nsystemd=252.39-1~deb12u2\n"
    )
    said = told(tools)
    assert said["sources"].splitlines() == [
        "deb http://os.test/debian/ bookworm main",
        "deb http://os.test/security/ bookworm-security main",
    ]
    assert (said["release"], said["epoch"]) == ("bookworm", "0")


def test_what_it_holds_is_the_rows(cache: Cache, notes: Notes, tools: Path) -> None:
    Store(cache, [OsPackage()]).get(Component.NODE_BASE, progress=notes)

    arguments = told(tools)["arguments"]
    (include,) = [each for each in arguments if each.startswith("--include=")]
    assert {"systemd", "systemd-sysv", "iptables", "crun"} <= set(include[10:].split(","))
    assert f"--architectures={host_arch()}" in arguments
    assert "--dpkgopt=path-exclude=/usr/share/doc/*" in arguments
    # Where packages are merged, and where not: nothing but crun starts dbus.
    for usr in ("", "/usr"):
        assert f"--dpkgopt=path-exclude={usr}/lib/systemd/system/*.wants/dbus.*" in arguments
    # Its helpers lie beside it, where nothing else looks.
    assert told(tools)["path"].partition(":")[0].endswith("/mmdebstrap/usr/bin")


def test_nothing_of_the_host_stays_in_it(
    cache: Cache, notes: Notes, tools: Path, tmp_path: Path
) -> None:
    Store(cache, [OsPackage()]).get(Component.NODE_BASE, progress=notes)
    root = tmp_path / "root"
    brought = ("etc/hostname", "etc/resolv.conf", "etc/apt/sources.list.d/0000sources.list")
    for place in (*brought, "etc/hosts"):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text("the host's")
    (root / "var" / "log").mkdir(parents=True)

    for argument in told(tools)["arguments"]:
        if argument.startswith("--customize-hook="):
            # As mmdebstrap runs it.
            command = ["/bin/sh", "-c", argument.partition("=")[2], "exec", root]
            subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, check=True)

    assert [path.name for path in root.rglob("*") if path.is_file()] == ["hosts"]


@pytest.mark.usefixtures("tools")
def test_one_that_was_made_otherwise_is_not_taken_for_todays(cache: Cache, notes: Notes) -> None:
    with cache.layout.work("older") as work:
        (work / "rootfs.tar").write_bytes(b"without the list of its packages")
        cache.store(
            Component.NODE_BASE,
            "252.39",
            arch=host_arch(),
            source=Source.PACKAGE,
            files={"rootfs.tar": work / "rootfs.tar"},
        )

    made = Store(cache, [OsPackage()]).get(Component.NODE_BASE, progress=notes)
    again = Store(cache, [OsPackage()]).get(Component.NODE_BASE, progress=notes)

    assert "packages.txt" in made.files
    assert (again.version, again.cached) == (made.version, True)


def test_what_went_wrong_is_told(cache: Cache, notes: Notes, tools: Path) -> None:
    play(tools, "perl", "sys.exit('E: apt-get update failed')")

    with pytest.raises(HostError, match="apt-get update failed"):
        Store(cache, [OsPackage()]).get(Component.NODE_BASE, progress=notes)
    assert cache.entries() == []


@pytest.mark.parametrize("option", ["--quiet", "-q", "--silent"])
def test_what_apt_and_dpkg_say_is_not_held_back(
    cache: Cache, notes: Notes, tools: Path, option: str
) -> None:
    """A quiet mmdebstrap drops it where they fail."""
    Store(cache, [OsPackage()]).get(Component.NODE_BASE, progress=notes)

    assert option not in told(tools)["arguments"]


def test_a_full_disk_is_the_hosts(cache: Cache, notes: Notes, tools: Path) -> None:
    said = "E: setup failed: E: apt-get failed\\ndpkg: cannot write: No space left on device"
    play(tools, "perl", f"sys.exit('{said}')")

    with pytest.raises(HostError, match="is full") as caught:
        Store(cache, [OsPackage()]).get(Component.NODE_BASE, progress=notes)
    assert "prune" in str(caught.value.next_command)
    assert list(cache.layout.tmp.iterdir()) == []


def test_it_has_processes_and_mounts_of_its_own(cache: Cache, notes: Notes, tools: Path) -> None:
    """It mounts the host's /dev/shm into a directory that is removed after a kill."""
    played = """
words = sys.argv[1:]
program = next(number for number, word in enumerate(words) if not word.startswith('--'))
if words[program] != 'true':
    pathlib.Path(__file__).with_name('how').write_text(' '.join(words[:program]))
    os.execv(words[program], words[program:])
"""
    play(tools, "unshare", played)

    Store(cache, [OsPackage()]).get(Component.NODE_BASE, progress=notes)

    assert (tools / "how").read_text() == "--pid --fork --kill-child --mount-proc"
    assert told(tools)["release"] == "bookworm"


class Watched(Silent):
    """Keeps how far each work was said to be."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, float]] = []

    @contextlib.contextmanager
    def work(self, what: str, *, unit: str) -> Iterator[Advance]:
        assert unit == "packages"
        yield lambda done, _total: self.seen.append((what, done))


def test_while_it_installs_the_packages_are_counted(cache: Cache, tools: Path) -> None:
    counting = """
import time
place = pathlib.Path(os.environ['TMPDIR'], 'mmdebstrap.x/var/lib/dpkg/info')
place.mkdir(parents=True)
for name in ('a', 'b'):
    (place / (name + '.list')).touch()
time.sleep(1.5)
"""
    play(tools, "perl", f"{counting}{TOOLS['perl']}")
    progress = Watched()

    Store(cache, [OsPackage()]).get(Component.NODE_BASE, progress=progress)

    what, done = progress.seen[-1]
    assert what.endswith("installing systemd")
    assert done == 2


def test_another_architecture_is_not_tried(cache: Cache, notes: Notes, tools: Path) -> None:
    other = "arm64" if host_arch() == "amd64" else "amd64"

    with pytest.raises(HostError, match=f"runs on {other} only"):
        Store(cache, [OsPackage()]).get(Component.NODE_BASE, arch=other, progress=notes)
    assert not (tools / "told").exists()
