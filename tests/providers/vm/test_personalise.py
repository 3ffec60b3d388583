"""What makes a booted guest the node of one cluster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from podresize.providers.host import Host
from podresize.providers.vm.configuration import (
    guest_host,
    kubelet,
    kubelet_environment,
    with_driver,
)
from podresize.providers.vm.layout import GuestLayout
from podresize.providers.vm.personalise import files_of, personalise, script, set_names
from podresize.requirements.target import Target

CONFIG = Path("/etc/containerd/config.toml")
TEMPLATE = b"""version = 2
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  BinaryName = "/usr/local/sbin/runc"
  SystemdCgroup = true
"""


@pytest.fixture
def written(layout: GuestLayout) -> GuestLayout:
    """The files of a cluster, as its making writes them."""
    cluster = layout.cluster
    for name in ("ca.crt", "kubelet-server.crt", "kubelet-server.key"):
        (cluster.pki / name).write_text(name)
    for name in ("kubelet.kubeconfig", "kubelet.yaml", "kubelet.env", "resolv.conf"):
        (cluster.etc / name).write_text(name)
    return layout


def test_what_is_secret_only_root_reads(written: GuestLayout) -> None:
    found = files_of(written.cluster)

    secret = {path.name for path, (_, mode) in found.items() if mode == 0o600}
    assert secret == {"kubelet-server.key", "kubelet.kubeconfig"}
    assert found[Path("/etc/podresize/pki/ca.crt")] == (b"ca.crt", 0o644)


def test_a_guest_gets_the_time_of_day_its_names_and_its_network() -> None:
    lines = script("one-node", machine_id="0a1b", now=1700000000.25).splitlines()

    assert lines[0] == "set -eu"
    assert "date --utc --set=@1700000000.250 >/dev/null" in lines
    assert "echo 0a1b >/etc/machine-id" in lines
    assert "echo one-node >/proc/sys/kernel/hostname" in lines
    assert "ip address replace 10.0.2.15/24 dev eth0" in lines
    assert lines[-1] == "ip route replace default via 10.0.2.2"


def test_a_guest_has_swap_where_it_is_to_have_some() -> None:
    lines = script("one-node", machine_id="0a1b", now=1.0, swap=512).splitlines()

    assert lines[-4:] == [
        "fallocate -l 512M /var/lib/containerd/swap",
        "chmod 600 /var/lib/containerd/swap",
        "mkswap /var/lib/containerd/swap >/dev/null",
        "swapon /var/lib/containerd/swap",
    ]


def test_no_guest_draws_the_random_numbers_of_another(
    written: GuestLayout, guest_says: Callable[..., Any]
) -> None:
    guests = [guest_says(), guest_says()]
    for guest in guests:
        guest.files[CONFIG] = (TEMPLATE, 0o644)
        personalise(guest, written.cluster, driver="systemd")

    (one,), (other,) = (guest.seeds for guest in guests)
    assert len(one) == len(other) == 32
    assert one != other


def test_a_runtime_that_has_the_driver_is_left_alone(
    written: GuestLayout, guest_says: Callable[..., Any]
) -> None:
    guest = guest_says()
    guest.files[CONFIG] = (TEMPLATE, 0o644)

    personalise(guest, written.cluster, driver="systemd")

    assert len(guest.ran) == 1
    assert guest.files[CONFIG][0] == TEMPLATE


def test_a_runtime_with_the_other_driver_is_started_anew_with_this_one(
    written: GuestLayout, guest_says: Callable[..., Any]
) -> None:
    guest = guest_says()
    guest.files[CONFIG] = (TEMPLATE, 0o644)

    personalise(guest, written.cluster, driver="cgroupfs")

    assert b"SystemdCgroup = false" in guest.files[CONFIG][0]
    assert guest.ran[-1] == ("systemctl", "restart", "containerd.service")


def test_a_guest_without_kubernetes_gets_its_time_and_names_and_no_file(
    guest_says: Callable[..., Any],
) -> None:
    guest = guest_says()

    set_names(guest, "one-node")

    ((shell, _, said),) = guest.ran
    assert shell == "/bin/sh"
    assert "echo one-node >/etc/hostname" in said
    assert guest.files == {}


def test_the_driver_is_that_of_every_handler() -> None:
    both = "  SystemdCgroup = true\n[x]\n\tSystemdCgroup=false\n  NoSystemdCgroup = 1\n"

    assert with_driver(both, "cgroupfs").count("false") == 2
    assert with_driver(both, "systemd").count("true") == 2


@pytest.mark.parametrize(("driver", "wanted"), [(None, "systemd"), ("cgroupfs", "cgroupfs")])
def test_the_kubelet_of_a_guest_is_systemds_by_default(
    host: Callable[..., Host], driver: str | None, wanted: str
) -> None:
    here = host(sys_resource=False, cgroup_version=1, swap=1 << 30)
    guest = guest_host(here, cgroup_version=2)

    found = kubelet(Target(provider="vm", cgroup_driver=driver), guest, {"maxPods": 5})

    assert found["cgroupDriver"] == wanted
    assert "cgroupRoot" not in found
    assert found["address"] == "10.0.2.15"
    assert found["maxPods"] == 5
    # Nothing that this host withholds is withheld there.
    assert "KubeletInUserNamespace" not in found["featureGates"]
    assert found["containerRuntimeEndpoint"] == "unix:///run/containerd/containerd.sock"
    assert yaml.safe_load(yaml.safe_dump(found)) == found


def test_a_new_kubelet_takes_cgroup_v1_where_it_is_asked_for(host: Callable[..., Host]) -> None:
    target = Target(provider="vm", kubernetes="1.37.2", cgroup="v1")

    assert kubelet(target, guest_host(host(), cgroup_version=1), {})["failCgroupV1"] is False
    assert "failCgroupV1" not in kubelet(target, guest_host(host(), cgroup_version=2), {})


def test_behind_a_tap_the_kubelet_asks_the_tap(host: Callable[..., Host]) -> None:
    found = kubelet(Target(provider="vm", tap=True), guest_host(host(), cgroup_version=2), {})

    assert found["containerRuntimeEndpoint"] == "unix:///run/podresize-tap.sock"


def test_the_kubelets_command_line_is_one_variable(layout: GuestLayout) -> None:
    text = kubelet_environment(layout.cluster)

    assert text.startswith('KUBELET_ARGS="--config=/etc/podresize/kubelet.yaml ')
    assert "--hostname-override=one-node --node-ip=10.0.2.15" in text
    assert text.endswith('"\n')
    assert text.count("\n") == 1
