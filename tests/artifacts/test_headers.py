"""A build in C on a host without the headers: the OS's package brings them, unpacked beside."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from podresize.artifacts import gobuild, module
from podresize.artifacts.artifact import Component
from podresize.artifacts.cache import Cache
from podresize.artifacts.host import host_arch
from podresize.artifacts.module import ModuleBuild
from podresize.artifacts.source import SourcePassedOverError

TOOLS = {
    "cc": "",
    "pkg-config": "sys.exit(1)",
    "apt-cache": "print('libseccomp-dev:\\n  Candidate: 2.5.4-1')",
    "apt-get": "open(sys.argv[-1].partition(':')[0] + '.deb', 'w').write('deb')",
    "dpkg-deb": """
root = pathlib.Path(sys.argv[3])
(root / 'usr/include').mkdir(parents=True)
(root / 'usr/lib/x86_64-linux-gnu/pkgconfig').mkdir(parents=True)
""",
}


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "bin"
    directory.mkdir()
    for name, script in TOOLS.items():
        (directory / name).write_text(f"#!{sys.executable}\nimport pathlib, sys\n{script}\n")
        (directory / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(directory))
    return directory


def test_a_release_that_is_asked_for_is_built_with_them(cache: Cache, tmp_path: Path) -> None:
    source = ModuleBuild(cache)

    assert source.version_for(Component.RUNC, "1.3.3", arch=host_arch()) == "1.3.3"
    root = module._headers(("libseccomp-dev",), arch=host_arch(), work=tmp_path)
    assert root is not None
    job = gobuild.GoBuild(
        label="x",
        log_name="x",
        go=Path("go"),
        directory=tmp_path,
        packages=(),
        out=tmp_path / "out",
        arch=host_arch(),
        cgo=True,
        headers=root,
    )
    environment = job.environment()
    libraries = root / "usr/lib/x86_64-linux-gnu"
    assert environment["CGO_CFLAGS"] == f"-O2 -I{root}/usr/include"
    assert environment["CGO_LDFLAGS"] == f"-L{libraries}"
    assert environment["PKG_CONFIG_PATH"] == f"{libraries}/pkgconfig"


def test_without_a_release_the_oss_own_program_is_taken_rather(cache: Cache) -> None:
    with pytest.raises(SourcePassedOverError, match="needs the C headers of libseccomp"):
        ModuleBuild(cache).version_for(Component.RUNC, None, arch=host_arch())


def test_an_os_without_the_package(cache: Cache, tools: Path) -> None:
    (tools / "apt-cache").write_text("#!/bin/sh\n")

    with pytest.raises(SourcePassedOverError, match="needs the C headers of libseccomp"):
        ModuleBuild(cache).version_for(Component.RUNC, "1.3.3", arch=host_arch())


def test_nothing_is_fetched_where_nothing_is_missing(tmp_path: Path) -> None:
    assert module._headers((), arch=host_arch(), work=tmp_path) is None
