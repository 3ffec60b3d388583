"""A runtime in a virtual machine: what cannot be asked of it, and what is found of its guest."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.oracle.test_container_update import V1
from tests.providers.vm.conftest import FakeGuest

from podresize.errors import HarnessError, UsageError
from podresize.providers.beginning import Beginning
from podresize.providers.host import Host
from podresize.providers.local.layout import Layout
from podresize.providers.runtimes import fingerprint, guest, guest_handles, provider
from podresize.providers.vm import journal
from podresize.providers.vm.kept import KeptGuest
from podresize.providers.vm.machine import Machine
from podresize.providers.vm.snapshot import Kept
from podresize.requirements.runtime_target import (
    NO_RUNTIME,
    RuntimeFingerprint,
    RuntimeHandle,
    RuntimeTarget,
)
from podresize.requirements.target import Target

VM = RuntimeTarget(provider="vm")
V2_MOUNT = "30 1 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
OS_RELEASE = 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n'


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"cgroup": "v1"},
        {"cgroup_driver": "cgroupfs", "kernel": "6.1", "accelerator": "tcg"},
        {"containerd": "2.1.4", "oci_runtime": "crun@1.21"},
        {"tap": True, "faults": ("update-dropped", "runtime-restarted")},
        {"alone": True, "oci_runtime": "runc@1.3.3"},
    ],
)
def test_what_a_guest_can_have_is_taken(facts: dict[str, Any]) -> None:
    provider.check_target(dataclasses.replace(VM, **facts))


@pytest.mark.parametrize(
    ("facts", "message", "origin"),
    [
        ({"oci_runtime": "runsc"}, "a guest has no such OCI runtime", "--oci-runtime"),
        ({"oci_runtime": "runsc", "alone": True}, "no such OCI runtime", "--oci-runtime"),
        ({"endpoint": "unix:///run/x.sock"}, "takes no --provider", "--provider"),
        ({"tap": True, "faults": ("runtime-killed",)}, "does not reach into a guest", "--fault"),
        (
            {"tap": True, "faults": ("cgroup-written:file=cpu.max,value=1",)},
            *("does not reach into a guest", "--fault"),
        ),
        (
            {
                "tap": True,
                "faults": ("unit-overridden:setting=MemoryMax,value=4G",),
                "cgroup_driver": "cgroupfs",
            },
            *("told to systemd", "--fault"),
        ),
        ({"tap": True, "alone": True}, "an OCI runtime alone has none", "--tap"),
        ({"cgroup": "v3"}, "unknown cgroup version", "--cgroup"),
        ({"accelerator": "xen"}, "unknown accelerator", "--accelerator"),
        ({"handler": "kata"}, "no such handler", "--handler"),
        ({"containerd": "1.5.18"}, "does not serve CRI v1", "--containerd"),
    ],
)
def test_what_a_guest_cannot_have_is_refused(
    facts: dict[str, Any], message: str, origin: str
) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        provider.check_target(dataclasses.replace(VM, **facts))

    assert raised.value.origin == origin
    assert raised.value.causes
    assert "podresize " in str(raised.value.next_command)


@pytest.mark.parametrize(
    ("facts", "origin"),
    [
        ({"kernel": "6.1"}, "--kernel"),
        ({"accelerator": "kvm"}, "--accelerator"),
        ({"cgroup_driver": "systemd"}, "--cgroup-driver"),
        ({"cgroup": "v2"}, "--cgroup"),
    ],
)
@pytest.mark.parametrize("more", [{}, {"endpoint": "unix:///run/x.sock"}], ids=["made", "given"])
def test_only_a_guest_has_a_machine_of_its_own(
    monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any], origin: str, more: dict[str, Any]
) -> None:
    monkeypatch.setattr("podresize.providers.host.cgroup_version", lambda: 1)

    with pytest.raises(UsageError) as raised:
        provider.check_target(RuntimeTarget(**facts, **more))

    assert raised.value.origin == origin
    (value,) = facts.values()
    if not more:
        assert f"--provider vm {origin} {value}" in str(raised.value.next_command)


def test_this_hosts_own_version_and_driver_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podresize.providers.host.cgroup_version", lambda: 1)

    provider.check_target(RuntimeTarget(cgroup="v1", cgroup_driver="cgroupfs"))


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (VM, "containerd 1.6.36, runc, provider vm"),
        (
            RuntimeTarget(
                provider="vm",
                cgroup="v2",
                cgroup_driver="systemd",
                kernel="6.1",
                accelerator="tcg",
                tap=True,
            ),
            "containerd 1.6.36, runc, tap, cgroup driver systemd, cgroup v2, kernel 6.1, "
            "accelerator tcg, provider vm",
        ),
        (RuntimeTarget(provider="vm", alone=True), "runc alone, provider vm"),
    ],
)
def test_a_target_tells_what_its_machine_is(target: RuntimeTarget, text: str) -> None:
    assert str(target) == text


def test_its_guest_is_that_of_a_cluster_of_the_same_containerd() -> None:
    target = RuntimeTarget(
        provider="vm", containerd="2.1.4", oci_runtime="crun@1.21", cgroup="v1", kernel="6.1"
    )

    assert guest.node_target(target) == Target(
        provider="vm", containerd="2.1.4", oci_runtime="crun", cgroup="v1", kernel="6.1"
    )


@pytest.mark.parametrize(
    ("provider_", "driver", "version"), [("local", "cgroupfs", None), ("vm", "systemd", 2)]
)
def test_a_provider_has_a_driver_and_a_version_of_its_own(
    provider_: str, driver: str, version: int | None
) -> None:
    target = RuntimeTarget(provider=provider_)

    assert (target.driver, target.cgroup_version) == (driver, version)


def test_what_was_stored_without_a_slowness_is_stored_as_it_was() -> None:
    slow = dataclasses.replace(V1, slowness=7.5)

    assert "slowness" not in V1.to_json()
    assert slow.to_json()["slowness"] == 7.5
    for each in (V1, slow):
        assert RuntimeFingerprint.from_json(json.loads(json.dumps(each.to_json()))) == each
    assert (V1.patience(3.0), slow.patience(2.0)) == (3.0, 15.0)
    assert (V1.is_emulated, slow.is_emulated) == (False, True)
    assert str(slow) == f"{V1}, emulated"


class Kernel:
    """A guest's kernel: files by path."""

    def __init__(self, *_: object, **__: object) -> None:
        self.text = {
            "/proc/self/mountinfo": V2_MOUNT,
            "/proc/sys/kernel/osrelease": "6.1.0-49-cloud-amd64\n",
            "/etc/os-release": OS_RELEASE,
            "/sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
            "/sys/fs/cgroup/init.scope/memory.swap.max": "max",
        }

    def read(self, path: Path) -> str:
        return self.text[str(path)]

    def exists(self, path: Path) -> bool:
        return str(path) in self.text

    def directories(self, path: Path) -> list[str]:
        return ["init.scope"] if str(path) == "/sys/fs/cgroup" else []


