"""TLS for a websocket, done by one thread alone.

The websockets library reads a TLS socket in one thread while another writes to it. OpenSSL does not
allow that of one connection: with TLS 1.3 the server's session tickets come just then, and one
exec in some dozens stood still for half a minute. So one thread does all of the TLS, and the
library has the plain end of a pair of sockets.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading

_CHUNK = 65536
_FULL = 1 << 20


def plain_end(connected: socket.socket, context: ssl.SSLContext, *, host: str) -> socket.socket:
    """Do the TLS handshake on a connected socket and return a plain one that speaks through it.

    To close or shut down what is returned ends the connection; the end of the connection is an end
    of file there. Raises ``OSError`` when the handshake fails; ``connected`` has the time-out.
    """
    tls = context.wrap_socket(connected, server_hostname=host)
    tls.setblocking(False)
    near, far = socket.socketpair()
    far.setblocking(False)
    pump = threading.Thread(target=_pump, args=(tls, far), name="TLS of a websocket", daemon=True)
    pump.start()
    return near


def _pump(tls: ssl.SSLSocket, far: socket.socket) -> None:
    with tls, far, selectors.DefaultSelector() as selector, contextlib.suppress(OSError):
        outgoing, incoming = bytearray(), bytearray()
        while True:
            for end, wants_read, wants_write in (
                (tls, len(incoming) < _FULL, outgoing),
                (far, len(outgoing) < _FULL, incoming),
            ):
                events = (selectors.EVENT_READ if wants_read else 0) | (
                    selectors.EVENT_WRITE if wants_write else 0
                )
                if end in selector.get_map():
                    selector.unregister(end)
                if events:
                    selector.register(end, events)
            selector.select()
            is_open = _read(tls, incoming)
            _write(far, incoming)
            if not is_open and not incoming:
                _let_finish(far)
                return
            if not _read(far, outgoing):
                return
            _write(tls, outgoing)


def _let_finish(far: socket.socket) -> None:
    """Give the reader its end of file, and wait until it closes.

    It answers what it has read last; were that refused, it would drop what it has not read yet.
    """
    far.shutdown(socket.SHUT_WR)
    far.setblocking(True)
    while far.recv(_CHUNK):
        pass


def _read(end: socket.socket, into: bytearray) -> bool:
    """Take what has arrived, also what TLS holds already; return False at the end of the file."""
    while len(into) < _FULL:
        try:
            data = end.recv(_CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        except OSError:
            return False  # cut off without a word; what was read before still counts
        if not data:
            return False
        into += data
    return True


def _write(end: socket.socket, out: bytearray) -> None:
    """Send as much as goes at once."""
    while out:
        try:
            sent = end.send(out)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        del out[:sent]
