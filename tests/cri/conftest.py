"""A scripted runtime on a real socket, from the real stubs. It serves these unit tests only."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from cri_api.v1 import api_pb2, api_pb2_grpc

from podresize.cri.client import RuntimeClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class FakeRuntime(api_pb2_grpc.RuntimeServiceServicer, api_pb2_grpc.ImageServiceServicer):
    """Answers ContainerStatus from ``statuses``, a verbose one with ``infos``; ``hang`` makes it
    wait for the test's end."""

    def __init__(self, path: Path) -> None:
        self.statuses: dict[str, Any] = {}
        self.infos = {"info": '{"pid": 7}', "note": "no json"}
        self.containers: list[Any] = []
        self.sandboxes: list[Any] = []
        self.images: set[str] = set()
        self.requests: list[Any] = []
        self.refusals: list[grpc.StatusCode] = []
        self.hang = False
        self.called = threading.Event()
        self.ending = threading.Event()
        self.endpoint = f"unix://{path}"
        self.server = grpc.server(ThreadPoolExecutor(4))
        # The published stubs carry no types.
        api_pb2_grpc.add_RuntimeServiceServicer_to_server(self, self.server)  # type: ignore[no-untyped-call]
        api_pb2_grpc.add_ImageServiceServicer_to_server(self, self.server)  # type: ignore[no-untyped-call]
        self.server.add_insecure_port(self.endpoint)
        self.server.start()

    def Version(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002  # the stub's names
        return api_pb2.VersionResponse(
            version="0.1.0",
            runtime_name="fake",
            runtime_version="v1.2.3",
            runtime_api_version="v1",
        )

    def ContainerStatus(self, request: Any, context: Any) -> Any:  # noqa: N802  # the stub's name
        self.requests.append(request)
        self.called.set()
        if self.hang:
            self.ending.wait(20)
        if self.refusals:
            context.abort(self.refusals.pop(0), "as the test wants")
        if request.container_id not in self.statuses:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no {request.container_id}")
        info = self.infos if request.verbose else {}
        status = self.statuses[request.container_id]
        return api_pb2.ContainerStatusResponse(status=status, info=info)

    def ListContainers(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002  # the stub's names
        self.requests.append(request)
        return api_pb2.ListContainersResponse(containers=self.containers)

    def ListPodSandbox(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002  # the stub's names
        self.requests.append(request)
        return api_pb2.ListPodSandboxResponse(items=self.sandboxes)

    def ImageStatus(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002  # the stub's names
        name = request.image.image
        image = api_pb2.Image(id=name) if name in self.images else None
        return api_pb2.ImageStatusResponse(image=image)

    def close(self) -> None:
        self.ending.set()
        self.server.stop(0).wait()


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[FakeRuntime]:
    fake = FakeRuntime(tmp_path / "cri.sock")
    yield fake
    fake.close()


@pytest.fixture
def client(runtime: FakeRuntime) -> Iterator[RuntimeClient]:
    with RuntimeClient(runtime.endpoint) as connected:
        yield connected
