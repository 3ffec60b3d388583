"""What of a host keeps a guest from being started there, and what is none of its business."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from podresize.artifacts import apt
from podresize.artifacts.artifact import Component
from podresize.artifacts.cache import Cache
from podresize.providers.host import Host
from podresize.providers.vm import host as guest_host
from podresize.providers.vm import kvm, provider, snapshot
from podresize.providers.vm.kvm import Found


@pytest.fixture
def cached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int], None]:
    """Have the parts of a guest in the cache, all but the last ``without``."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))

    def put(without: int) -> None:
        components = (Component.QEMU, Component.NODE_BASE, Component.GUEST_TOOLS)
        made = (*components, Component.GUEST_OS, Component.GUEST_KERNEL)[: 5 - without]
        there: list[Any] = [
            SimpleNamespace(component=each, arch="amd64", version=f"1.{number}")
            for number, each in enumerate(made)
        ]
        monkeypatch.setattr(Cache, "entries", lambda _: there)

    put(0)
    return put


@pytest.mark.usefixtures("cached")
def test_a_host_on_which_all_is_well_lacks_nothing(host: Callable[..., Host]) -> None:
    assert guest_host.problems(host()) == []


@pytest.mark.usefixtures("cached")
@pytest.mark.parametrize(
    "facts",
    [
        {"overlayfs": False},
        {"cgroup_version": 1, "cgroup_mounts": {"memory": Path("/m"), "cpu": Path("/c")}},
    ],
)
def test_what_only_a_guests_kernel_needs_this_hosts_may_lack(
    host: Callable[..., Host], facts: dict[str, Any]
) -> None:
    assert guest_host.problems(host(**facts)) == []


@pytest.mark.parametrize("without", [0, 1])
def test_a_host_without_apt_lacks_a_guests_parts_unless_they_are_there(
    host: Callable[..., Host],
    cached: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
    without: int,
) -> None:
    cached(without)
    monkeypatch.setattr("shutil.which", lambda _: None)

    found = guest_host.lacking(host())

    assert [each.what.rpartition(", and ")[2] for each in found] == (
        ["this is no Debian or Ubuntu: no apt-get on PATH"] if without else []
    )
    assert all("XDG_CACHE_HOME" in each.remedy for each in found)


@pytest.mark.parametrize(("without", "is_root"), [(1, False), (0, False), (1, True)])
def test_package_lists_that_are_missing_are_told_to_who_cannot_fetch_them(
    host: Callable[..., Host],
    cached: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
    without: int,
    is_root: bool,
) -> None:
    cached(without)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(apt, "has_lists", lambda: False)

    found = guest_host.lacking(host(is_root=is_root))

    assert [each.remedy for each in found] == (
        ["sudo apt-get update"] if without and not is_root else []
    )


def test_every_qemu_in_the_cache_is_named(cached: Callable[[int], None]) -> None:
    assert guest_host.about_qemu() == "1.0, in the cache"
    cached(5)
    assert guest_host.about_qemu().startswith("not in the cache yet")


@pytest.mark.usefixtures("cached")
@pytest.mark.parametrize("is_kept", [True, False])
def test_room_for_a_guest_that_is_kept_is_asked_for_before_the_first(
    host: Callable[..., Host], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_kept: bool
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=5 << 20))
    guests = tmp_path / "xdg/podresize/guests"
    guests.mkdir(parents=True)
    (guests / "kvm.json").touch()
    # One that was forgotten has its files until the next boot.
    for key, names in {"forgotten": ("memory",), "a-key": (snapshot.FACTS,) * is_kept}.items():
        (guests / key).mkdir()
        for name in names:
            (guests / key / name).touch()

    told = [each.what for each in guest_host.lacking(host())]

    assert any("for a guest that is kept" in each for each in told) is not is_kept


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the cache where this process may not look, as another user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "closed/xdg"))
    (tmp_path / "closed/xdg/podresize/guests").mkdir(parents=True)
    (tmp_path / "closed").chmod(0)
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    yield
    os.seteuid(me)
    (tmp_path / "closed").chmod(0o700)


@pytest.mark.usefixtures("closed")
def test_a_cache_that_may_not_be_looked_into_has_nothing(host: Callable[..., Host]) -> None:
    assert guest_host.about_qemu().startswith("not in the cache yet")
    assert all("disk free" not in each.what for each in guest_host.lacking(host(is_root=False)))


@pytest.mark.parametrize(
    ("why", "accelerator", "said"),
    [
        # Emulated as it was asked for, on a host where KVM works; and the other way round.
        (None, "tcg", "what runs it: emulation"),
        ("it hangs", "kvm", "what runs it: KVM"),
        (None, "kvm", "what runs it: KVM"),
        ("it hangs", "tcg", "what runs it: emulation: it hangs"),
        (None, "auto", "what runs it: KVM works"),
        (None, None, "what runs it: KVM works"),
    ],
)
def test_the_notes_say_what_runs_a_guest_and_not_what_would(
    monkeypatch: pytest.MonkeyPatch, why: str | None, accelerator: str | None, said: str
) -> None:
    monkeypatch.setattr(kvm, "known", lambda *_: Found(why=why))

    assert said in provider.notes(accelerator=accelerator)
