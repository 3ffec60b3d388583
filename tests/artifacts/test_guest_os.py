"""The OS of a guest as a disk, and the empty disk beside it."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.artifacts.guests import PARTS
from tests.artifacts.test_node_image import PlayedStore

from podresize.artifacts import guest_os as module
from podresize.artifacts.artifact import Component
from podresize.artifacts.cache import Cache
from podresize.artifacts.guest_os import OS, SCRATCH, SCRATCH_LABEL, guest_os

if TYPE_CHECKING:
    from tests.artifacts.conftest import FakeSource, Notes


@pytest.fixture
def store(cache: Cache, fake: type[FakeSource]) -> PlayedStore:
    return PlayedStore(cache, fake, PARTS)


def test_it_is_the_os_of_kinds_nodes(store: PlayedStore, notes: Notes) -> None:
    made = guest_os(store=store, progress=notes)

    with tarfile.open(made.files[OS]) as archive:
        assert archive.getnames() == ["./etc/debian_version"]
    assert made.files["packages.txt"].read_text() == "systemd=252.39-1~deb12u2\n"


def test_the_scratch_disk_is_empty_and_the_same_every_time(
    store: PlayedStore, notes: Notes
) -> None:
    size, *words = guest_os(store=store, progress=notes).files[SCRATCH].read_text().split()

    assert int(size) == 8 << 30
    assert words[words.index("-L") + 1] == SCRATCH_LABEL
    assert len(SCRATCH_LABEL) <= 16  # of an ext4
    uuid = words[words.index("-U") + 1]
    (extended,) = [word for word in words if "hash_seed" in word]
    assert f"hash_seed={uuid}" in extended
    assert "has_journal" not in " ".join(words)


def test_it_is_made_once_and_anew_of_another_os(
    store: PlayedStore, notes: Notes, fake: type[FakeSource], tmp_path: Path
) -> None:
    first = guest_os(store=store, progress=notes)
    changed = PARTS | {Component.NODE_BASE: PARTS[Component.NODE_BASE] | {"rootfs.tar": b"another"}}
    other = guest_os(store=PlayedStore(Cache(tmp_path / "c"), fake, changed), progress=notes)

    assert guest_os(store=store, progress=notes).cached
    assert other.version != first.version


def test_what_a_killed_process_left_of_one_goes_before_the_next_is_made(
    store: PlayedStore, notes: Notes, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest_os(store=store, progress=notes)
    (cache.layout.tmp / "guest-os-killed").mkdir()
    monkeypatch.setattr(module, "_LAYOUT", module._LAYOUT + 1)

    guest_os(store=store, progress=notes)

    assert list(cache.layout.tmp.iterdir()) == []


@pytest.mark.parametrize("name", ["_MKE2FS", "_ENVIRONMENT", "SCRATCH_BYTES"])
def test_it_is_made_anew_where_the_tools_are_called_otherwise(
    store: PlayedStore, notes: Notes, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    first = guest_os(store=store, progress=notes)
    others = {
        "_MKE2FS": (*module._MKE2FS, "-v"),
        "_ENVIRONMENT": {**module._ENVIRONMENT, "X": "1"},
        "SCRATCH_BYTES": module.SCRATCH_BYTES + 4096,
    }
    monkeypatch.setattr(module, name, others[name])

    assert guest_os(store=store, progress=notes).version != first.version