@pytest.fixture
def place(
    host: Callable[..., Host], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> guest_handles.GuestPlace:
    """A guest on a host that has another kernel and withholds much."""
    said = FakeGuest({"--version": "runc version 1.1.5\nspec: 1.0.2\n"})
    monkeypatch.setattr(guest_handles, "GuestKernel", Kernel)
    monkeypatch.setattr(guest_handles, "connected", lambda *_, **__: said)
    poor = host(cgroup_version=1, cgroup_mounts={}, kernel="5.10", sys_resource=False)
    return guest_handles.look(tmp_path / "agent.sock", poor, slowness=8.0, accelerator="tcg")


def test_what_is_found_is_the_guests_and_not_this_hosts(place: guest_handles.GuestPlace) -> None:
    assert place.host.cgroup_version == 2
    assert place.host.cgroup_mounts == {"unified": Path("/sys/fs/cgroup")}
    assert place.host.kernel == "6.1.0-49-cloud-amd64"
    assert place.os == "Debian GNU/Linux 12 (bookworm)"
    assert place.limits == ("no hugetlb (the cgroup controller is not there)",)


def test_another_cgroup_version_than_was_asked_for_is_an_error(
    place: guest_handles.GuestPlace,
) -> None:
    guest_handles.check_cgroup_version(place, 2)
    with pytest.raises(HarnessError, match="another cgroup version"):
        guest_handles.check_cgroup_version(place, 1)


@pytest.mark.parametrize(
    ("driver", "parent", "flags"),
    [("systemd", "podresize.slice", ("--systemd-cgroup",)), ("cgroupfs", "podresize", ())],
)
def test_an_oci_runtime_alone_is_called_for_its_driver(
    place: guest_handles.GuestPlace, driver: str, parent: str, flags: tuple[str, ...]
) -> None:
    target = RuntimeTarget(provider="vm", alone=True, cgroup_driver=driver)

    handle = guest_handles.alone_handle(Layout(name="one", index=3), target, place)

    assert handle.oci is not None
    assert (handle.cgroup_parent, handle.oci.flags) == (parent, flags)
    assert handle.oci.program == Path("/usr/local/sbin/runc")
    assert handle.image == "/var/lib/podresize/rootfs"
    found = handle.fingerprint
    assert (found.runtime, found.oci_runtime_version) == (NO_RUNTIME, "1.1.5")
    assert (found.cgroup_version, found.cgroup_driver, found.slowness) == (2, driver, 8.0)
    assert found.accelerator == "tcg"
    assert found.host_limits[1].startswith("no cri")
    assert handle.agent == str(place.agent)
    assert RuntimeHandle.from_json(json.loads(json.dumps(handle.to_json()))) == handle


class Cri:
    """A guest's containerd behind the relay."""

    systemd = True

    def __init__(self, endpoint: str, *, timeout: float) -> None:
        assert (endpoint[-9:], timeout) == ("/tap.sock", 40.0)

    def __enter__(self) -> Cri:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def version(self) -> dict[str, str]:
        return {
            "runtime_name": "containerd",
            "runtime_version": "v2.1.4",
            "runtime_api_version": "v1",
        }


@pytest.fixture
def containerd(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have a guest's containerd say which driver it has."""

    def says(*, systemd: bool) -> None:
        options = {"BinaryName": "/usr/local/sbin/runc", "SystemdCgroup": systemd}
        runtimes = {"runc": {"runtimeType": "io.containerd.runc.v2", "options": options}}
        info = {"config": {"containerd": {"defaultRuntimeName": "runc", "runtimes": runtimes}}}
        monkeypatch.setattr(guest_handles, "RuntimeClient", Cri)
        monkeypatch.setattr(guest_handles, "status_when_ready", lambda *_, **__: info)

    return says


def test_a_containerd_in_a_guest_is_reached_by_the_tap_and_its_program_by_the_agent(
    place: guest_handles.GuestPlace, containerd: Callable[..., None]
) -> None:
    containerd(systemd=True)
    target = RuntimeTarget(provider="vm", containerd="2.1.4", tap=True, faults=("status-empty",))
    layout = Layout(name="one", index=3)
    nobody: Any = None

    handle = guest_handles.containerd_handle(layout, target, place, nobody)

    assert handle.endpoint == f"unix://{layout.tap_socket}"
    assert handle.oci is not None
    assert handle.oci.program == Path("/usr/local/sbin/runc")
    assert handle.oci.root == Path("/run/containerd/runc/k8s.io")
    assert handle.cgroup_parent == "podresize.slice"
    assert handle.faults == ("status-empty",)
    assert handle.calls == layout.calls
    found = handle.fingerprint
    assert (found.runtime_version, found.oci_runtime_version) == ("2.1.4", "1.1.5")
    assert (found.cgroup_driver, found.slowness) == ("systemd", 8.0)
    assert found.accelerator == "tcg"
    assert found.os_image == "Debian GNU/Linux 12 (bookworm)"


def test_another_driver_than_was_asked_for_is_an_error(
    place: guest_handles.GuestPlace, containerd: Callable[..., None]
) -> None:
    containerd(systemd=False)
    nobody: Any = None

    with pytest.raises(HarnessError, match="another cgroup driver"):
        guest_handles.containerd_handle(
            *(Layout(name="one", index=3), RuntimeTarget(provider="vm", tap=True), place, nobody)
        )


@pytest.mark.parametrize(
    ("text", "name"),
    [(OS_RELEASE, "Debian GNU/Linux 12 (bookworm)"), ("PRETTY_NAME=x\n", "x"), ("", "unknown")],
)
def test_an_os_is_called_as_it_calls_itself(text: str, name: str) -> None:
    assert fingerprint.os_image_in(text) == name


def test_who_makes_it_says_what_is_done_differently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podresize.providers.vm.host.about_kvm", lambda: "KVM works")

    emulated = dataclasses.replace(VM, accelerator="tcg")

    assert "what runs it: KVM works" in provider.notes(VM)
    assert "what runs it: KVM works" not in provider.notes(RuntimeTarget())
    assert "what runs it: KVM" in provider.notes(VM, accelerator="kvm")
    assert any(each.startswith("what runs it: emulation") for each in provider.notes(emulated))


def test_a_mistyped_kernel_is_told_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: Target, *, kernel: str, **__: object) -> None:
        raise UsageError("The OS offers no such kernel.", value=kernel)

    monkeypatch.setattr("podresize.artifacts.guest.check_guest", refuse)
    monkeypatch.setattr(guest, "get_artifact", None)

    with pytest.raises(UsageError, match="no such kernel"):
        provider.gather(dataclasses.replace(VM, kernel="6.1"))


def test_a_runtimes_logs_have_the_guests_journal(
    place: guest_handles.GuestPlace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log/qemu.log").write_text("of qemu")
    target = RuntimeTarget(provider="vm", alone=True)
    handle = guest_handles.alone_handle(Layout(name="one", index=3), target, place)
    said = FakeGuest({"journalctl": "of containerd\n"})
    monkeypatch.setattr(journal, "connected", lambda *_, **__: said)
    monkeypatch.setattr(journal, "why_silent", lambda *_, **__: None)

    provider.keep_logs(dataclasses.replace(handle, logs=tmp_path / "log"), tmp_path / "kept")

    found = {each.name: each.read_text() for each in (tmp_path / "kept").iterdir()}
    assert found == {"qemu.log": "of qemu", "containerd.log": "of containerd\n"}


def test_up_orders_a_runtime_of_the_kept_guest(
    monkeypatch: pytest.MonkeyPatch,
    host: Callable[..., Host],
    tmp_path: Path,
) -> None:
    """All but the artifacts and the supervisor, which are others'."""
    ordered: dict[str, Any] = {}
    parts: Any = None
    gone_on = KeptGuest(
        machine=Machine(accelerator="tcg", cgroup_version=2, arch="amd64"),
        parts=parts,
        kept=Kept(directory=tmp_path, slowness=8.0),
    )
    monkeypatch.setattr(KeptGuest, "to_json", lambda _: {"kept": {}})
    kubelet: Any = type("K", (), {"component": "kubernetes", "files": {"kubelet": tmp_path}})()
    gathered = guest.Gathered(kubernetes=kubelet, parts=parts)
    monkeypatch.setattr(guest, "gather", lambda *_, **__: gathered)
    monkeypatch.setattr(guest, "check_host", host)
    asked: list[Target] = []

    def found(target: Target, *_: object, **__: object) -> KeptGuest:
        asked.append(target)
        return gone_on

    monkeypatch.setattr(guest, "guest_for", found)

    def started(beginning: Beginning, order: dict[str, Any], **how: Any) -> str:
        ordered.update(order, name=beginning.name, patience=how["patience"])
        return "a handle"

    monkeypatch.setattr(guest, "start", started)

    (tmp_path / "kept.json").write_text("{}")
    target = RuntimeTarget(provider="vm", cgroup="v2")
    handle: object = provider.up(target, name="one")

    assert handle == "a handle"

    assert asked == [Target(provider="vm", cgroup="v2")]
    assert (ordered["name"], ordered["what"], ordered["patience"]) == ("one", "runtime", 8.0)
    assert ordered["making"].endswith("runtime_making:GuestRuntimeMaking")
    assert ordered["programs"] == {"kubelet": str(tmp_path)}
    assert RuntimeTarget(**ordered["target"]) == target
