"""A registry of one image on the loopback, for as long as a runtime pulls it.

A runtime that is there has no images of ours, and CRI knows no import. containerd and CRI-O take
plain HTTP from a registry on the loopback; it serves what a pull asks (OCI Distribution
Specification 1.1, "Pull"), read-only, out of an OCI archive.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import os
import shutil
import socket
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from podresize.providers import linux

REPOSITORY = "podresize/workload"
_TLS_HANDSHAKE = b"\x16"  # the content type of a connection's first record (RFC 8446, 5.1)
MARK_LABEL = "podresize.run"


class Image:
    """An image of an OCI archive with one more label, which makes it one of its own.

    What is brought into a runtime has to be taken away again, and a runtime that already has the
    same image under another name would lose that as well.
    """

    def __init__(self, archive: Path, *, mark: str) -> None:
        self.archive = archive
        with tarfile.open(archive) as opened:
            index = _json(opened, "index.json")
            manifest = _json(opened, _place(index["manifests"][0]["digest"]))
            about = _json(opened, _place(manifest["config"]["digest"]))
        about["config"].setdefault("Labels", {})[MARK_LABEL] = mark
        config = json.dumps(about).encode()
        manifest["config"] |= {"digest": _digest(config), "size": len(config)}
        self.manifest = json.dumps(manifest).encode()
        self.media_type = str(manifest["mediaType"])
        self.digest = _digest(self.manifest)
        self.small = {_digest(config): config}
        self.layers = {each["digest"]: int(each["size"]) for each in manifest["layers"]}


@contextlib.contextmanager
def serving(archive: Path, *, mark: str, network: Path | None = None) -> Iterator[str]:
    """Serve an image while the block runs; yield the name under which a runtime pulls it.

    ``mark`` becomes its tag and its label. ``network`` is the file of the network namespace that
    the runtime is in, None where that is this process's. Raises ``OSError`` for one that cannot be
    entered.
    """
    image = Image(archive, mark=mark)

    class Handler(_Handler):
        served = image

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = _listening(network)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="serve an image")
    thread.start()
    try:
        yield f"127.0.0.1:{server.socket.getsockname()[1]}/{REPOSITORY}:{mark}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    served: Image
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        """Answer requests; who begins with TLS is told in plain HTTP that there is none.

        containerd 2.x tries TLS first, and goes on without when it gets such an answer.
        """
        if self.connection.recv(1, socket.MSG_PEEK) == _TLS_HANDSHAKE:
            self.connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            return
        super().handle()

    def do_GET(self) -> None:
        """Answer with a body."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self._answer(body=False)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self, *, body: bool) -> None:
        prefix, kind, reference = self._asked()
        image = self.served
        if prefix and kind == "manifests":
            self._bytes(image.manifest, image.media_type, image.digest, body=body)
        elif prefix and kind == "blobs" and reference in image.small:
            data = image.small[reference]
            self._bytes(data, "application/octet-stream", reference, body=body)
        elif prefix and kind == "blobs" and reference in image.layers:
            self._head(image.layers[reference], "application/octet-stream", reference)
            if body:
                with tarfile.open(image.archive) as opened:
                    layer = opened.extractfile(_place(reference))
                    assert layer is not None
                    shutil.copyfileobj(layer, self.wfile)
        elif self.path.rstrip("/") == "/v2":
            self._bytes(b"{}", "application/json", _digest(b"{}"), body=body)
        else:
            self.send_error(404)

    def _asked(self) -> tuple[bool, str, str]:
        path = self.path.partition("?")[0]
        rest, _, reference = path.rpartition("/")
        name, _, kind = rest.rpartition("/")
        return name == f"/v2/{REPOSITORY}", kind, reference

    def _bytes(self, data: bytes, media_type: str, digest: str, *, body: bool) -> None:
        self._head(len(data), media_type, digest)
        if body:
            self.wfile.write(data)

    def _head(self, size: int, media_type: str, digest: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(size))
        self.send_header("Docker-Content-Digest", digest)
        self.end_headers()


def _listening(network: Path | None) -> socket.socket:
    """Return a socket that listens on the loopback of a network namespace."""
    made: list[socket.socket | OSError] = []

    def listen() -> None:
        try:
            if network is not None:
                descriptor = os.open(network, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    linux.setns(descriptor, linux.CLONE_NEWNET)
                finally:
                    os.close(descriptor)
            made.append(socket.create_server(("127.0.0.1", 0)))
        except OSError as error:
            made.append(error)

    # A thread of its own: it never comes back from that namespace, the socket is all that does.
    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


def _json(archive: tarfile.TarFile, place: str) -> dict[str, Any]:
    file = archive.extractfile(place)
    assert file is not None
    found: dict[str, Any] = json.load(file)
    return found


def _place(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
