"""Each fault does what its name says to a call on its way, and nothing to any other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from cri_api.v1 import api_pb2

from podresize.cri.faults.catalogue import FAULTS, make
from podresize.cri.faults.fault import STATUS, STOP, UPDATE, Asked, Fault, RefusedError, through
from podresize.errors import UsageError

MIB = 1 << 20
BEFORE = {"cpu_period": 100_000, "cpu_quota": 10_000, "cpu_shares": 102}
MEMORY = {"memory_limit_in_bytes": 64 * MIB, "memory_swap_limit_in_bytes": 64 * MIB}
WANTED = {"cpu_period": 100_000, "cpu_quota": 15_500, "cpu_shares": 158} | dict.fromkeys(
    MEMORY, 96 * MIB
)


class Runtime:
    """A runtime that does what it is asked: two containers, and what was called of it."""

    def __init__(self) -> None:
        self.resources = {each: dict(BEFORE | MEMORY) for each in ("one", "two")}
        self.calls: list[str] = []

    async def ask(self, method: str, request: bytes) -> bytes:
        self.calls.append(method.rpartition("/")[2])
        if method == UPDATE:
            update = api_pb2.UpdateContainerResourcesRequest.FromString(request)
            changed = {field.name: value for field, value in update.linux.ListFields()}
            self.resources[update.container_id] |= changed
        if method != STATUS:
            return b""
        asked = api_pb2.ContainerStatusRequest.FromString(request)
        known: dict[str, Any] = self.resources[asked.container_id]
        linux = api_pb2.LinuxContainerResources(**known)
        status = api_pb2.ContainerStatus(
            id=asked.container_id, resources=api_pb2.ContainerResources(linux=linux)
        )
        return bytes(api_pb2.ContainerStatusResponse(status=status).SerializeToString())


class Kubelet:
    """Asks that runtime through some faults."""

    def __init__(self, *specs: str) -> None:
        self.runtime = Runtime()
        self.faults: list[Fault] = [make(each) for each in specs]

    def call(self, method: str, message: Any) -> bytes:
        asked = Asked(
            method=method,
            request=message.SerializeToString(),
            behind=lambda request: self.runtime.ask(method, request),
            ask=self.runtime.ask,
        )
        return asyncio.run(self.through(asked))

    async def through(self, asked: Asked) -> bytes:
        return await through(self.faults, asked)

    def update(self, container: str = "one") -> None:
        wanted: dict[str, Any] = WANTED
        resources = api_pb2.LinuxContainerResources(**wanted)
        request = api_pb2.UpdateContainerResourcesRequest(container_id=container, linux=resources)
        assert self.call(UPDATE, request) == b""

    def status(self, container: str = "one") -> dict[str, int] | None:
        answer = self.call(STATUS, api_pb2.ContainerStatusRequest(container_id=container))
        status = api_pb2.ContainerStatusResponse.FromString(answer).status
        if not status.HasField("resources"):
            return None
        return {field.name: value for field, value in status.resources.linux.ListFields()}


def after(*specs: str) -> Kubelet:
    """Return a kubelet that has asked for an update of the first container."""
    kubelet = Kubelet(*specs)
    kubelet.update()
    return kubelet


def test_without_faults_all_is_done_and_told() -> None:
    kubelet = after()

    assert kubelet.runtime.resources == {"one": WANTED, "two": BEFORE | MEMORY}
    assert kubelet.status() == WANTED


# What the first container has after an update, and what its status says then.
@pytest.mark.parametrize(
    ("spec", "has", "says"),
    [
        ("update-dropped", BEFORE | MEMORY, BEFORE | MEMORY),
        ("update-delayed:seconds=0.01", WANTED, WANTED),
        ("update-twice", WANTED, WANTED),
        ("update-half:keep=cpu", WANTED | MEMORY, WANTED | MEMORY),
        ("update-half:keep=memory", WANTED | BEFORE, WANTED | BEFORE),
        ("update-misdirected:to=two", BEFORE | MEMORY, BEFORE | MEMORY),
        (
            "update-scaled:cpu=10",
            WANTED | {"cpu_quota": 155_000, "cpu_shares": 1580},
            WANTED | {"cpu_quota": 155_000, "cpu_shares": 1580},
        ),
        (
            "update-off-by-a-page",
            WANTED | dict.fromkeys(MEMORY, 96 * MIB + 4096),
            WANTED | dict.fromkeys(MEMORY, 96 * MIB + 4096),
        ),
        ("update-quota-rounded", WANTED | {"cpu_quota": 15_000}, WANTED | {"cpu_quota": 15_000}),
        ("status-empty", WANTED, None),
        ("status-stale", WANTED, BEFORE | MEMORY),
        ("status-ahead", BEFORE | MEMORY, WANTED),
        (
            "status-swapped",
            WANTED,
            WANTED | {"cpu_quota": 96 * MIB, "memory_limit_in_bytes": 15_500},
        ),
        ("status-scaled:memory=0.5", WANTED, WANTED | {"memory_limit_in_bytes": 48 * MIB}),
    ],
)
def test_a_fault_does_what_its_name_says(
    spec: str, has: dict[str, int], says: dict[str, int] | None
) -> None:
    kubelet = after(spec)

    assert kubelet.runtime.resources["one"] == has
    assert kubelet.status() == says


@pytest.mark.parametrize(
    "name", [each for each in FAULTS if each not in ("update-delayed", "update-misdirected")]
)
def test_a_fault_of_one_container_leaves_the_others_alone(name: str) -> None:
    kubelet = Kubelet(f"{name}:container=two")

    kubelet.update("one")

    assert kubelet.runtime.resources["one"] == WANTED
    assert kubelet.status("one") == WANTED
    assert kubelet.runtime.calls == ["UpdateContainerResources", "ContainerStatus"]


def test_an_update_that_goes_to_another_is_done_there() -> None:
    assert after("update-misdirected:to=two").runtime.resources["two"] == WANTED


def test_what_is_done_twice_is_asked_twice() -> None:
    assert after("update-twice").runtime.calls == ["UpdateContainerResources"] * 2


def test_a_container_that_is_killed_is_stopped_after_its_update() -> None:
    runtime = after("update-kills").runtime

    assert runtime.calls == ["UpdateContainerResources", STOP.rpartition("/")[2]]
    assert runtime.resources["one"] == WANTED


def test_a_refusal_has_its_code_and_ends_after_so_many() -> None:
    kubelet = Kubelet("update-refused:code=RESOURCE_EXHAUSTED,times=2")

    for _ in range(2):
        with pytest.raises(RefusedError) as error:
            kubelet.update()
        assert error.value.code == "RESOURCE_EXHAUSTED"
    assert kubelet.runtime.resources["one"] == BEFORE | MEMORY
    kubelet.update()

    assert kubelet.runtime.resources["one"] == WANTED


def test_a_refusal_may_be_for_ever() -> None:
    kubelet = Kubelet("update-refused")
    for _ in range(5):
        with pytest.raises(RefusedError):
            kubelet.update()


def test_an_answer_that_is_lost_was_done() -> None:
    kubelet = Kubelet("update-answer-lost")

    with pytest.raises(RefusedError) as error:
        kubelet.update()

    assert error.value.code == "UNAVAILABLE"
    assert kubelet.runtime.resources["one"] == WANTED


def test_a_status_is_stale_for_so_long() -> None:
    kubelet = after("status-stale:seconds=0.05")
    assert kubelet.status() == BEFORE | MEMORY

    asyncio.run(asyncio.sleep(0.06))

    assert kubelet.status() == WANTED


def test_faults_are_put_one_behind_the_other() -> None:
    """The first is nearest to the client: what it changes the next one sees."""
    kubelet = after("update-scaled:cpu=2", "update-quota-rounded", "status-empty")

    assert kubelet.runtime.resources["one"]["cpu_quota"] == 31_000
    assert kubelet.status() is None


def test_what_is_no_update_and_no_status_passes_untouched() -> None:
    for name in FAULTS:
        spec = {"update-delayed": ":seconds=1", "update-misdirected": ":to=two"}.get(name, "")
        kubelet = Kubelet(name + spec)

        kubelet.call("/runtime.v1.RuntimeService/Version", api_pb2.VersionRequest())

        assert kubelet.runtime.calls == ["Version"]


@pytest.mark.parametrize(
    ("spec", "what", "named"),
    [
        ("update-droped", "no such fault", "update-dropped"),
        ("update-half:kep=cpu", "no such parameter", "keep"),
        ("update-half:keep", "no such parameter", "keep"),
        ("update-delayed:seconds=long", "no such value", "float"),
        ("update-delayed", "lacks a parameter", "seconds"),
        ("update-refused:code=NO_SUCH_CODE", "no such value", "UNAVAILABLE"),
        ("update-half:keep=disk", "no such value", "memory"),
    ],
)
def test_what_is_no_fault_is_said(spec: str, what: str, named: str) -> None:
    with pytest.raises(UsageError, match=what) as error:
        make(spec)

    assert named in str(error.value)
