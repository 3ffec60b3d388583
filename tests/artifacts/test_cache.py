"""What the cache promises: whole files, found as stored, shared where they are the same."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from podresize.artifacts import layout
from podresize.artifacts.artifact import Artifact, Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.layout import default_root
from podresize.artifacts.pruning import prune
from podresize.errors import HostError


def put(cache: Cache, version: str = "1.0.0", **files: bytes) -> Artifact:
    with cache.layout.work("test") as work:
        paths = {}
        for name, data in files.items():
            paths[name] = work / name
            paths[name].write_bytes(data)
        return cache.store(Component.RUNC, version, arch="amd64", source=Source.MODULE, files=paths)


def find(cache: Cache, version: str = "1.0.0") -> Artifact | None:
    return cache.find(Component.RUNC, version, arch="amd64", source=Source.MODULE)


def test_what_was_stored_is_found(cache: Cache) -> None:
    stored = put(cache, runc=b"program", shim=b"other")
    found = find(cache)

    assert found is not None
    assert found.cached
    assert not stored.cached
    assert found.files == stored.files
    assert found.files["runc"].read_bytes() == b"program"
    assert os.access(found.files["runc"], os.X_OK)
    assert {path.parent for path in found.files.values()} == {found.files["runc"].parent}
    assert list(cache.layout.tmp.iterdir()) == []


def test_equal_files_are_kept_once(cache: Cache) -> None:
    first = put(cache, "1.0.0", runc=b"same")
    second = put(cache, "2.0.0", runc=b"same")

    assert len(list(cache.layout.objects.glob("*/*"))) == 1
    assert first.files["runc"].stat().st_ino == second.files["runc"].stat().st_ino


def test_dropping_one_entry_leaves_what_another_uses(cache: Cache) -> None:
    put(cache, "1.0.0", runc=b"same")
    put(cache, "2.0.0", runc=b"same")

    cache.drop(cache.entries()[0])

    assert [entry.version for entry in cache.entries()] == ["2.0.0"]
    assert find(cache, "2.0.0") is not None
    assert len(list(cache.layout.objects.glob("*/*"))) == 1


def test_a_changed_file_is_noticed_and_dropped(cache: Cache) -> None:
    path = put(cache, runc=b"program").files["runc"]
    path.chmod(0o755)
    path.write_bytes(b"another program")

    assert find(cache) is None
    assert cache.entries() == []
    again = put(cache, runc=b"program")
    assert again.files["runc"].read_bytes() == b"program"
    assert find(cache) is not None


def test_a_change_that_keeps_size_and_time_is_noticed_by_the_full_check(cache: Cache) -> None:
    path = put(cache, runc=b"program").files["runc"]
    before = path.stat()
    path.chmod(0o755)
    path.write_bytes(b"PROGRAM")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert find(cache) is not None
    (entry,) = cache.entries()
    assert cache.damaged(entry) == ["runc"]
    # The damaged object is not taken for the good one when the same bytes come again.
    assert put(cache, runc=b"program").files["runc"].read_bytes() == b"program"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 99}', '{"schema": 1}'])
def test_an_index_that_cannot_be_read_is_as_good_as_none(cache: Cache, text: str) -> None:
    put(cache, runc=b"program")
    (index,) = cache.layout.index.glob("*.json")
    index.write_text(text)

    assert find(cache) is None
    assert cache.entries() == []
    assert put(cache, runc=b"program").files["runc"].is_file()
    assert find(cache) is not None


def test_the_index_names_what_it_holds(cache: Cache) -> None:
    put(cache, runc=b"program")
    (index,) = cache.layout.index.glob("*.json")

    raw = json.loads(index.read_text())

    assert index.name == "runc-1.0.0-amd64-module.json"
    assert raw["source"] == "module"
    assert set(raw["files"]["runc"]) == {"sha256", "size", "mtime_ns"}


def test_entries_are_sorted_by_number(cache: Cache) -> None:
    for version in ("1.6.36", "1.6.8", "1.10.0"):
        put(cache, version, runc=version.encode())

    assert [entry.version for entry in cache.entries()] == ["1.6.8", "1.6.36", "1.10.0"]


def test_a_full_disk_is_one_message_and_leaves_nothing(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("podresize.artifacts.cache.sync", full)

    with pytest.raises(HostError, match="The disk that holds the cache is full") as caught:
        put(cache, runc=b"program")

    assert caught.value.exit_code == 2
    assert "prune" in str(caught.value)
    assert cache.entries() == []
    assert find(cache) is None
    assert list(cache.layout.tmp.iterdir()) == []


def test_a_full_disk_during_the_work_is_the_same_message(cache: Cache) -> None:
    def fill() -> None:
        with cache.layout.work("build") as work:
            (work / "half").write_bytes(b"half")
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

    with pytest.raises(HostError, match="The disk that holds the cache is full"):
        fill()

    assert list(cache.layout.tmp.iterdir()) == []


def test_a_cache_that_cannot_be_made_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(HostError, match="cache cannot be written"):
        Cache(tmp_path / "file" / "cache").layout.make()


def test_without_hard_links_files_are_copied(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_source: Path, _target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)

    assert put(cache, runc=b"program").files["runc"].read_bytes() == b"program"
    assert find(cache) is not None


def test_the_cache_lies_where_xdg_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_root() == tmp_path / "podresize"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_root() == Path.home() / ".cache" / "podresize"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_root() == Path.home() / ".cache" / "podresize"


def test_prune_goes_by_the_last_use(cache: Cache) -> None:
    put(cache, "1.0.0", runc=b"one")
    put(cache, "2.0.0", runc=b"two")
    for index in cache.layout.index.glob("*.json"):
        os.utime(index, (0, 0))
    assert find(cache, "2.0.0") is not None  # a use

    pruned = prune(cache, older_than_days=1)

    assert [entry.version for entry in pruned.entries] == ["1.0.0"]
    assert [entry.version for entry in cache.entries()] == ["2.0.0"]


def test_prune_all_leaves_an_empty_cache(cache: Cache) -> None:
    put(cache, runc=b"one")
    (cache.layout.logs / "x.log").write_text("a log")
    (cache.layout.toolchains / "go").mkdir()
    (cache.layout.bytecode / "src").mkdir(parents=True)
    (cache.layout.bytecode / "src" / "module.pyc").touch()

    prune(cache, everything=True)

    files = [path for path in cache.layout.root.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".lock"}


def test_prune_keeps_what_a_process_executes(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(cache, runc=b"one").files["runc"]
    monkeypatch.setattr("podresize.artifacts.pruning._running_programs", lambda: {path})

    pruned = prune(cache, everything=True)

    assert [entry.version for entry in pruned.kept] == ["1.0.0"]
    assert find(cache) is not None


def test_prune_leaves_the_work_of_the_living(cache: Cache) -> None:
    with cache.layout.work("build") as work:
        (work / "file").write_bytes(b"x")
        assert prune(cache).leftovers == 0
        assert (work / "file").exists()
    dead = cache.layout.tmp / "build-dead"
    dead.mkdir()
    (dead / "read-only").mkdir(mode=0o500)

    assert prune(cache).leftovers == 1
    assert not dead.exists()


def test_remove_tree_removes_read_only_trees(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "file").write_text("")
    inner.chmod(0o500)

    layout.remove_tree(tmp_path / "a")

    assert not (tmp_path / "a").exists()


def test_a_tree_in_which_something_is_mounted_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a killed process has mounted there may be the host's own."""
    (tmp_path / "tree" / "shm").mkdir(parents=True)
    (tmp_path / "tree" / "shm" / "file").touch()
    assert Path("/proc") in layout.mounted()

    with monkeypatch.context() as patched:
        patched.setattr(layout, "mounted", lambda: [tmp_path / "tree" / "shm"])
        assert not layout.remove_if_free(tmp_path / "tree")
        assert (tmp_path / "tree" / "shm" / "file").exists()

    assert layout.remove_if_free(tmp_path / "tree")
