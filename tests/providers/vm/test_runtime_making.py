"""What a supervisor is given for a runtime alone in a guest, and what is done to that guest."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podresize.errors import HarnessError
from podresize.providers.host import Host
from podresize.providers.local.layout import Layout
from podresize.providers.local.supervisor import making_of
from podresize.providers.vm import oci_alone, resuming, resuming_runtime, runtime_making
from podresize.providers.vm import parts as guest_parts
from podresize.providers.vm.layout import GuestLayout
from podresize.providers.vm.machine import Machine, resume_command
from podresize.providers.vm.parts import Parts
from podresize.providers.vm.runtime_making import GuestRuntimeMaking
from podresize.providers.vm.snapshot import Kept
from podresize.providers.vm.steps import Steps
from podresize.requirements.runtime_target import RuntimeTarget

CONFIG = Path("/etc/containerd/config.toml")


@pytest.fixture
def order(parts: Parts, machine: Machine, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return an order for a runtime of a target, its kept guest among it, as JSON has it."""
    parts.qemu.image.write_text('#!/bin/sh\nfor last; do :; done\necho "$@" >"$last"\n')
    parts.qemu.image.chmod(0o755)

    def made(**target: Any) -> dict[str, Any]:
        raw: dict[str, Any] = {
            "programs": {"kubelet": "/cache/kubelet"},
            "runtimes": {},
            "cni": None,
            "images": [],
            "keep": ["/cache"],
            "etcd_version": None,
            "making": runtime_making.RUNTIME,
            "joins": None,
            "target": dataclasses.asdict(RuntimeTarget(provider="vm", **target)),
            "guest": {
                "parts": guest_parts.to_json(parts),
                "machine": dataclasses.asdict(machine),
                "kept": Kept(directory=tmp_path / "kept", slowness=8.0).to_json(),
            },
        }
        again: dict[str, Any] = json.loads(json.dumps(raw))
        return again

    return made


@pytest.fixture
def cluster(state_dir: Path) -> Layout:
    layout = Layout(name="one", index=3)
    layout.directory.mkdir(parents=True)
    assert layout.directory.is_relative_to(state_dir)
    return layout


def test_there_is_a_machine_and_nothing_of_kubernetes(
    order: Callable[..., dict[str, Any]], cluster: Layout
) -> None:
    made = making_of(order())
    found = {each.name: each for each in made.components(cluster)}

    assert isinstance(made, GuestRuntimeMaking)
    assert list(found) == ["qemu", "relay", "guest"]
    assert found["guest"].job
    assert found["guest"].command[2] == "podresize.providers.vm.resuming_runtime"
    forward = f"{cluster.run}/containerd.sock=/run/containerd/containerd.sock"
    assert found["relay"].command[-2:] == ("--forward", forward)
    # Nobody calls its kubelet, and nothing has its address.
    assert "hostfwd" not in " ".join(found["qemu"].command)
    assert "-incoming" in found["qemu"].command
    assert made.patience == 8.0


def test_a_clusters_machine_is_the_same_but_for_what_is_forwarded(
    machine: Machine, parts: Parts, layout: GuestLayout
) -> None:
    """Or the kept guest would not wake up in it."""
    memory = Path("/kept/memory")
    node = resume_command(machine, parts, layout, memory=memory)
    alone = resume_command(machine, parts, layout, memory=memory, forwards=False)

    forward = ",hostfwd=tcp:10.0.2.15:10250-10.0.2.15:10250"
    assert node != alone
    assert tuple(word.replace(forward, "") for word in node) == alone


def test_a_tap_stands_before_the_guests_runtime_and_is_not_its(
    order: Callable[..., dict[str, Any]], cluster: Layout
) -> None:
    made = making_of(order(tap=True, faults=("update-dropped",)))
    found = {each.name: each for each in made.components(cluster)}

    assert list(found) == ["qemu", "relay", "tap", "guest"]
    assert "--backward" not in found["relay"].command
    assert f"unix://{cluster.containerd_socket}" in " ".join(found["tap"].command)
    assert "--fault=update-dropped" in found["tap"].command
    known = made.conditions(cluster).held
    assert {name for each in found.values() for name in each.after} <= known.keys()


def test_an_oci_runtime_alone_has_no_socket(
    order: Callable[..., dict[str, Any]], cluster: Layout
) -> None:
    found = {each.name: each for each in making_of(order(alone=True)).components(cluster)}

    assert "--forward" not in found["relay"].command


@pytest.mark.parametrize(
    ("target", "driver", "alone"),
    [({}, "systemd", False), ({"cgroup_driver": "cgroupfs", "alone": True}, "cgroupfs", True)],
)
def test_what_is_to_be_done_to_the_guest_is_written_down(
    order: Callable[..., dict[str, Any]],
    cluster: Layout,
    host: Callable[..., Host],
    target: dict[str, Any],
    driver: str,
    alone: bool,
) -> None:
    making_of(order(**target)).prepare(cluster, host())

    assert json.loads((cluster.etc / "guest.json").read_text()) == {
        "name": "one",
        "index": 3,
        "driver": driver,
        "alone": alone,
        "slowness": 8.0,
    }
    assert "/kept/scratch.qcow2" in (cluster.directory / "scratch.qcow2").read_text()
    assert not cluster.pki.exists()


