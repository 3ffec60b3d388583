"""``podresize artifacts`` as a user meets it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.cache import Cache
from podresize.cli.artifacts import artifacts
from podresize.errors import PodresizeError

if TYPE_CHECKING:
    from tests.artifacts.conftest import ReleaseServer


def run(*arguments: str) -> Result:
    return CliRunner().invoke(artifacts, arguments)


def put(version: str, data: bytes = b"x" * 2048) -> Path:
    cache = Cache()
    with cache.layout.work("test") as work:
        (work / "containerd").write_bytes(data)
        return cache.store(
            Component.CONTAINERD,
            version,
            arch="amd64",
            source=Source.MODULE,
            files={"containerd": work / "containerd"},
        ).files["containerd"]


def test_an_empty_cache_says_what_to_do() -> None:
    result = run("list")

    assert result.exit_code == 0
    assert "next: podresize artifacts get all" in result.stdout


def test_list_shows_what_is_cached() -> None:
    put("1.6.36")
    put("1.6.8", b"y" * 2048)

    lines = run("list").stdout.splitlines()

    assert lines[0].split() == ["component", "version", "arch", "source", "size", "age"]
    assert lines[1].split()[:6] == ["containerd", "1.6.8", "amd64", "module", "2.0", "KiB"]
    assert lines[2].split()[1] == "1.6.36"
    assert lines[3].startswith("4.0 KiB in ")


def test_list_available_names_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no go, no apt: nobody is asked

    out = run("list", "--available").stdout

    assert "1.27.4" in out
    assert "1.37.2" in out
    assert "every release" in out


def test_get_prints_paths(server: ReleaseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODRESIZE_DOWNLOAD_MIRROR", server.url)
    server.publish("/release/v1.27.4/bin/linux/arm64/kubectl", b"a program")

    result = run("get", "kubectl", "--kubernetes", "1.27", "--arch", "arm64")

    assert result.exit_code == 0
    (path,) = result.stdout.split()
    assert path.endswith("/entries/kubectl/1.27.4/arm64/download/kubectl")
    assert Path(path).read_bytes() == b"a program"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("get", "kubernetes", "--version", "1.26"), "in-place Pod resize since 1.27"),
        (("get", "all", "--version", "1.27.4"), "does not go together"),
        (("get", "runc", "--kubernetes", "1.27.4"), "does not go together"),
        (("get", "containerd", "--version", "1", "--containerd", "2"), "does not go together"),
        (("get", "all", "--containerd", "abc"), "not a version of containerd"),
        (("get", "runc", "--source", "cache"), "cannot be had on this host"),
    ],
)
def test_what_cannot_be_is_one_message_with_exit_code_2(
    arguments: tuple[str, ...], message: str
) -> None:
    error = run(*arguments).exception

    assert isinstance(error, PodresizeError)
    assert message in str(error)
    assert error.exit_code == 2
    assert error.next_command is not None


def test_an_unknown_component_lists_the_known_ones() -> None:
    result = run("get", "docker")

    assert result.exit_code == 2
    assert "containerd" in result.stderr


def test_verify_drops_what_is_damaged() -> None:
    path = put("1.6.8")
    put("1.6.36", b"z")
    path.chmod(0o755)
    path.write_bytes(b"bad")

    result = run("verify")

    assert isinstance(result.exception, PodresizeError)
    assert "DAMAGED  containerd 1.6.8 amd64 (module): containerd" in result.stdout
    assert "ok       containerd 1.6.36 amd64 (module)" in result.stdout
    assert [entry.version for entry in Cache().entries()] == ["1.6.36"]
    assert "1 entries, 1 B: intact" in run("verify").stdout


def test_prune() -> None:
    put("1.6.8")

    assert "0 entries (0 B) and 0 leftovers removed" in run("prune").stdout
    assert "0 entries" in run("prune", "--older-than", "1").stdout
    out = run("prune", "--all").stdout
    assert "removed containerd 1.6.8 amd64 (module)" in out
    assert "1 entries (2.0 KiB)" in out
    assert Cache().entries() == []
