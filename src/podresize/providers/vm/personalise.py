"""Making a booted guest the node of one cluster: its clock, its names, its keys, its kubelet.

That of a runtime alone gets its clock, its names and its runtime's cgroup driver.

Everything goes to the guest in a few steps, each one way there and back: what takes milliseconds
natively takes tenths of a second where it is emulated.
"""

from __future__ import annotations

import os
import shlex
import time
import uuid
from pathlib import Path

from podresize.providers.local.layout import Layout
from podresize.providers.vm.configuration import with_driver
from podresize.providers.vm.guest_agent import Files, Guest
from podresize.providers.vm.layout import (
    ADDRESS,
    ADDRESS_BITS,
    GATEWAY,
    GUEST_CONTAINERD_CONFIG,
    GUEST_ETC,
)

_SEED_BYTES = 32
# On the scratch disk: on an overlay there can be none.
_SWAP = "/var/lib/containerd/swap"
_PUBLIC, _SECRET = 0o644, 0o600
# What was made for this cluster and is to be in the guest: where it is here, where there, its mode.
_SENT = (
    ("pki/ca.crt", "pki/ca.crt", _PUBLIC),
    ("pki/kubelet-server.crt", "pki/kubelet-server.crt", _PUBLIC),
    ("pki/kubelet-server.key", "pki/kubelet-server.key", _SECRET),
    ("etc/kubelet.kubeconfig", "kubelet.kubeconfig", _SECRET),
    ("etc/kubelet.yaml", "kubelet.yaml", _PUBLIC),
    ("etc/kubelet.env", "kubelet.env", _PUBLIC),
    ("etc/resolv.conf", "resolv.conf", _PUBLIC),
)


def files_of(layout: Layout) -> Files:
    """Return the files of this cluster that its guest gets."""
    return {
        GUEST_ETC / there: ((layout.directory / here).read_bytes(), mode)
        for here, there, mode in _SENT
    }


def script(node_name: str, *, machine_id: str, now: float, swap: int = 0) -> str:
    """Return what is done in the guest at once: clock, names, network, and ``swap`` MiB of swap.

    ``now`` is the time of day, in seconds: a guest that was put away has that of then.
    """
    made = (f"fallocate -l {swap}M {_SWAP}", f"chmod 600 {_SWAP}", f"mkswap {_SWAP} >/dev/null")
    return "\n".join(
        (
            "set -eu",
            f"date --utc --set=@{now:.3f} >/dev/null",
            # In place: the file may be mounted where it is.
            f"echo {machine_id} >/etc/machine-id",
            f"echo {shlex.quote(node_name)} >/etc/hostname",
            f"echo {shlex.quote(node_name)} >/proc/sys/kernel/hostname",
            "ip link set lo up",
            "ip link set eth0 up",
            f"ip address replace {ADDRESS}/{ADDRESS_BITS} dev eth0",
            f"ip route replace default via {GATEWAY}",
            *((*made, f"swapon {_SWAP}") if swap else ()),
        )
    )


def personalise(guest: Guest, layout: Layout, *, driver: str, swap: int = 0) -> None:
    """Give the guest everything but its kubelet's start; ``swap`` in MiB.

    Raises ``HarnessError``.
    """
    set_names(guest, layout.node_name, swap=swap)
    guest.write(files_of(layout))
    set_driver(guest, driver)


def set_names(guest: Guest, node_name: str, *, swap: int = 0) -> None:
    """Give the guest what no other that goes on from the same memory has, and its network.

    That is the time of day, a machine id, its name, random numbers of its own; and ``swap`` MiB.
    """
    guest.seed(os.urandom(_SEED_BYTES))
    machine_id = uuid.uuid4().hex
    done = script(node_name, machine_id=machine_id, now=time.time(), swap=swap)
    guest.run("/bin/sh", "-c", done)


def start_kubelet(guest: Guest) -> None:
    """Start the kubelet, whose unit waits for nobody."""
    guest.run("systemctl", "start", "kubelet.service")


def set_driver(guest: Guest, driver: str) -> None:
    """Have containerd use this cgroup driver; one that does already is left alone."""
    config = Path(GUEST_CONTAINERD_CONFIG)
    have = guest.read(config).decode()
    want = with_driver(have, driver)
    if want != have:
        guest.write({config: (want.encode(), _PUBLIC)})
        guest.run("systemctl", "restart", "containerd.service")
