"""exec: a command in a container, through the apiserver, over a websocket.

Each message's first byte is its channel (v4.channel.k8s.io): 1 is stdout, 2 stderr, and 3 carries
one Status object at the end that holds the exit code. v5 adds the closing of single channels, which
only matters to stdin. A container's restart cuts the connection before that Status: then nothing is
known of the command, and that is what is said.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from podresize.cluster.api import (
    CONNECT_TIMEOUT,
    KEEP_ALIVE,
    Answer,
    Api,
    ApiUnreachableError,
    resource_path,
)
from podresize.cluster.kubeconfig import Connection
from podresize.cluster.tls_pump import plain_end
from podresize.errors import HarnessError

PROTOCOLS = (Subprotocol("v5.channel.k8s.io"), Subprotocol("v4.channel.k8s.io"))
STDOUT, STDERR, ERROR = 1, 2, 3


class ExecInterruptedError(HarnessError):
    """The connection ended before the command's Status: its outcome is unknown.

    Common causes: the container ended or was restarted; the kubelet or the runtime was restarted;
    the deadline passed.
    """


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ExecResult:
    """What a command printed and its exit code; what is no UTF-8 became U+FFFD."""

    stdout: str
    stderr: str
    exit_code: int


def run(
    api: Api,
    *,
    namespace: str,
    pod: str,
    container: str,
    command: Sequence[str],
    deadline: float = 30.0,
) -> ExecResult:
    """Run ``command`` (no shell) in a container and return what came of it.

    ``deadline`` is in seconds. A command that ran and failed is a result; raises ``ApiError`` when
    the apiserver refused, ``HarnessError`` when the command could not be started,
    ``ExecInterruptedError`` and ``ApiUnreachableError``.
    """
    end = time.monotonic() + deadline
    path = resource_path("pods", namespace=namespace, name=pod, subresource="exec")
    fields = [("command", word) for word in command]
    fields += [("container", container), ("stdout", "true"), ("stderr", "true")]
    where = f"{' '.join(command)!r} in {namespace}/{pod} {container}"
    output: dict[int, bytes] = {STDOUT: b"", STDERR: b"", ERROR: b""}
    try:
        with (
            open_websocket(
                api.connection, path=path, query=urlencode(fields), end=end
            ) as websocket,
            # The end of the connection is the end of the output, not the Status.
            contextlib.suppress(ConnectionClosed),
        ):
            while True:
                message = websocket.recv(timeout=max(0.0, end - time.monotonic()))
                data = message if isinstance(message, bytes) else message.encode()
                if data and data[0] in output:
                    output[data[0]] += data[1:]
    except TimeoutError as error:
        raise ExecInterruptedError(f"{where} did not end within {deadline:g} s") from error
    except InvalidStatus as error:
        to_answer(error, path).accepted()
        raise ApiUnreachableError(f"no websocket for {where}", value=str(error)) from error
    except (OSError, InvalidHandshake) as error:
        raise ApiUnreachableError(f"no connection for {where}", value=str(error)) from error
    if not output[ERROR]:
        raise ExecInterruptedError(
            f"the connection ended before {where} did",
            causes=("the container ended or was restarted", "the kubelet was restarted"),
        )
    return ExecResult(
        stdout=output[STDOUT].decode(errors="replace"),
        stderr=output[STDERR].decode(errors="replace"),
        exit_code=_exit_code(json.loads(output[ERROR]), where=where),
    )


def open_websocket(
    connection: Connection,
    *,
    path: str,
    query: str,
    end: float,
) -> Any:
    """Return the context manager of a websocket.

    Its socket is made here, so that no proxy from the environment takes part.
    """
    url = urlsplit(connection.server)
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    connected = socket.create_connection((host, port), timeout=CONNECT_TIMEOUT)
    for option in KEEP_ALIVE:
        connected.setsockopt(*option)
    if connection.ssl_context is not None:
        name = connection.server_name or host
        connected = plain_end(connected, connection.ssl_context, host=name)
    connected.settimeout(None)
    try:
        return connect(
            # TLS, where there is any, is done below the socket that is handed over.
            f"ws://{url.netloc}{url.path}{path}?{query}",
            sock=connected,
            subprotocols=PROTOCOLS,
            additional_headers=connection.headers,
            compression=None,
            open_timeout=max(0.1, end - time.monotonic()),
            close_timeout=1.0,
            # The apiserver is not asked whether it lives: the deadline says when to give up.
            ping_interval=None,
            max_size=None,
        )
    except ConnectionClosed as error:
        # Closed before there was a websocket: no end of an output, as it would be later on.
        raise ConnectionAbortedError(f"it was closed during the handshake: {error}") from error


def to_answer(error: InvalidStatus, path: str) -> Answer:
    """Return the answer with which a websocket was refused."""
    text = bytes(error.response.body or b"").decode(errors="replace")
    try:
        body = json.loads(text)
    except ValueError:
        body = {}
    return Answer(
        code=error.response.status_code,
        body=body if isinstance(body, dict) else {},
        text=text,
        request=f"exec {path}",
    )


def _exit_code(status: dict[str, Any], *, where: str) -> int:
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise HarnessError(
        f"could not start {where}",
        value=str(status.get("message", status)),
        origin="the kubelet",
        causes=("the container does not run", "the command is not in its image"),
    )
