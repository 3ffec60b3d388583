"""What the runtime said is told apart from what it left out, and from no answer."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import grpc
import pytest
from cri_api.v1 import api_pb2

from podresize.cri.client import LONGEST_SOCKET_PATH, CriError, RuntimeClient
from podresize.errors import HostError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cri.conftest import FakeRuntime

RUNNING = api_pb2.ContainerState.CONTAINER_RUNNING


def test_a_runtime_that_takes_calls_is_connected_to(client: RuntimeClient) -> None:
    client.wait_connected(seconds=10)


def test_a_runtime_that_is_not_there_is_waited_for_and_then_an_error(tmp_path: Path) -> None:
    with (
        RuntimeClient(f"unix://{tmp_path / 'none.sock'}") as nobody,
        pytest.raises(CriError, match=r"no connection within 0\.2 s"),
    ):
        nobody.wait_connected(seconds=0.2)


def test_version(client: RuntimeClient) -> None:
    assert client.version() == {
        "version": "0.1.0",
        "runtime_name": "fake",
        "runtime_version": "v1.2.3",
        "runtime_api_version": "v1",
    }


def test_an_image_is_there_or_not(runtime: FakeRuntime, client: RuntimeClient) -> None:
    runtime.images.add("podresize.local/jvm:1")

    assert client.has_image("podresize.local/jvm:1")
    assert not client.has_image("podresize.local/none:1")


def test_a_status_without_resources_is_not_one_with_empty_resources(
    runtime: FakeRuntime, client: RuntimeClient
) -> None:
    runtime.statuses["none"] = api_pb2.ContainerStatus(id="none", state=RUNNING, started_at=5)
    runtime.statuses["empty"] = api_pb2.ContainerStatus(
        id="empty", state=RUNNING, resources=api_pb2.ContainerResources()
    )
    assert client.container_status("none") == {
        "id": "none",
        "state": "CONTAINER_RUNNING",
        "started_at": 5,
        "resources": None,
    }
    assert client.container_status("empty")["resources"] == {}


def test_the_set_linux_fields_by_their_names(runtime: FakeRuntime, client: RuntimeClient) -> None:
    linux = api_pb2.LinuxContainerResources(
        cpu_period=100000,
        cpu_quota=-1,
        cpuset_cpus="0-1",
        oom_score_adj=-997,
        hugepage_limits=[api_pb2.HugepageLimit(page_size="2MB", limit=4)],
        unified={"memory.high": "5"},
    )
    runtime.statuses["c"] = api_pb2.ContainerStatus(
        id="c", resources=api_pb2.ContainerResources(linux=linux)
    )
    assert client.container_status("containerd://c")["resources"] == {
        "cpu_period": 100000,
        "cpu_quota": -1,
        "cpuset_cpus": "0-1",
        "oom_score_adj": -997,
        "hugepage_limits": {"2MB": 4},
        "unified": {"memory.high": "5"},
    }
    assert runtime.requests[0].container_id == "c"


def test_verbose_adds_the_runtimes_own_words(runtime: FakeRuntime, client: RuntimeClient) -> None:
    runtime.statuses["c"] = api_pb2.ContainerStatus(id="c")
    info = client.container_status("c", verbose=True)["info"]
    assert info == {"info": {"pid": 7}, "note": "no json"}


def test_containers_of_a_pod_oldest_first(runtime: FakeRuntime, client: RuntimeClient) -> None:
    runtime.containers = [
        api_pb2.Container(
            id=f"c{attempt}",
            metadata=api_pb2.ContainerMetadata(name="a", attempt=attempt),
            state=RUNNING,
            created_at=attempt,
        )
        for attempt in (2, 1)
    ]
    assert [c["attempt"] for c in client.list_containers("u1")] == [1, 2]
    client.list_containers()
    labels = [dict(request.filter.label_selector) for request in runtime.requests]
    assert labels == [{"io.kubernetes.pod.uid": "u1"}, {}]


def test_sandboxes_of_a_pod(runtime: FakeRuntime, client: RuntimeClient) -> None:
    metadata = api_pb2.PodSandboxMetadata(name="p", namespace="ns", uid="u1")
    runtime.sandboxes = [api_pb2.PodSandbox(id="s", metadata=metadata)]
    assert client.list_pod_sandboxes("u1") == [
        {
            "id": "s",
            "name": "p",
            "namespace": "ns",
            "uid": "u1",
            "attempt": 0,
            "state": "SANDBOX_READY",
            "created_at": 0,
        }
    ]


def test_a_refusal_keeps_its_code_and_message(client: RuntimeClient) -> None:
    with pytest.raises(CriError, match="NOT_FOUND: no x") as caught:
        client.container_status("x")
    assert (caught.value.code, caught.value.message) == ("NOT_FOUND", "no x")


def test_every_call_has_a_deadline(runtime: FakeRuntime) -> None:
    runtime.hang = True
    with (
        RuntimeClient(runtime.endpoint, timeout=0.1) as client,
        pytest.raises(CriError, match="DEADLINE_EXCEEDED"),
    ):
        client.container_status("c")


def test_a_call_is_cancelled_from_another_thread(
    runtime: FakeRuntime, client: RuntimeClient
) -> None:
    runtime.hang = True
    ident = threading.get_ident()

    def cancel() -> None:
        runtime.called.wait(10)
        client.cancel(thread=ident)

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(CriError, match="CANCELLED"):
        client.container_status("c")
    thread.join()


def test_no_call_is_begun_once_its_caller_stops(
    runtime: FakeRuntime, client: RuntimeClient
) -> None:
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(CriError, match="CANCELLED"):
        client.container_status("c", stopping=stopping)
    assert runtime.requests == []


def test_no_runtime_is_unavailable(tmp_path: Path) -> None:
    with (
        RuntimeClient(str(tmp_path / "none.sock")) as client,
        pytest.raises(CriError, match="UNAVAILABLE"),
    ):
        client.version()


def test_a_closed_client_says_so(runtime: FakeRuntime) -> None:
    client = RuntimeClient(runtime.endpoint)
    client.close()
    with pytest.raises(CriError, match="CANCELLED"):
        client.version()


def test_a_socket_path_that_the_kernel_cannot_take() -> None:
    longest = "/" + "s" * (LONGEST_SOCKET_PATH - 1)
    RuntimeClient(f"unix://{longest}").close()
    with pytest.raises(HostError, match="has 108 bytes; the kernel takes 107"):
        RuntimeClient(f"unix://{longest}s")


def test_codes_are_names(runtime: FakeRuntime, client: RuntimeClient) -> None:
    runtime.refusals = [grpc.StatusCode.UNIMPLEMENTED]
    with pytest.raises(CriError) as caught:
        client.container_status("c")
    assert caught.value.code == "UNIMPLEMENTED"
