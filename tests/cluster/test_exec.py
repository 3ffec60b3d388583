"""exec over a real websocket: output, exit codes, refusals and cut connections."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from podresize.cluster.api import Api, ApiError, ApiUnreachableError
from podresize.cluster.exec import PROTOCOLS, ExecInterruptedError, run
from podresize.cluster.kubeconfig import Connection
from podresize.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cluster.conftest import FakeApiServer, Reply
    from websockets.sync.server import ServerConnection

EXEC = "/api/v1/namespaces/ns/pods/p/exec"
SUCCESS = b"\x03" + json.dumps({"status": "Success"}).encode()


class Kubelet:
    """Sends its messages to whoever connects, then closes or hangs."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.paths: list[str] = []
        self.protocols: list[str | None] = []
        self.hang = False
        self.server = serve(
            self.handle, "127.0.0.1", 0, subprotocols=[PROTOCOLS[1]], compression=None
        )
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.api = Api(Connection(server=f"http://127.0.0.1:{self.server.socket.getsockname()[1]}"))

    def handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.paths.append(connection.request.path)
        self.protocols.append(connection.subprotocol)
        for message in self.messages:
            connection.send(message)
        if self.hang:
            with contextlib.suppress(ConnectionClosed):
                connection.recv()

    def run(self, **options: Any) -> Any:
        return run(
            self.api, namespace="ns", pod="p", container="c", command=["cat", "/a b"], **options
        )

    def close(self) -> None:
        self.api.close()
        self.server.shutdown()
        self.thread.join()


@pytest.fixture
def kubelet() -> Iterator[Kubelet]:
    fake = Kubelet()
    yield fake
    fake.close()


def failure(**status: Any) -> bytes:
    return b"\x03" + json.dumps({"status": "Failure"} | status).encode()


def test_output_by_channel(kubelet: Kubelet) -> None:
    kubelet.messages = [b"\x01", b"\x02", b"\x01a\n", b"\x02err", b"\x01b\xff", SUCCESS]
    result = kubelet.run()
    assert (result.stdout, result.stderr, result.exit_code) == ("a\nb\ufffd", "err", 0)
    query = "command=cat&command=%2Fa+b&container=c&stdout=true&stderr=true"
    assert kubelet.paths == [f"{EXEC}?{query}"]
    assert kubelet.protocols == ["v4.channel.k8s.io"]


def test_the_exit_code_of_a_command_that_failed(kubelet: Kubelet) -> None:
    causes = [{"reason": "ExitCode", "message": "3"}]
    kubelet.messages = [failure(reason="NonZeroExitCode", details={"causes": causes})]
    assert kubelet.run().exit_code == 3


def test_a_command_that_could_not_start_is_no_exit_code(kubelet: Kubelet) -> None:
    kubelet.messages = [failure(reason="InternalError", message="no such file")]
    with pytest.raises(HarnessError, match=r"could not start 'cat /a b'(.|\n)*no such file"):
        kubelet.run()


def test_a_cut_connection_says_that_nothing_is_known(kubelet: Kubelet) -> None:
    kubelet.messages = [b"\x01half"]
    with pytest.raises(ExecInterruptedError, match="the connection ended before"):
        kubelet.run()


def test_the_deadline(kubelet: Kubelet) -> None:
    kubelet.hang = True
    with pytest.raises(ExecInterruptedError, match=r"within 0\.2 s"):
        kubelet.run(deadline=0.2)


def test_a_refusal_is_the_apiservers_own(
    server: FakeApiServer, api: Api, reply: type[Reply], refusal: Callable[..., dict[str, Any]]
) -> None:
    body = refusal(400, "BadRequest", "container c is not valid")
    server.on("GET", EXEC, reply(code=400, body=body))
    with pytest.raises(ApiError, match="container c is not valid") as caught:
        run(api, namespace="ns", pod="p", container="c", command=["x"])
    assert caught.value.code == 400


def test_a_server_that_hangs_up_during_the_handshake_is_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            connection, _ = listening.accept()
            # Closed with a reset, as a server does that ends with connections in its backlog.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        server = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with (
            Api(Connection(server=server)) as api,
            pytest.raises(ApiUnreachableError, match="no connection"),
        ):
            run(api, namespace="ns", pod="p", container="c", command=["x"])
        thread.join()


def test_no_server(server: FakeApiServer, api: Api) -> None:
    server.server.server_close()
    with pytest.raises(ApiUnreachableError, match="no connection"):
        run(api, namespace="ns", pod="p", container="c", command=["x"])
