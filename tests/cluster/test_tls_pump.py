"""TLS by one thread: what goes through it, both ways at once, and how it ends."""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.cluster.test_kubeconfig import self_signed

from podresize.cluster.tls_pump import plain_end

SECONDS = 30.0
# More than all buffers on the way hold.
MUCH = bytes(range(256)) * (32 << 10)

Served = Callable[[ssl.SSLSocket], object]


class Peer:
    """A TLS server that does something with its one connection, in a thread of its own."""

    def __init__(self, directory: Path, somebody: ThreadPoolExecutor) -> None:
        certificate, key = self_signed("server")
        (directory / "crt").write_text(certificate)
        (directory / "key").write_text(key)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(directory / "crt", directory / "key")
        self._client = ssl.create_default_context(cadata=certificate)
        self._client.check_hostname = False
        self._somebody = somebody
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(SECONDS)

    def serve(self, act: Served) -> tuple[socket.socket, Future[object]]:
        """Return the plain end of a connection, and what the server will have made of it."""

        def accept() -> object:
            connection, _ = self._listener.accept()
            connection.settimeout(SECONDS)
            with self._context.wrap_socket(connection, server_side=True) as tls:
                return act(tls)

        made = self._somebody.submit(accept)
        connected = socket.create_connection(self._listener.getsockname(), timeout=SECONDS)
        end = plain_end(connected, self._client, host="server")
        end.settimeout(SECONDS)
        return end, made

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    with ThreadPoolExecutor(max_workers=2) as somebody:
        made = Peer(tmp_path, somebody)
        yield made
        made.close()


def read_all(end: socket.socket) -> bytes:
    """Read to the end of the file."""
    found = bytearray()
    while data := end.recv(65536):
        found += data
    return bytes(found)


def test_much_goes_both_ways_at_once(peer: Peer) -> None:
    def act(tls: ssl.SSLSocket) -> str:
        tls.sendall(MUCH)
        heard = bytearray()
        while len(heard) < len(MUCH):
            heard += tls.recv(65536)
        return hashlib.sha256(heard).hexdigest()

    end, made = peer.serve(act)
    with end, ThreadPoolExecutor(max_workers=1) as sender:
        sent = sender.submit(end.sendall, MUCH)
        assert read_all(end) == MUCH
        sent.result(SECONDS)

    assert made.result(SECONDS) == hashlib.sha256(MUCH).hexdigest()


def test_the_end_of_the_connection_comes_after_all_that_was_sent(peer: Peer) -> None:
    end, made = peer.serve(lambda tls: tls.sendall(b"the last word"))

    with end:
        made.result(SECONDS)
        # The reader may be slow, and may answer what it has read: a close frame, say.
        end.sendall(b"good bye")
        assert read_all(end) == b"the last word"


@pytest.mark.parametrize("how", [socket.socket.close, lambda end: end.shutdown(socket.SHUT_RDWR)])
def test_who_closes_the_plain_end_ends_the_connection(
    peer: Peer, how: Callable[[socket.socket], object]
) -> None:
    def act(tls: ssl.SSLSocket) -> bytes:
        try:
            return tls.recv(16)
        except (ssl.SSLEOFError, ConnectionResetError):
            return b""

    end, made = peer.serve(act)
    with end:
        how(end)
        assert made.result(SECONDS) == b""
