"""An image is imported once, and what the runtime does not take is told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from podresize.artifacts.artifact import Artifact, Component, Source
from podresize.errors import HarnessError
from podresize.providers.local import loading
from podresize.providers.local.loading import load_image

NAME = "podresize.local/jvm:1"


class FakeRuntime:
    """Has an image once the file is there that the played ``ctr`` writes."""

    def __init__(self, imported: Path) -> None:
        self.imported = imported
        self.endpoint = "unix:///run/containerd.sock"

    def has_image(self, name: str) -> bool:
        assert name == NAME
        return self.imported.exists()


@pytest.fixture
def runtime(tmp_path: Path) -> FakeRuntime:
    return FakeRuntime(tmp_path / "imported")


def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Any:
    """Make ``ctr`` a small program; return a handle of the cluster whose runtime it is."""
    ctr = tmp_path / "ctr"
    ctr.write_text(f"#!{sys.executable}\nimport pathlib, sys\n{script}\n")
    ctr.chmod(0o755)

    def get(component: Component, version: str) -> Artifact:
        return Artifact(
            component=component,
            version=version,
            arch="amd64",
            source=Source.CACHE,
            cached=True,
            files={"ctr": ctr},
        )

    monkeypatch.setattr(loading, "get_artifact", get)

    class Handle:
        class fingerprint:  # noqa: N801 (an attribute's name)
            runtime_version = "1.6.36"
            patience = staticmethod(float)

    return Handle()


def test_it_is_imported_and_not_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: Any
) -> None:
    script = f"""
with open({str(runtime.imported)!r}, 'x') as file:
    file.write(' '.join(sys.argv[1:]))
"""
    handle = play(tmp_path, monkeypatch, script)

    for _ in range(2):
        load_image(handle, runtime, name=NAME, archive=Path("/cache/jvm.tar"))

    words = runtime.imported.read_text()
    assert words == "-a /run/containerd.sock -n k8s.io images import /cache/jvm.tar"


@pytest.mark.parametrize(
    ("script", "why"),
    [("sys.exit('no space left')", "no space left"), ("", "unknown to the CRI")],
)
def test_what_is_not_taken_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: Any, script: str, why: str
) -> None:
    monkeypatch.setattr(loading, "_KNOWN_SECONDS", 0.2)
    handle = play(tmp_path, monkeypatch, script)

    with pytest.raises(HarnessError) as caught:
        load_image(handle, runtime, name=NAME, archive=Path("/cache/jvm.tar"))

    assert why in str(caught.value)
