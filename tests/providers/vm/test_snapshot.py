"""A kept guest is found whole or not at all, and is another where anything differs."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from podresize.artifacts.cache import Cache
from podresize.artifacts.layout import Layout as CacheLayout
from podresize.artifacts.layout import locked
from podresize.artifacts.pruning import prune
from podresize.errors import HarnessError
from podresize.providers.vm import snapshot
from podresize.providers.vm.machine import Machine
from podresize.providers.vm.parts import Parts
from podresize.providers.vm.snapshot import Kept, find, key_of, store


@pytest.fixture
def cache(tmp_path: Path) -> CacheLayout:
    return CacheLayout(tmp_path / "cache")


@pytest.fixture
def made(tmp_path: Path) -> Kept:
    directory = tmp_path / "made"
    directory.mkdir()
    (directory / "memory").write_bytes(b"m" * 1000)
    (directory / "scratch.qcow2").write_bytes(b"s" * 2000)
    return Kept(directory=directory, slowness=9.5, steps=(("agent answers", 20.1),))


@pytest.mark.parametrize(
    "other",
    [
        {"accelerator": "kvm"},
        {"cgroup_version": 1},
        {"memory": 4096},
        {"cpus": 1},
        {"arch": "arm64"},
    ],
)
def test_another_machine_is_another_guest(
    machine: Machine, parts: Parts, other: dict[str, object]
) -> None:
    changed = dataclasses.replace(machine, **other)  # type: ignore[arg-type]

    assert key_of(machine, parts, {}) == key_of(machine, parts, {})
    assert key_of(changed, parts, {}) != key_of(machine, parts, {})


def test_another_part_is_another_guest(machine: Machine, parts: Parts) -> None:
    before = key_of(machine, parts, {})
    parts.node.write_text("another node")

    assert key_of(machine, parts, {}) != before


def test_what_the_cache_knows_is_told_apart_by_its_content_alone(
    machine: Machine, parts: Parts
) -> None:
    before = key_of(machine, parts, {parts.node: "digest"})
    os.utime(parts.node, (1, 1))

    assert key_of(machine, parts, {parts.node: "digest"}) == before
    assert key_of(machine, parts, {parts.node: "another"}) != before


def test_another_processor_is_another_guest(machine: Machine, parts: Parts, tmp_path: Path) -> None:
    """Where it is emulated it is another slowness."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.write_text("model name: one\nflags: a b\n")
    there.write_text("model name: one\nflags: a\n")
    fast = dataclasses.replace(machine, accelerator="kvm")

    for each in (fast, machine):
        assert key_of(each, parts, {}, cpuinfo=here) != key_of(each, parts, {}, cpuinfo=there)


def test_what_was_kept_is_found(made: Kept, cache: CacheLayout) -> None:
    assert find("key", cache) is None

    kept = store("key", made, cache)

    assert find("key", cache) == kept
    assert (kept.slowness, kept.steps) == (9.5, (("agent answers", 20.1),))
    assert kept.memory.read_bytes() == b"m" * 1000
    assert kept.directory != made.directory
    assert not list(cache.tmp.iterdir())


def test_what_is_not_as_it_was_kept_is_not_found(made: Kept, cache: CacheLayout) -> None:
    kept = store("key", made, cache)
    kept.memory.write_bytes(b"half of it")

    assert find("key", cache) is None
    assert store("key", made, cache) == find("key", cache)


def test_what_a_machine_begins_with_is_not_removed(made: Kept, cache: CacheLayout) -> None:
    kept = store("key", made, cache)
    with snapshot.in_use(kept):
        assert prune(Cache(cache.root), everything=True).guests == ()

    assert prune(Cache(cache.root), everything=True).guests == ("key",)
    with pytest.raises(HarnessError, match="is gone"), snapshot.in_use(kept):
        pass


def test_a_guest_is_not_replaced_while_a_machine_begins_with_it(
    made: Kept, cache: CacheLayout
) -> None:
    kept = store("key", made, cache)
    made.memory.write_bytes(b"n" * 1000)
    replacing = threading.Thread(target=store, args=("key", made, cache))
    with snapshot.in_use(kept):
        replacing.start()
        replacing.join(0.5)

        assert replacing.is_alive()
        assert kept.memory.read_bytes() == b"m" * 1000
    replacing.join(10.0)

    assert kept.memory.read_bytes() == b"n" * 1000


def test_who_waited_for_one_that_was_replaced_keeps_the_new_one(
    made: Kept, cache: CacheLayout
) -> None:
    kept = store("key", made, cache)
    is_used, may_end = threading.Event(), threading.Event()

    def use() -> None:
        with snapshot.in_use(kept):
            is_used.set()
            may_end.wait(10.0)

    using = threading.Thread(target=use)
    with locked(kept.directory):
        using.start()
        assert not is_used.wait(0.2)
        kept.directory.rename(kept.directory.with_name("old"))
        shutil.copytree(kept.directory.with_name("old"), kept.directory)

    assert is_used.wait(10.0)
    assert prune(Cache(cache.root), everything=True).guests == ("old",)
    may_end.set()
    using.join(10.0)


def test_what_was_forgotten_is_not_found_and_goes_first(made: Kept, cache: CacheLayout) -> None:
    forgotten = store("key", made, cache)
    with snapshot.in_use(forgotten):
        snapshot.forget(forgotten)

        assert forgotten.memory.exists()  # whoever began with it goes on
    assert find("key", cache) is None
    with pytest.raises(HarnessError, match="is gone"), snapshot.in_use(forgotten):
        pass
    for number in range(snapshot._KEPT_AT_MOST):
        store(f"key{number}", made, cache)
    assert not forgotten.directory.exists()


def test_what_has_no_end_is_not_found(made: Kept, cache: CacheLayout) -> None:
    kept = store("key", made, cache)
    (kept.directory / "kept.json").write_text(json.dumps({"slowness": 2.0}))

    assert find("key", cache) is None


def test_the_guests_that_nobody_used_for_longest_go(made: Kept, cache: CacheLayout) -> None:
    for number in range(snapshot._KEPT_AT_MOST):
        kept = store(f"key{number}", made, cache)
        os.utime(kept.directory / "kept.json", (number, number))
    assert find("key0", cache) is not None  # used now

    store("one more", made, cache)

    assert find("key1", cache) is None
    assert find("key0", cache) is not None
    assert len(list((cache.root / "guests").iterdir())) == snapshot._KEPT_AT_MOST
