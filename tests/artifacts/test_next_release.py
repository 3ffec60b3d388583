"""A program of the OS's next release: only by its version, and with all that it needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podresize.artifacts.artifact import LOADER, Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.host import host_arch
from podresize.artifacts.next_release import NextRelease
from podresize.artifacts.source import SourcePassedOverError
from podresize.artifacts.store import Store
from podresize.errors import HostError

if TYPE_CHECKING:
    from tests.artifacts.conftest import Notes

# apt as far as it is asked: lists of one release, a package of it, and what it depends on.
TOOLS = {
    "apt-get": """
if 'indextargets' in sys.argv:
    print('Debian|http://deb.example/debian|bookworm|main')
elif 'update' in sys.argv:
    (source,) = [word for word in sys.argv if word.startswith('Dir::Etc::sourcelist=')]
    assert ' trixie main' in pathlib.Path(source.partition('=')[2]).read_text()
else:
    for word in sys.argv[1:]:
        if ':' in word and '=' not in word:
            open(word.partition(':')[0] + '.deb', 'w').write('deb')
""",
    "apt-cache": """
if 'policy' in sys.argv:
    print('crun:\\n  Candidate: 1.21-1')
else:
    print('Package: crun\\nDepends: libc6 (>= 2.38), libyajl2 (>= 2.0.4)')
""",
    "dpkg-deb": """
package, root = pathlib.Path(sys.argv[2]).stem, pathlib.Path(sys.argv[3])
place = {'crun': 'usr/bin/crun', 'libc6': 'usr/lib/x/ld-linux-x.so.2'}.get(package)
if place:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('ELF' if package == 'crun' else LISTING)
    path.chmod(0o755)
else:
    (root / 'usr/lib/x').mkdir(parents=True, exist_ok=True)
    (root / 'usr/lib/x/libyajl.so.2').write_text('yajl')
""",
}
# The loader: it lists what a program needs, and else says how it was started.
LISTING = f"""#!{sys.executable}
import os, sys
here = sys.argv[2]
if '--list' in sys.argv:
    print('    libyajl.so.2 => ' + here + '/libyajl.so.2 (0x1)')
else:
    print(sys.argv[1:], os.environ.get('LD_LIBRARY_PATH'))
"""


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "bin"
    directory.mkdir()
    for name, script in TOOLS.items():
        text = f"#!{sys.executable}\nimport pathlib, sys\nLISTING = {LISTING!r}\n{script}"
        (directory / name).write_text(text)
        (directory / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"VERSION_CODENAME": "bookworm"})
    return directory


def test_it_is_started_by_its_own_loader_with_libraries_of_its_own(
    cache: Cache, notes: Notes
) -> None:
    artifact = Store(cache, [NextRelease()]).get(Component.CRUN, "1.21", progress=notes)
    here = artifact.files["crun"].parent

    assert artifact.source is Source.NEXT_RELEASE
    assert set(artifact.files) == {"crun", "crun.elf", LOADER, "libyajl.so.2"}
    said = subprocess.run(
        [artifact.files["crun"], "--version"],
        env={"LD_LIBRARY_PATH": "/of/others"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    words = ["--library-path", str(here), str(here / "crun.elf"), "--version"]
    assert said == f"{words} None\n"


def test_nobody_gets_it_without_asking(cache: Cache, notes: Notes) -> None:
    store = Store(cache, [NextRelease()])
    store.get(Component.CRUN, "1.21", progress=notes)

    with pytest.raises(HostError, match="no source delivers it") as caught:
        store.get(Component.CRUN, progress=notes)
    assert "a version has to be named" in str(caught.value)


def test_another_version_names_the_one_that_is_there(cache: Cache, notes: Notes) -> None:
    with pytest.raises(HostError) as caught:
        Store(cache, [NextRelease()]).get(Component.CRUN, "1.99", progress=notes)
    assert "trixie has crun 1.21, not 1.99" in str(caught.value)


def test_a_library_that_is_missing_is_told(cache: Cache, notes: Notes, tools: Path) -> None:
    dpkg = tools / "dpkg-deb"
    dpkg.write_text(dpkg.read_text().replace("here + '/libyajl", "'/lib/libyajl"))

    with pytest.raises(HostError) as caught:
        Store(cache, [NextRelease()]).get(Component.CRUN, "1.21", progress=notes)
    assert "crun needs more libraries: libyajl.so.2" in str(caught.value)


@pytest.mark.parametrize(
    ("component", "codename", "why"),
    [
        (Component.RUNC, "bookworm", "not taken from the OS's next release"),
        (Component.CRUN, "sid", "no release after sid is known"),
        (Component.CRUN, "", "no release after this one is known"),
    ],
)
def test_what_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch, component: Component, codename: str, why: str
) -> None:
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"VERSION_CODENAME": codename})

    with pytest.raises(SourcePassedOverError, match=why):
        NextRelease().version_for(component, "1.21", arch=host_arch())