def test_its_components_are_the_guests_unit(
    order: Callable[..., dict[str, Any]],
    cluster: Layout,
    guest_says: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Init:
        def running(self) -> dict[str, bool]:
            return {"qemu": True, "tap": True}

    init: Any = Init()
    monkeypatch.setattr(runtime_making, "connected", lambda *_, **__: guest_says())

    for alone, there in ((False, {"tap", "containerd"}), (True, {"tap"})):
        commanded = making_of(order(alone=alone)).commanded(cluster, init)
        assert set(commanded.running()) == there


@pytest.fixture
def guest(guest_says: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A guest that has gone on."""
    found = guest_says()
    found.files[CONFIG] = (b"  SystemdCgroup = true\n", 0o644)
    found.files[Path("/var/lib/podresize/unpacked/manifest.json")] = (
        json.dumps(
            [
                {"RepoTags": ["podresize.local/pause:1"], "Layers": ["blobs/sha256/none"]},
                {
                    "RepoTags": ["podresize.local/workload:1"],
                    "Layers": ["blobs/sha256/one", "blobs/sha256/two"],
                },
            ]
        ).encode(),
        0o644,
    )
    monkeypatch.setattr(resuming_runtime, "go_on", lambda *_, **__: found)
    return found


def test_a_runtime_gets_its_driver_and_no_kubelet_is_started(
    guest: Any, layout: GuestLayout
) -> None:
    orders = {"driver": "cgroupfs", "alone": False, "slowness": 1.0}

    resuming_runtime.resume_runtime(layout, orders)

    assert guest.files[CONFIG][0] == b"  SystemdCgroup = false\n"
    assert guest.ran[-1] == ("systemctl", "restart", "containerd.service")
    assert not [each for each in guest.ran if "kubelet" in " ".join(each)]
    assert [each.name for each in Steps(layout.steps).read()] == [
        "guest has its time and its names",
        "runtime has the cgroup driver cgroupfs",
    ]


def test_of_an_oci_runtime_alone_the_image_is_unpacked_and_containerd_ended(
    guest: Any, layout: GuestLayout
) -> None:
    orders = {"driver": "systemd", "alone": True, "slowness": 1.0}

    resuming_runtime.resume_runtime(layout, orders)

    first, second = (each[-1].splitlines() for each in guest.ran[1:])
    assert "systemctl stop podresize-images.service containerd.service" in first
    assert first[-1] == "tar -xf /opt/podresize/images.tar -C /var/lib/podresize/unpacked"
    place = "/var/lib/podresize/unpacked/blobs/sha256"
    assert second[1:3] == [
        f"tar -xf {place}/one -C /var/lib/podresize/rootfs",
        f"tar -xf {place}/two -C /var/lib/podresize/rootfs",
    ]
    assert guest.files[CONFIG][0] == b"  SystemdCgroup = true\n"


def test_a_layer_is_no_word_of_the_shells() -> None:
    assert "'/var/lib/podresize/unpacked/a;b'" in oci_alone.second_script(["a;b"])


def lines_of_the_cgroup() -> list[str]:
    """Return what makes the cgroup, out of the whole script."""
    lines = oci_alone.first_script("cgroupfs").splitlines()
    return lines[next(i for i, line in enumerate(lines) if line.startswith("cd ")) :]


def test_a_cgroup_gets_the_controllers_that_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oci_alone, "GUEST_CGROUP", tmp_path)
    for place in (tmp_path, tmp_path / "podresize"):
        place.mkdir(exist_ok=True)
        (place / "cgroup.controllers").write_text("cpuset cpu memory rdma\n")

    subprocess.run(["sh", "-euc", "\n".join(lines_of_the_cgroup())], check=True)

    # The kernel takes each by a write of its own; here the last one stays.
    for place in (tmp_path, tmp_path / "podresize"):
        assert (place / "cgroup.subtree_control").read_text() == "+memory\n"


def test_on_v1_it_gets_processors_to_hand_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oci_alone, "GUEST_CGROUP", tmp_path)
    for name in ("cpuset", "memory"):
        (tmp_path / name).mkdir()
    (tmp_path / "cpuset/cpuset.cpus").write_text("0-1\n")
    (tmp_path / "cpuset/cpuset.mems").write_text("0\n")

    subprocess.run(["sh", "-euc", "\n".join(lines_of_the_cgroup())], check=True)

    assert (tmp_path / "cpuset/podresize/cpuset.cpus").read_text() == "0-1\n"
    assert list((tmp_path / "memory/podresize").iterdir()) == []


def test_systemd_makes_its_cgroups_itself() -> None:
    assert "cgroup" not in oci_alone.first_script("systemd")


def test_a_guest_that_does_not_go_on_is_told_in_the_log(
    layout: GuestLayout, capsys: pytest.CaptureFixture[str]
) -> None:
    layout.orders.write_text(json.dumps({"name": "one", "index": 3, "slowness": 1.0}))

    def fails(given: GuestLayout, orders: dict[str, Any]) -> None:
        assert (given, orders["slowness"]) == (layout, 1.0)
        raise HarnessError("the memory was not read", causes=("a full disk",))

    assert resuming.carry_out([str(layout.orders)], fails) == 1
    assert "the memory was not read; a full disk" in capsys.readouterr().err
