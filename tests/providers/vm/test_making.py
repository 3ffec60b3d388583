"""What a supervisor is given to start: a control plane, QEMU, the relay, and who deals with it."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podresize.errors import HarnessError
from podresize.providers.host import Host
from podresize.providers.local.layout import Layout
from podresize.providers.local.supervisor import making_of
from podresize.providers.vm import making, network
from podresize.providers.vm import parts as guest_parts
from podresize.providers.vm.machine import Machine
from podresize.providers.vm.making import GuestMaking, NodeMaking
from podresize.providers.vm.parts import Parts
from podresize.providers.vm.snapshot import Kept
from podresize.requirements.target import Target

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")


@pytest.fixture
def order(parts: Parts, machine: Machine, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return an order for a cluster of a target, its kept guest among it."""
    parts.qemu.image.write_text('#!/bin/sh\nfor last; do :; done\necho "$@" >"$last"\n')
    parts.qemu.image.chmod(0o755)

    def made(**target: Any) -> dict[str, Any]:
        return {
            "programs": {name: f"/cache/{name}" for name in PROGRAMS},
            "runtimes": {},
            "cni": None,
            "images": [],
            "keep": ["/cache"],
            "etcd_version": "3.5.21",
            "making": making.NODE,
            "joins": None,
            "kubelet_overrides": {},
            "target": dataclasses.asdict(Target(provider="vm", **target)),
            "guest": {
                "parts": guest_parts.to_json(parts),
                "machine": dataclasses.asdict(machine),
                "kept": Kept(directory=tmp_path / "kept", slowness=8.0).to_json(),
            },
        }

    return made


@pytest.fixture
def cluster(state_dir: Path) -> Layout:
    layout = Layout(name="one", index=3)
    layout.directory.mkdir(parents=True)
    assert layout.directory.is_relative_to(state_dir)
    return layout


def test_parts_come_out_of_an_order_as_they_went_in(parts: Parts) -> None:
    assert guest_parts.from_json(json.loads(json.dumps(guest_parts.to_json(parts)))) == parts
    assert guest_parts.taken(parts) == parts


def test_the_order_names_its_making(order: Callable[..., dict[str, Any]]) -> None:
    assert isinstance(making_of(order()), NodeMaking)
    assert isinstance(making_of(order() | {"making": making.GUEST}), GuestMaking)


def test_the_node_is_no_process_of_the_cluster(
    order: Callable[..., dict[str, Any]], cluster: Layout
) -> None:
    found = {each.name: each for each in NodeMaking(order()).components(cluster)}

    assert "kubelet" not in found
    assert "containerd" not in found
    assert list(found)[-3:] == ["qemu", "relay", "guest"]
    assert found["guest"].job
    assert (found["relay"].after, found["guest"].after) == (("qemu",), ("relay",))
    assert found["qemu"].others == ("console",)
    # QEMU says why a memory was not read or written, and not to the one who asks it.
    assert found["guest"].others == ("qemu", "kube-apiserver")
    forward = f"{cluster.run}/containerd.sock=/run/containerd/containerd.sock"
    assert found["relay"].command[:3] == (sys.executable, "-m", "podresize.guest.relay")
    assert found["relay"].command[-2:] == ("--forward", forward)


def test_a_tap_stands_between_the_guests_kubelet_and_its_runtime(
    order: Callable[..., dict[str, Any]], cluster: Layout
) -> None:
    made = NodeMaking(order(tap=True, faults=("update-dropped",)))
    found = {each.name: each for each in made.components(cluster)}

    back = f"/run/podresize-tap.sock={cluster.tap_socket}"
    assert found["relay"].command[-2:] == ("--backward", back)
    assert found["tap"].after == ("relay",)
    assert "--fault=update-dropped" in found["tap"].command
    assert found["guest"].after == ("relay", "tap")


