"""Builds from modules: what goes into the scratch module, what a build shows and how it fails."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from podresize.artifacts import gobuild, module, toolchain
from podresize.artifacts.artifact import Component
from podresize.artifacts.cache import Cache
from podresize.artifacts.catalogue import RECIPES
from podresize.artifacts.host import host_arch
from podresize.artifacts.source import SourcePassedOverError
from podresize.errors import HostError

if TYPE_CHECKING:
    from tests.artifacts.conftest import Notes

needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="no go on PATH")


def scratch(tmp_path: Path, component: Component, version: str, go_mod: dict[str, Any]) -> str:
    row = RECIPES[component].module
    assert row is not None
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "go.sum").write_text("sums\n")
    fetched = module.Fetched(directory=tmp_path / "dir", go_mod=go_mod, commit="c", date="d")
    module._write_scratch(tmp_path, row, module._path(row, version), version, fetched)
    assert (tmp_path / "go.sum").read_text() == "sums\n"
    return (tmp_path / "go.mod").read_text()


def replace(old: str, new: str, version: str = "") -> dict[str, Any]:
    return {"Old": {"Path": old}, "New": {"Path": new, "Version": version}}


def test_kubernetes_staging_modules_become_published_ones(tmp_path: Path) -> None:
    text = scratch(
        tmp_path,
        Component.KUBERNETES,
        "1.27.4",
        {"Go": "1.20", "Replace": [replace("k8s.io/api", "./staging/src/k8s.io/api")]},
    )

    assert "require k8s.io/kubernetes v1.27.4" in text
    assert "replace k8s.io/api => k8s.io/api v0.27.4" in text
    assert "go 1.20\n" in text


def test_containerd_keeps_its_own_replacements(tmp_path: Path) -> None:
    text = scratch(
        tmp_path,
        Component.CONTAINERD,
        "1.6.1",
        {
            "Go": "1.16",
            "Replace": [
                replace("github.com/containerd/containerd", "./.empty-mod/"),
                replace("github.com/urfave/cli", "github.com/urfave/cli", "v1.22.1"),
            ],
            "Exclude": [{"Path": "example.org/bad", "Version": "v0.1.0"}],
        },
    )

    assert "replace github.com/urfave/cli => github.com/urfave/cli v1.22.1" in text
    assert "empty-mod" not in text
    assert "exclude example.org/bad v0.1.0" in text
    assert "go 1.17\n" in text


@pytest.mark.parametrize(
    ("version", "path"),
    [
        ("1.6.8", "github.com/containerd/containerd"),
        ("2.1.4", "github.com/containerd/containerd/v2"),
    ],
)
def test_containerd_2_is_a_module_of_its_own(version: str, path: str) -> None:
    row = RECIPES[Component.CONTAINERD].module
    assert row is not None
    assert module._path(row, version) == path


def test_a_program_named_after_a_directory_gets_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "server").write_text("")

    assert module._named(tmp_path, "etcd", "go.etcd.io/etcd/server/v3") == tmp_path / "etcd"
    assert (tmp_path / "etcd").is_file()


def test_every_row_has_a_program_for_every_name() -> None:
    for recipe in RECIPES.values():
        for row in (
            recipe.module and recipe.module.packages,
            recipe.package and recipe.package.files,
        ):
            # The name of some is the architecture's.
            named = {name for name in row or () if "{" not in name}
            assert not row or named == set(recipe.programs)
        if recipe.release and recipe.release.members:
            assert set(recipe.release.members) == set(recipe.programs)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "x.go:1:2: k8s.io/a@v0.29.6: reading http://h/a.zip: 403 Forbidden",
            "the Go module proxy has no k8s.io/a 0.29.6",
        ),
        (
            'go: k8s.io/b@v1.2.3: Get "http://h": dial tcp: lookup h: no such host',
            "the Go module proxy cannot be reached",
        ),
        ("main.go:3: undefined: x", None),
    ],
)
def test_why_go_failed_is_one_line(said: str, expected: str | None) -> None:
    assert gobuild.why(said) == expected


def program(tmp_path: Path, text: str) -> gobuild.GoBuild:
    directory = tmp_path / "module"
    directory.mkdir()
    (directory / "go.mod").write_text("module example.local/hello\n\ngo 1.21\n")
    (directory / "main.go").write_text(text)
    return gobuild.GoBuild(
        label="hello 1.0 (amd64)",
        log_name="hello-1.0-amd64",
        go=Path(shutil.which("go") or "go"),
        directory=directory,
        packages=("example.local/hello",),
        out=tmp_path / "out",
        arch="amd64",
        stamps={"main.version": "1.0"},
    )


@needs_go
def test_a_build_is_stamped_and_its_log_kept(cache: Cache, tmp_path: Path, notes: Notes) -> None:
    cache.layout.make()
    job = program(
        tmp_path, "package main\n\nvar version string\n\nfunc main() { println(version) }\n"
    )

    gobuild.build(job, cache=cache, progress=notes)

    assert (tmp_path / "out" / "hello").is_file()
    log = (cache.layout.logs / "hello-1.0-amd64-module.log").read_text()
    assert "$ go build -v -trimpath -ldflags -s -w -X main.version=1.0" in log


@needs_go
def test_a_failed_build_shows_the_last_lines(cache: Cache, tmp_path: Path, notes: Notes) -> None:
    cache.layout.make()
    job = program(tmp_path, "package main\n\nfunc main() { nothing() }\n")

    with pytest.raises(SourcePassedOverError, match="the Go build failed") as caught:
        gobuild.build(job, cache=cache, progress=notes)

    assert "undefined: nothing" in caught.value.log_tail
    assert len(caught.value.log_tail.splitlines()) <= gobuild.LOG_LINES
    assert caught.value.log is not None
    assert caught.value.log.is_file()


def fake_go(tmp_path: Path, script: str) -> Path:
    go = tmp_path / "go"
    go.write_text(f"#!{sys.executable}\n{script}")
    go.chmod(0o755)
    return go


def test_a_full_disk_in_a_build_is_the_hosts_fault(
    cache: Cache, tmp_path: Path, notes: Notes
) -> None:
    cache.layout.make()
    script = "import sys\nsys.exit('write /x: no space left on device')\n"
    job = program(tmp_path, "")
    job = dataclasses.replace(job, go=fake_go(tmp_path, script))

    with pytest.raises(HostError, match="disk that holds the cache is full"):
        gobuild.build(job, cache=cache, progress=notes)


def test_an_old_go_is_not_used(
    cache: Cache, tmp_path: Path, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_go(tmp_path, "print('go1.18.1')\n")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert toolchain.go_version(tmp_path / "go") == Version("1.18.1")
    assert toolchain.find_go(cache, at_least="1.18", progress=notes) == tmp_path / "go"
    with pytest.raises(SourcePassedOverError, match=r"is 1\.18\.1, 99\.0 is needed"):
        toolchain.find_go(cache, at_least="99.0", progress=notes)


def test_a_toolchain_is_fetched_into_the_cache_once(
    cache: Cache, tmp_path: Path, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    calls = []

    def install(target: Path) -> None:
        calls.append(target)
        (target / "go" / "bin").mkdir(parents=True)
        fake_go(target / "go" / "bin", "print('go1.26.6')\n")

    monkeypatch.setattr(toolchain, "_pip_install", install)

    first = toolchain.find_go(cache, at_least="1.21", progress=notes)
    second = toolchain.find_go(cache, at_least="1.21", progress=notes)

    assert first == second
    assert first.is_relative_to(cache.layout.toolchains)
    assert len(calls) == 1
    assert "fetching go" in notes.lines[0]
    assert list(cache.layout.tmp.iterdir()) == []


def test_a_build_in_c_says_what_is_missing(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    source = module.ModuleBuild(cache)
    host = host_arch()
    other = "arm64" if host == "amd64" else "amd64"

    with pytest.raises(SourcePassedOverError, match="needs cc"):
        source.version_for(Component.RUNC, None, arch=host)
    with pytest.raises(SourcePassedOverError, match=f"cross compiler for {other}"):
        source.version_for(Component.RUNC, None, arch=other)
