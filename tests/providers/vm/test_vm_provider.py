"""What the provider refuses, what it says of this host, and which guest a cluster goes on with."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from podresize.artifacts.artifact import Component
from podresize.errors import HostError, UsageError
from podresize.providers import compatibility, registry
from podresize.providers.host import Host
from podresize.providers.vm import host as guest_host
from podresize.providers.vm import kvm, parts, provider
from podresize.providers.vm.kvm import Found
from podresize.providers.vm.parts import Parts
from podresize.requirements.target import Target

VM = Target(provider="vm")


def test_the_registry_knows_it() -> None:
    assert registry.provider_of("vm") is provider
    assert not provider.CAN_JOIN


def test_one_node_is_all_there_is() -> None:
    with pytest.raises(UsageError, match="makes one node") as raised:
        provider.check_target(dataclasses.replace(VM, worker_nodes=1))

    assert raised.value.origin == "--worker-nodes"


@pytest.mark.parametrize(
    "facts",
    [
        {"cgroup": "v1"},
        {"cgroup": "v2", "cgroup_driver": "cgroupfs"},
        {"kernel": "linux-image-cloud-amd64", "accelerator": "tcg"},
        {"tap": True, "faults": ("update-dropped",)},
    ],
)
def test_what_a_guest_can_have_is_taken(facts: dict[str, Any]) -> None:
    provider.check_target(dataclasses.replace(VM, **facts))


def test_a_node_joins_nothing() -> None:
    handle: Any = type("Handle", (), {"name": "one"})()

    with pytest.raises(UsageError, match="joins no cluster"):
        provider.up(VM, joins=handle)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"memory": 2 << 30}, "needed for a guest"),
        ({"disk_free": 2 << 30}, "of disk free"),
        ({"arch": "riscv64"}, "no guest for riscv64"),
        ({"is_root": False}, "not root"),
    ],
)
def test_a_host_that_is_too_small_is_told_before_anything_starts(
    host: Callable[..., Host],
    monkeypatch: pytest.MonkeyPatch,
    facts: dict[str, Any],
    said: str,
) -> None:
    monkeypatch.setattr("podresize.providers.host.inspect", lambda: host(**facts))

    with pytest.raises(HostError, match="no guest can be started") as raised:
        provider.check_host()

    assert said in str(raised.value.value)


@pytest.mark.parametrize("is_known", [True, False], ids=["by its word", "when it is unpacked"])
def test_a_kernel_that_will_not_do_is_told_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    asked: list[str] = []

    def check(_: Target, *, kernel: str, **__: object) -> None:
        asked.append(kernel)
        if is_known:
            raise UsageError("The OS offers no such kernel.", value=kernel)

    def unpack(word: str, **_: object) -> None:
        raise UsageError("The kernel lacks options that a node in a guest needs.", value=word)

    monkeypatch.setattr("podresize.artifacts.guest.check_guest", check)
    monkeypatch.setattr("podresize.artifacts.guest_kernel.guest_kernel", unpack)
    monkeypatch.setattr(provider, "get_artifact", None)

    with pytest.raises(UsageError, match="no such kernel" if is_known else "lacks options"):
        provider.gather(dataclasses.replace(VM, kernel="6.1"))

    assert asked == ["6.1"]


@pytest.mark.parametrize(
    ("asked", "kind", "release"),
    [("runc", "runc", None), ("runc@1.3.3", "runc", "1.3.3"), ("crun@1.21", "crun", "1.21")],
)
def test_a_release_of_an_oci_runtime_goes_into_the_guest(
    monkeypatch: pytest.MonkeyPatch, asked: str, kind: str, release: str | None
) -> None:
    got: list[tuple[str, str | None]] = []

    def artifact(_: Component, version: str | None, **__: object) -> SimpleNamespace:
        return SimpleNamespace(version=version or "9")

    def gather(target: Target, *, oci_version: str | None, **_: object) -> None:
        got.append((target.oci_runtime, oci_version))

    monkeypatch.setattr(provider, "get_artifact", artifact)
    monkeypatch.setattr(
        parts, "gather_kernel", lambda target, **_: got.append((target.oci_runtime, None))
    )
    monkeypatch.setattr(parts, "gather_parts", gather)

    provider.gather(dataclasses.replace(VM, containerd="2.1.4", oci_runtime=asked))

    assert got == [(kind, None), (kind, release)]


@pytest.mark.parametrize("driver", ["systemd", "cgroupfs"])
def test_a_crun_whose_limits_are_elsewhere_under_systemd_is_told(
    monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    monkeypatch.setattr(provider, "get_artifact", lambda *_, **__: SimpleNamespace(version="1.8.1"))
    monkeypatch.setattr(parts, "gather_kernel", lambda *_, **__: None)
    monkeypatch.setattr(parts, "gather_parts", lambda *_, **__: None)
    monkeypatch.setattr(compatibility, "check_crun", lambda *_, **__: None)
    target = dataclasses.replace(VM, oci_runtime="crun", cgroup_driver=driver)

    expected = pytest.raises(UsageError, match="below the cgroup that systemd made")
    with expected if driver == "systemd" else contextlib.nullcontext():
        provider.gather(target)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Have KVM found so."""

    def set_to(why: str | None) -> None:
        monkeypatch.setattr(kvm, "probed", lambda *_, **__: Found(why=why))
        monkeypatch.setattr(kvm, "known", lambda *_: Found(why=why))

    return set_to


def test_kvm_is_used_where_it_works(
    host: Callable[..., Host], parts: Parts, found: Callable[[str | None], None]
) -> None:
    found(None)

    machine, told = guest_host.machine_for(VM, parts, host())

    assert (machine.accelerator, machine.cgroup_version) == ("kvm", 2)
    assert told == Found(why=None)
    assert guest_host.about_kvm() == "KVM works"


def test_where_kvm_hangs_the_guest_is_emulated_and_it_is_said(
    host: Callable[..., Host], parts: Parts, found: Callable[[str | None], None]
) -> None:
    found("it hangs")

    machine, told = guest_host.machine_for(VM, parts, host())

    assert machine.accelerator == "tcg"
    assert told == Found(why="it hangs")
    assert "emulation: it hangs" in " ".join(provider.notes())


def test_kvm_that_was_asked_for_and_does_not_work_is_an_error(
    host: Callable[..., Host], parts: Parts, found: Callable[[str | None], None]
) -> None:
    found("/dev/kvm is forbidden to uid 0")

    with pytest.raises(HostError, match="KVM does not work") as raised:
        guest_host.machine_for(dataclasses.replace(VM, accelerator="kvm"), parts, host())

    assert raised.value.causes[0] == "/dev/kvm is forbidden to uid 0"
    assert "--accelerator tcg" in str(raised.value.next_command)


def test_who_asks_for_emulation_has_nothing_tried(
    host: Callable[..., Host], parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kvm, "probed", None)
    target = dataclasses.replace(VM, accelerator="tcg", cgroup="v1")

    machine, told = guest_host.machine_for(target, parts, host(cpus=1))

    assert (machine.accelerator, machine.cgroup_version, machine.cpus) == ("tcg", 1, 1)
    assert told is None


@pytest.mark.parametrize(
    ("lines", "limits"), [(1, ("no swap (the guest has none)",)), (2, ())], ids=["none", "some"]
)
def test_whether_a_guest_has_swap(lines: int, limits: tuple[str, ...]) -> None:
    assert provider.swap_limits("Filename Type Size\n" * lines) == limits
