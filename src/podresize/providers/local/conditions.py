"""What a component waits for before it starts: that a server listens, that the API is ready."""

from __future__ import annotations

import dataclasses
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from podresize.providers.local.layout import Layout

Holds = Callable[[], bool]
"""A question without arguments that is asked again and again."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What is to hold of a cluster's components.

    ``held`` are the conditions that a start waits for, by the names that ``Component.after`` uses;
    ``answers`` says of a component, by its own name, whether it takes what it is started for.
    """

    held: dict[str, Holds]
    answers: dict[str, Holds]


def conditions_of(layout: Layout, names: Collection[str]) -> Conditions:
    """Return the conditions of those of these components that have any."""
    held: dict[str, Holds] = {}
    answers: dict[str, Holds] = {}
    for name, path in (("containerd", layout.containerd_socket), ("tap", layout.tap_socket)):
        if name in names:
            held[name] = answers[name] = listens_at(path)
    if "kube-apiserver" in names:
        address = layout.node_address
        etcd = answers["etcd"] = lambda: accepts(socket.AF_INET, ("127.0.0.1", 2379))
        ready = answers["kube-apiserver"] = ApiserverProbe(layout)
        held |= {
            "etcd": etcd,
            "apiserver-port": lambda: accepts(socket.AF_INET, (address, 6443)),
            "apiserver": Asked(ready),
        }
    return Conditions(held=held, answers=answers)


def listens_at(path: Path) -> Holds:
    """Return the question whether something takes connections at a socket's path."""
    return lambda: accepts(socket.AF_UNIX, str(path))


def accepts(family: socket.AddressFamily, address: Any) -> bool:
    """Return whether something takes connections at the address."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(address) == 0


class ApiserverProbe:
    """Asks ``/readyz`` as the administrator."""

    def __init__(self, layout: Layout) -> None:
        self._address = layout.node_address
        self._context = ssl.create_default_context(cafile=str(layout.pki / "ca.crt"))
        self._context.load_cert_chain(layout.pki / "admin.crt", layout.pki / "admin.key")

    def __call__(self) -> bool:
        """Return whether it says that it is ready."""
        connection = http.client.HTTPSConnection(
            self._address, 6443, timeout=1.0, context=self._context
        )
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class Asked:
    """A condition that takes long to answer, asked in a thread of its own."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask = ask
        self._thread: threading.Thread | None = None
        self._holds = False

    def __call__(self) -> bool:
        """Return whether it held when it was last asked; ask again where it did not."""
        if not self._holds and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        return self._holds

    def _run(self) -> None:
        self._holds = self._ask()
