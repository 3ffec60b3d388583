"""A server on a Unix socket that says what a test wants: for what no real runtime here is."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from cri_api.v1 import api_pb2, api_pb2_grpc


@contextlib.contextmanager
def answering(path: Path, answer: bytes | None) -> Iterator[None]:
    """Answer each connection's first bytes with these, or with nothing at all for None."""
    ending = threading.Event()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(0.05)

        def serve() -> None:
            with contextlib.ExitStack() as kept:
                while not ending.is_set():
                    with contextlib.suppress(TimeoutError, BrokenPipeError):
                        connection = kept.enter_context(listening.accept()[0])
                        if answer is not None:
                            connection.settimeout(5)
                            connection.recv(4096)
                            connection.sendall(answer)
                            connection.shutdown(socket.SHUT_RDWR)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()


class Runtime(api_pb2_grpc.RuntimeServiceServicer, api_pb2_grpc.ImageServiceServicer):
    """A CRI v1 runtime that lists no handlers and knows those of ``handlers``."""

    handlers: tuple[str, ...] = ("", "one")
    ready = True
    removed: list[str]

    def __init__(self) -> None:
        self.removed = []

    def Version(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002  # the stub's names
        return api_pb2.VersionResponse(
            runtime_name="other", runtime_version="v1.2.3", runtime_api_version="v1"
        )

    def Status(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002  # the stub's names
        condition = api_pb2.RuntimeCondition(
            type="RuntimeReady", status=self.ready, reason="Broken", message="no store"
        )
        return api_pb2.StatusResponse(status=api_pb2.RuntimeStatus(conditions=[condition]))

    def ListPodSandbox(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return api_pb2.ListPodSandboxResponse()

    def ListImages(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return api_pb2.ListImagesResponse()

    def ImageStatus(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return api_pb2.ImageStatusResponse(image=api_pb2.Image(id="there"))

    def RunPodSandbox(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.runtime_handler not in self.handlers:
            context.abort(
                grpc.StatusCode.UNKNOWN, f"no runtime for {request.runtime_handler!r} is configured"
            )
        return api_pb2.RunPodSandboxResponse(pod_sandbox_id="s1")

    def StopPodSandbox(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return api_pb2.StopPodSandboxResponse()

    def RemovePodSandbox(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        self.removed.append(request.pod_sandbox_id)
        return api_pb2.RemovePodSandboxResponse()


@contextlib.contextmanager
def serving(path: Path, runtime: Runtime) -> Iterator[None]:
    """Serve it at a socket."""
    server = grpc.server(ThreadPoolExecutor(4))
    # The published stubs carry no types.
    api_pb2_grpc.add_RuntimeServiceServicer_to_server(runtime, server)  # type: ignore[no-untyped-call]
    api_pb2_grpc.add_ImageServiceServicer_to_server(runtime, server)  # type: ignore[no-untyped-call]
    with _started(server, path):
        yield


@contextlib.contextmanager
def old(path: Path) -> Iterator[None]:
    """Serve what a containerd 1.5 has: ``Version`` of v1alpha2, and no v1."""
    server = grpc.server(ThreadPoolExecutor(4))
    said = api_pb2.VersionResponse(runtime_name="containerd", runtime_version="v1.5.18")
    version = grpc.unary_unary_rpc_method_handler(
        lambda _request, _context: said,
        request_deserializer=api_pb2.VersionRequest.FromString,
        response_serializer=api_pb2.VersionResponse.SerializeToString,
    )
    service = "runtime.v1alpha2.RuntimeService"
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {"Version": version}),)
    )
    with _started(server, path):
        yield


@contextlib.contextmanager
def _started(server: Any, path: Path) -> Iterator[None]:
    server.add_insecure_port(f"unix://{path}")
    server.start()
    try:
        yield
    finally:
        server.stop(0).wait()
