"""The cluster's network namespace and its one link to the host.

The link's far end lives in the cluster's namespace, so the kernel removes both ends when the last
process in it is gone. There is no route out: nothing that runs in the cluster reaches further than
the host's end of the link.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

from podresize.providers import linux
from podresize.providers.local.layout import Layout

_LINKS = Path("/sys/class/net")


def _ip(*arguments: str, namespace: int | None = None) -> None:
    command = ["ip", *arguments]
    if namespace is not None:
        command = ["nsenter", f"--net=/proc/self/fd/{namespace}", *command]
    keep = () if namespace is None else (namespace,)
    done = subprocess.run(command, capture_output=True, text=True, pass_fds=keep, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


def enter(layout: Layout) -> None:
    """Move this process into a new network namespace and link it to the one it came from."""
    host = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        linux.unshare(linux.CLONE_NEWNET)
        command = ["link", "add", "eth0", "type", "veth", "peer", "name", layout.link]
        _run_with_host(host, [*command, "netns", f"/proc/self/fd/{host}"])
        # Whose it is: another cluster, with another state root, can have the index some day.
        _ip("link", "set", layout.link, "alias", str(layout.directory), namespace=host)
        _ip("addr", "add", f"{layout.host_address}/30", "dev", layout.link, namespace=host)
        _ip("link", "set", layout.link, "up", namespace=host)
        _ip("link", "set", "lo", "up")
        _ip("addr", "add", f"{layout.node_address}/30", "dev", "eth0")
        _ip("link", "set", "eth0", "up")
    finally:
        os.close(host)


def join(layout: Layout, host: Layout, namespace: int) -> None:
    """Link this process's network to that of the cluster that this node joins.

    ``namespace`` is a descriptor of the other one's. Only the two node addresses are reached by
    this link.
    """
    there, here = layout.side_addresses
    command = ["link", "add", "eth1", "type", "veth", "peer", "name", layout.side_link]
    _run_with_host(namespace, [*command, "netns", f"/proc/self/fd/{namespace}"])
    _ip("addr", "add", f"{there}/30", "dev", layout.side_link, namespace=namespace)
    _ip("link", "set", layout.side_link, "up", namespace=namespace)
    _ip("addr", "add", f"{here}/30", "dev", "eth1")
    _ip("link", "set", "eth1", "up")
    _ip("route", "add", f"{host.node_address}/32", "via", there)
    _ip("route", "add", f"{layout.node_address}/32", "via", here, namespace=namespace)


def namespace_of(supervisor: tuple[int, int]) -> int:
    """Open the network namespace of the cluster with this supervisor; return the descriptor.

    ``supervisor`` is (pid, start ticks). Raises ``OSError`` when it has ended.
    """
    mine = Path("/proc/self/ns/net").readlink()
    for child in linux.children(supervisor[0]) if linux.is_alive(*supervisor) else ():
        with contextlib.suppress(OSError):
            namespace = Path("/proc", str(child), "ns/net")
            # Its other child, the guardian, is in the host's.
            if namespace.readlink() != mine:
                return os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    raise OSError(f"the cluster of process {supervisor[0]}, which a node was to join, has ended")


def _run_with_host(host: int, arguments: list[str]) -> None:
    done = subprocess.run(
        ["ip", *arguments], capture_output=True, text=True, pass_fds=(host,), check=False
    )
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def taken_indices() -> set[int]:
    """Return the indices whose link exists, whichever state root their clusters belong to."""
    names = (link.name.removeprefix("podresize") for link in _LINKS.glob("podresize*"))
    return {int(name) for name in names if name.isdigit()}


def remove_links(layout: Layout, *, joins: tuple[int, int] | None) -> None:
    """Delete the other ends if the kernel has not done it yet; absent or another's is fine.

    The kernel ends namespaces one after the other, some time after their last process: a busy host
    had one's links for more than 10 s, and the next cluster may get its index. ``joins`` is the
    supervisor of the cluster that the node had joined.
    """
    with contextlib.suppress(OSError):
        if (_LINKS / layout.link / "ifalias").read_text().strip() == str(layout.directory):
            subprocess.run(["ip", "link", "delete", layout.link], capture_output=True, check=False)
    if joins is not None:
        with contextlib.suppress(OSError):
            namespace = namespace_of(joins)
            try:
                _ip("link", "delete", layout.side_link, namespace=namespace)
            finally:
                os.close(namespace)
