"""The pod images: their layout, their bytes, and the probe inside, built and run for real."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from podresize.artifacts import images
from podresize.artifacts.artifact import Component
from podresize.artifacts.cache import Cache
from podresize.artifacts.images import Assembly, write_image
from podresize.artifacts.source import SourcePassedOverError


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        found = {}
        for item in archive:
            file = archive.extractfile(item)
            found[item.name] = b"" if file is None else file.read()
        return found


def written(tmp_path: Path, name: str = "a.tar", *, image: str = "podresize.local/test:1") -> Path:
    (tmp_path / "program").write_bytes(b"\x7fELF")
    write_image(
        tmp_path / name,
        name=image,
        arch="arm64",
        programs={"probe": tmp_path / "program"},
        config={"Entrypoint": ["/probe"]},
    )
    return tmp_path / name


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    first = written(tmp_path, "a.tar").read_bytes()
    os.utime(tmp_path / "program", (0, 0))

    assert written(tmp_path, "b.tar").read_bytes() == first


def test_every_digest_in_the_layout_is_right(tmp_path: Path) -> None:
    files = members(written(tmp_path))
    index = json.loads(files["index.json"])
    (entry,) = index["manifests"]
    manifest = json.loads(files[blob(entry)])

    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    assert entry["annotations"]["io.containerd.image.name"] == "podresize.local/test:1"
    assert entry["platform"] == {"architecture": "arm64", "os": "linux"}
    for descriptor in (entry, manifest["config"], *manifest["layers"]):
        data = files[blob(descriptor)]
        assert len(data) == descriptor["size"]
        assert f"sha256:{hashlib.sha256(data).hexdigest()}" == descriptor["digest"]
    configuration = json.loads(files[blob(manifest["config"])])
    assert configuration["architecture"] == "arm64"
    assert configuration["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]
    (docker,) = json.loads(files["manifest.json"])
    assert docker["RepoTags"] == ["podresize.local/test:1"]
    assert docker["Layers"] == [blob(manifest["layers"][0])]


def test_several_are_one_archive_with_what_each_has(tmp_path: Path) -> None:
    alone = [
        written(tmp_path, f"{name}.tar", image=f"podresize.local/{name}:1") for name in ("b", "a")
    ]
    images.pack_together(tmp_path / "both.tar", alone)

    files = members(tmp_path / "both.tar")
    entries = json.loads(files["index.json"])["manifests"]
    assert [each["annotations"]["io.containerd.image.name"] for each in entries] == [
        "podresize.local/b:1",
        "podresize.local/a:1",
    ]
    assert [each["RepoTags"] for each in json.loads(files["manifest.json"])] == [
        ["podresize.local/b:1"],
        ["podresize.local/a:1"],
    ]
    for each in alone:
        blobs = {name: data for name, data in members(each).items() if name.startswith("blobs/")}
        assert blobs
        assert blobs.items() <= files.items()
    assert list(files)[:3] == ["oci-layout", "index.json", "manifest.json"]
    assert list(files)[3:] == sorted(list(files)[3:])


def test_a_layer_holds_the_program_and_tmp_only(tmp_path: Path) -> None:
    files = members(written(tmp_path))
    manifest = json.loads(files[blob(json.loads(files["index.json"])["manifests"][0])])
    layer = tmp_path / "layer.tar"
    layer.write_bytes(files[blob(manifest["layers"][0])])

    with tarfile.open(layer) as archive:
        found = {item.name: (item.mode, item.uid, item.mtime) for item in archive}

    assert found == {"probe": (0o755, 0, 0), "tmp": (0o1777, 0, 0)}


def blob(descriptor: dict[str, Any]) -> str:
    return "blobs/sha256/" + str(descriptor["digest"]).removeprefix("sha256:")


def test_the_version_follows_the_probes_source(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    assembly = Assembly(cache)
    before = assembly.version_for(Component.IMAGES, None, arch="amd64")
    source = images.probe_source()
    monkeypatch.setattr(images, "probe_source", lambda: source | {"more.go": b"package main"})

    after = assembly.version_for(Component.IMAGES, None, arch="amd64")

    assert re.fullmatch("[0-9a-f]{12}", before)
    assert after != before
    assert {"go.mod", "main.go", "pause/main.go"} <= set(source)
    with pytest.raises(SourcePassedOverError, match="only the pod images"):
        assembly.version_for(Component.RUNC, None, arch="amd64")
    with pytest.raises(SourcePassedOverError, match="probe of this podresize"):
        assembly.version_for(Component.IMAGES, "other", arch="amd64")
