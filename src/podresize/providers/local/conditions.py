"""What a component waits for before it starts: that a server listens, that the API is ready."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

from podresize.providers.local.layout import Layout


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
