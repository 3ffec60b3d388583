"""Faults that only checks without a kubelet bring out: each does what it says, and no more."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import grpc
import pytest
from cri_api.v1 import api_pb2
from tests.cri.test_faults import BEFORE, MEMORY, WANTED, Kubelet

from podresize.cri.faults.catalogue import make
from podresize.cri.faults.fault import REMOVE, STATUS, UPDATE, Asked, RefusedError
from podresize.errors import UsageError


class BrokenError(grpc.RpcError):  # type: ignore[misc]  # grpc carries no types
    """What a runtime that refuses raises in the tap."""


async def refusing(_request: bytes) -> bytes:
    raise BrokenError


def asked_of_a_refusing_runtime(fault: str, method: str, request: Any) -> bytes:
    async def ask(_method: str, _request: bytes) -> bytes:
        return b""

    asked = Asked(method=method, request=request.SerializeToString(), behind=refusing, ask=ask)
    return asyncio.run(make(fault).call(asked))


UPDATE_OF_ONE = api_pb2.UpdateContainerResourcesRequest(container_id="one")


def test_one_field_is_left_out() -> None:
    kubelet = Kubelet("update-field-dropped:field=cpu_shares")

    kubelet.update()

    assert kubelet.runtime.resources["one"] == BEFORE | MEMORY | WANTED | {"cpu_shares": 102}


def test_a_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match="no such value") as refused:
        make("update-field-dropped:field=cpu_share")

    assert "cpu_shares" in str(refused.value)


def test_what_grows_is_right_once() -> None:
    kubelet = Kubelet("update-growing")

    found = []
    for _ in range(3):
        kubelet.update()
        found.append(kubelet.runtime.resources["one"]["cpu_shares"])

    assert found == [158, 159, 160]


def test_a_hidden_error_is_an_answer() -> None:
    assert asked_of_a_refusing_runtime("update-errors-hidden", UPDATE, UPDATE_OF_ONE) == b""
    with pytest.raises(BrokenError):
        asked_of_a_refusing_runtime(
            "update-errors-hidden", STATUS, api_pb2.ContainerStatusRequest(container_id="one")
        )


def test_a_recoded_error_has_that_code() -> None:
    with pytest.raises(RefusedError) as refused:
        asked_of_a_refusing_runtime("update-errors-recoded:code=INTERNAL", UPDATE, UPDATE_OF_ONE)
    assert refused.value.code == "INTERNAL"
    with pytest.raises(UsageError):
        make("update-errors-recoded:code=NONE")


def test_a_refused_update_leaves_something() -> None:
    left: list[bytes] = []

    async def ask(method: str, request: bytes) -> bytes:
        assert method == UPDATE
        left.append(request)
        return b""

    asked = Asked(
        method=UPDATE, request=UPDATE_OF_ONE.SerializeToString(), behind=refusing, ask=ask
    )
    with pytest.raises(BrokenError):
        asyncio.run(make("update-leftover:shares=5").call(asked))

    (request,) = left
    update = api_pb2.UpdateContainerResourcesRequest.FromString(request)
    assert (update.container_id, update.linux.cpu_shares) == ("one", 5)


def test_a_removal_is_dropped() -> None:
    kubelet = Kubelet("remove-dropped")

    kubelet.call(REMOVE, api_pb2.RemoveContainerRequest(container_id="one"))
    kubelet.update()

    assert kubelet.runtime.calls == ["UpdateContainerResources"]


def status_through(fault: str, *, updates: int) -> Any:
    kubelet = Kubelet(fault)
    for _ in range(updates):
        kubelet.update()
    request = api_pb2.ContainerStatusRequest(container_id="one")
    said = api_pb2.ContainerStatusResponse.FromString(kubelet.call(STATUS, request))
    other = api_pb2.ContainerStatusRequest(container_id="two")
    untouched = api_pb2.ContainerStatusResponse.FromString(kubelet.call(STATUS, other))
    assert not untouched.status.labels
    assert not untouched.status.resources.linux.hugepage_limits
    return said.status


@pytest.mark.parametrize("updates", [0, 1, 3])
def test_the_status_grows_with_each_update(updates: int) -> None:
    status = status_through("status-growing", updates=updates)

    assert len(status.resources.linux.hugepage_limits) == updates


@pytest.mark.parametrize("updates", [0, 2])
def test_a_label_counts_the_updates(updates: int) -> None:
    status = status_through("status-relabelled", updates=updates)

    assert dict(status.labels) == ({"podresize/updates": "2"} if updates else {})


def test_everything_runs() -> None:
    assert status_through("status-running", updates=0).state == api_pb2.CONTAINER_RUNNING


def test_the_specification_forgets_what_was_updated() -> None:
    spec = {"runtimeSpec": {"linux": {"resources": {"cpu": {"shares": 158, "quota": 5}}}}}
    said = api_pb2.ContainerStatusResponse(info={"info": json.dumps(spec)})
    fault: Any = make("status-spec-silent")

    fault.change(said, 1)

    resources = json.loads(said.info["info"])["runtimeSpec"]["linux"]["resources"]
    assert resources == {"cpu": {"shares": 2}}