def test_what_is_waited_for_is_there(
    order: Callable[..., dict[str, Any]], cluster: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("podresize.providers.local.conditions.ApiserverProbe", lambda _: bool)
    for tap in (False, True):
        made = NodeMaking(order(tap=tap))
        known = made.conditions(cluster).held
        wanted = {name for each in made.components(cluster) for name in each.after}

        assert wanted <= known.keys()
    assert not known["qemu"]()


def test_a_start_may_take_as_long_as_the_guest_is_slow(
    order: Callable[..., dict[str, Any]],
) -> None:
    assert NodeMaking(order()).patience == 8.0


@pytest.mark.parametrize(("accelerator", "patience"), [("tcg", 10.0), ("kvm", 3.0)])
def test_a_boot_with_kvm_is_waited_for_no_longer_than_that_takes(
    order: Callable[..., dict[str, Any]],
    cluster: Layout,
    host: Callable[..., Host],
    accelerator: str,
    patience: float,
) -> None:
    raw = order() | {"making": making.GUEST}
    raw["guest"]["machine"]["accelerator"] = accelerator
    made = GuestMaking(raw)
    made.prepare(cluster, host())

    assert made.patience == making.patience_with(made.machine) == patience
    assert json.loads((cluster.etc / "guest.json").read_text())["patience"] == patience


def test_a_node_is_written_down_before_anything_starts(
    order: Callable[..., dict[str, Any]], cluster: Layout, host: Callable[..., Host]
) -> None:
    NodeMaking(order(cgroup_driver="cgroupfs")).prepare(cluster, host())

    there = {path.name for path in cluster.etc.iterdir()}
    assert {"kubelet.yaml", "kubelet.env", "resolv.conf", "kubelet.kubeconfig"} <= there
    assert "198.18.3.2:6443" in (cluster.etc / "kubelet.kubeconfig").read_text()
    assert (cluster.pki / "kubelet-server.key").stat().st_mode & 0o777 == 0o600
    orders = json.loads((cluster.etc / "guest.json").read_text())
    assert orders == {
        "name": "one",
        "index": 3,
        "driver": "cgroupfs",
        "slowness": 8.0,
        "swap": 0,
    }
    made = (cluster.directory / "scratch.qcow2").read_text()
    assert "/kept/scratch.qcow2" in made


def test_a_node_has_swap_where_its_kubelet_lets_pods_swap(
    order: Callable[..., dict[str, Any]], cluster: Layout, host: Callable[..., Host]
) -> None:
    swaps = {"memorySwap": {"swapBehavior": "LimitedSwap"}}

    NodeMaking(order() | {"kubelet_overrides": swaps}).prepare(cluster, host())

    assert json.loads((cluster.etc / "guest.json").read_text())["swap"] == making.SWAP_MIB


def test_a_guest_to_be_kept_has_no_keys(
    order: Callable[..., dict[str, Any]], cluster: Layout, host: Callable[..., Host], parts: Parts
) -> None:
    made = GuestMaking(order() | {"making": making.GUEST})
    made.prepare(cluster, host())

    assert not cluster.pki.exists()
    assert [each.name for each in made.components(cluster)] == ["qemu", "relay", "guest"]
    assert str(parts.scratch) in (cluster.directory / "scratch.qcow2").read_text()


def test_a_disk_that_cannot_be_made_is_told(
    order: Callable[..., dict[str, Any]], cluster: Layout, host: Callable[..., Host], parts: Parts
) -> None:
    raw = order()
    parts.qemu.image.write_text("#!/bin/sh\necho 'No space left on device' >&2\nexit 1\n")

    with pytest.raises(HarnessError, match="disk was not made") as raised:
        NodeMaking(raw).prepare(cluster, host())

    assert raised.value.causes[0] == "No space left on device"


def test_who_connects_to_the_guests_address_comes_from_another() -> None:
    add, route = network.commands("198.18.3.2")

    assert add == ["ip", "address", "add", "10.0.2.15/32", "dev", "lo"]
    assert route[-2:] == ["src", "198.18.3.2"]
