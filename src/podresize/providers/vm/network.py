"""The guest's address in the cluster's network namespace.

QEMU listens there at the address that the guest has, so that the apiserver reaches the kubelet
where the node says it is. The connection's other end must not be that address as well, or the guest
would take what it gets for its own and never answer: QEMU passes it on as it is.
"""

from __future__ import annotations

import subprocess

from podresize.providers.vm.layout import ADDRESS


def enter(source: str) -> None:
    """Give this process's network the guest's address; who connects to it comes from ``source``.

    Raises ``OSError`` as the namespace's other calls do.
    """
    for command in commands(source):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


def commands(source: str) -> list[list[str]]:
    """Return the commands that do it."""
    route = ["route", "replace", "local", ADDRESS, "dev", "lo", "table", "local", "src", source]
    return [["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"], ["ip", *route]]
