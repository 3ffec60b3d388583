"""The OS as a root file system: what mmdebstrap is told, played by small programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.host import host_arch
from podresize.artifacts.package import OsPackage
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
    "perl": """
pathlib.Path(sys.argv[-2]).write_bytes(b'tar')
told = {'arguments': sys.argv[2:-3], 'release': sys.argv[-3], 'path': os.environ['PATH']}
told |= {'sources': open(sys.argv[-1]).read(), 'epoch': os.environ['SOURCE_DATE_EPOCH']}
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

    assert (artifact.version, artifact.source) == ("252.39", Source.PACKAGE)
    assert artifact.files["rootfs.tar"].read_bytes() == b"tar"
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
    # Its helpers lie beside it, where nothing else looks.
    assert told(tools)["path"].partition(":")[0].endswith("/mmdebstrap/usr/bin")


def test_what_went_wrong_is_told(cache: Cache, notes: Notes, tools: Path) -> None:
    play(tools, "perl", "sys.exit('E: apt-get update failed')")

    with pytest.raises(HostError, match="apt-get update failed"):
        Store(cache, [OsPackage()]).get(Component.NODE_BASE, progress=notes)
    assert cache.entries() == []


def test_another_architecture_is_not_tried(cache: Cache, notes: Notes, tools: Path) -> None:
    other = "arm64" if host_arch() == "amd64" else "amd64"

    with pytest.raises(HostError, match=f"runs on {other} only"):
        Store(cache, [OsPackage()]).get(Component.NODE_BASE, arch=other, progress=notes)
    assert not (tools / "told").exists()
