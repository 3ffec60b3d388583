"""Packages as a pod image: what goes in, the same bytes again, and an archive that is played."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.catalogue import JVM_IMAGE, RECIPES, PackageImage
from podresize.artifacts.package import OsPackage
from podresize.artifacts.package_image import pack
from podresize.artifacts.source import SourcePassedOverError
from podresize.artifacts.store import Store
from podresize.errors import HostError

if TYPE_CHECKING:
    from tests.artifacts.conftest import Notes

JAVA = "usr/lib/jvm/java-17/bin/java"
LOADER = "lib/x/ld.so"


def package(path: Path, files: dict[str, str], *, links: dict[str, str] | None = None) -> Path:
    """Write what a package would install, as ``dpkg-deb --fsys-tarfile`` does."""
    with tarfile.open(path, "w") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size, info.mode, info.mtime, info.uid = len(text), 0o755, 1_700_000_000, 7
            archive.addfile(info, io.BytesIO(text.encode()))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(f"./{name}")
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
        directory = tarfile.TarInfo("./usr")
        directory.type = tarfile.DIRTYPE
        archive.addfile(directory)
    return path


def trees(work: Path) -> list[Path]:
    work.mkdir()
    return [
        package(work / "a.tar", {JAVA: "java", "usr/share/doc/java/copyright": "long"}),
        package(work / "b.tar", {LOADER: "loader"}, links={"lib64/ld.so": "/lib/x/ld.so"}),
    ]


def recipe() -> PackageImage:
    found = RECIPES[Component.JVM].package
    assert isinstance(found, PackageImage)
    return found


def packed(work: Path) -> Path:
    return pack(recipe(), trees(work), arch="amd64", work=work)["jvm.tar"]


def test_a_layer_is_what_the_packages_hold_with_one_usr(tmp_path: Path) -> None:
    packed(tmp_path / "work")

    with tarfile.open(tmp_path / "work" / "layer.tar") as layer:
        found = {item.name: item for item in layer}
        text = layer.extractfile(f"usr/{LOADER}")

        assert text is not None
        assert text.read() == b"loader"
    assert found["lib64"].linkname == "usr/lib64"
    assert found["usr/lib64/ld.so"].linkname == "/lib/x/ld.so"
    assert (found[JAVA].mode, found[JAVA].uid, found[JAVA].mtime) == (0o755, 0, 0)
    assert found["tmp"].mode == 0o1777
    assert not any("share" in name for name in found)


def test_an_image_starts_the_program(tmp_path: Path) -> None:
    with tarfile.open(packed(tmp_path / "work")) as image:
        index = json.load(image.extractfile("index.json") or io.BytesIO())
        manifest = json.load(image.extractfile("manifest.json") or io.BytesIO())
        config = json.load(image.extractfile(manifest[0]["Config"]) or io.BytesIO())

    names = index["manifests"][0]["annotations"]
    assert names["io.containerd.image.name"] == JVM_IMAGE
    assert config["config"]["Entrypoint"] == [f"/{JAVA}"]
    assert config["config"]["Env"] == ["PATH=/usr/lib/jvm/java-17/bin"]


def test_the_same_packages_give_the_same_bytes(tmp_path: Path) -> None:
    assert packed(tmp_path / "one").read_bytes() == packed(tmp_path / "two").read_bytes()


def test_packages_without_the_program_are_passed_over(tmp_path: Path) -> None:
    other = package(tmp_path / "a.tar", {"usr/lib/other": "x"})

    with pytest.raises(SourcePassedOverError, match="has no /usr/lib/jvm"):
        pack(recipe(), [other], arch="amd64", work=tmp_path)


TOOLS = {
    # The OS offers another release's JVM only.
    "apt-cache": """
known = {'openjdk-21-jre-headless:amd64': '21.0.5+11-1'}
print('x:\\n  Candidate: ' + known.get(sys.argv[2], '(none)'))
""",
    "apt-get": """
for name in sys.argv[3:]:
    shutil.copy(here / 'tree.tar', name.partition(':')[0] + '.deb')
""",
    "dpkg-deb": "sys.stdout.buffer.write(pathlib.Path(sys.argv[2]).read_bytes())",
}


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "bin"
    directory.mkdir()
    package(directory / "tree.tar", {JAVA: "java"})
    for name, script in TOOLS.items():
        head = "import pathlib, shutil, sys\nhere = pathlib.Path(__file__).parent\n"
        (directory / name).write_text(f"#!{sys.executable}\n{head}{script}")
        (directory / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(directory))
    return directory


def test_a_jvm_comes_from_the_os_and_then_from_the_cache(
    cache: Cache, notes: Notes, tools: Path
) -> None:
    store = Store(cache, [OsPackage()])
    first = store.get(Component.JVM, arch="amd64", progress=notes)
    for tool in tools.iterdir():
        os.truncate(tool, 0)  # what is asked from here on finds no network and no lists

    again = store.get(Component.JVM, arch="amd64", progress=notes)

    assert (first.version, first.source, first.cached) == ("21.0.5", Source.PACKAGE, False)
    assert (again.cached, again.files) == (True, first.files)


def test_a_host_without_apt_says_so(
    cache: Cache, notes: Notes, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tools / "none"))

    with pytest.raises(HostError, match="no Debian or Ubuntu") as caught:
        Store(cache).get(Component.JVM, arch="amd64", progress=notes)

    assert caught.value.what.startswith("jvm for amd64 cannot be had on this host")
    assert caught.value.next_command == "podresize doctor"
