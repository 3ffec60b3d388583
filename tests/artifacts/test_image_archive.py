"""Reading saved images: which files a container of one would see, and what is no such archive."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from tests.artifacts.saved import Layer, directory, layer_of, save

from podresize.artifacts.image_archive import Tree, saved_image
from podresize.artifacts.layout import sha256_of
from podresize.errors import HostError


def tree(tmp_path: Path, *layers: Layer) -> Tree:
    archive = save(tmp_path / "base.tar", layers)
    return Tree(saved_image(archive).unpack(tmp_path))


def test_an_upper_file_hides_the_lower_one(tmp_path: Path) -> None:
    found = tree(tmp_path, {"./etc": directory(), "./etc/a": b"old"}, {"etc/a": b"new"})

    assert found.read("etc/a") == b"new"
    assert set(found) == {"etc", "etc/a"}


def test_what_is_removed_above_is_gone(tmp_path: Path) -> None:
    lower: Layer = {"a": directory(), "a/one": b"1", "b": directory(), "b/two": b"2", "c": b"3"}
    # The order of its own members does not matter: what a layer has itself stays.
    upper: Layer = {"b/three": b"3", "b/.wh..wh..opq": b"", ".wh.a": b"", ".wh.c": b"", "d": b""}

    assert set(tree(tmp_path, lower, upper)) == {"b", "b/three", "d"}


def test_a_directory_that_becomes_a_file_takes_its_content_along(tmp_path: Path) -> None:
    assert set(tree(tmp_path, {"a": directory(), "a/one": b"1"}, {"a": b"now a file"})) == {"a"}


def test_a_damaged_layer_is_told(tmp_path: Path) -> None:
    archive = save(tmp_path / "base.tar", [{"a": b"1"}, {"b": b"right"}])
    archive.write_bytes(archive.read_bytes().replace(b"right", b"wrong"))

    with pytest.raises(HostError, match="damaged"):
        saved_image(archive).unpack(tmp_path)


@pytest.mark.parametrize("content", [b"no archive", b"", layer_of({"index.json": b"{}"})])
def test_what_is_no_saved_image_is_told(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "base.tar"
    archive.write_bytes(content)

    with pytest.raises(HostError, match="cannot be read"):
        saved_image(archive)


def test_its_id_is_the_engines(tmp_path: Path) -> None:
    archive = save(tmp_path / "base.tar", [{"a": b"1"}])

    found = saved_image(archive)

    with tarfile.open(archive) as opened:
        file = opened.extractfile("config.json")
        assert file is not None
        (tmp_path / "config").write_bytes(file.read())
    assert found.id == f"sha256:{sha256_of(tmp_path / 'config')}"
