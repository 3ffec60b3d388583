"""Each fault does what its name says to a call on its way, and nothing to any other."""

from __future__ import annotations

import asyncio
from inspect import signature
from typing import Any

import pytest
from cri_api.v1 import api_pb2

from podresize.cri.faults.catalogue import FAULTS, make
from podresize.cri.faults.fault import (
    CREATE,
    LIST,
    SANDBOX_STATUS,
    SANDBOX_UPDATE,
    STATUS,
    STOP,
    UPDATE,
    Asked,
    Fault,
    RefusedError,
    through,
)
from podresize.errors import UsageError

MIB = 1 << 20
BEFORE = {"cpu_period": 100_000, "cpu_quota": 10_000, "cpu_shares": 102}
MEMORY = {"memory_limit_in_bytes": 64 * MIB, "memory_swap_limit_in_bytes": 64 * MIB}
WANTED = {"cpu_period": 100_000, "cpu_quota": 15_500, "cpu_shares": 158} | dict.fromkeys(
    MEMORY, 96 * MIB
)


class Runtime:
    """A runtime that does what it is asked: two containers, and what was called of it.

    Both are of the pod sandbox ``box``.
    """

    def __init__(self) -> None:
        self.resources = {each: dict(BEFORE | MEMORY) for each in ("one", "two")}
        self.calls: list[str] = []
        self.created: list[dict[str, int]] = []

    async def ask(self, method: str, request: bytes) -> bytes:
        self.calls.append(method.rpartition("/")[2])
        if method == UPDATE:
            update = api_pb2.UpdateContainerResourcesRequest.FromString(request)
            changed = {field.name: value for field, value in update.linux.ListFields()}
            self.resources[update.container_id] |= changed
        if method == CREATE:
            wanted = api_pb2.CreateContainerRequest.FromString(request).config.linux.resources
            self.created.append({field.name: value for field, value in wanted.ListFields()})
        if method == LIST:
            return self.list(api_pb2.ListContainersRequest.FromString(request).filter)
        if method == SANDBOX_STATUS:
            status = api_pb2.PodSandboxStatus(id="box", state=api_pb2.SANDBOX_READY)
            return bytes(api_pb2.PodSandboxStatusResponse(status=status).SerializeToString())
        if method != STATUS:
            return b""
        asked = api_pb2.ContainerStatusRequest.FromString(request)
        known: dict[str, Any] = self.resources[asked.container_id]
        linux = api_pb2.LinuxContainerResources(**known)
        status = api_pb2.ContainerStatus(
            id=asked.container_id, started_at=1, resources=api_pb2.ContainerResources(linux=linux)
        )
        return bytes(api_pb2.ContainerStatusResponse(status=status).SerializeToString())

    def list(self, wanted: Any) -> bytes:
        assert wanted.pod_sandbox_id in ("", "box")
        found = [
            api_pb2.Container(id=each, pod_sandbox_id="box")
            for each in self.resources
            if wanted.id in ("", each)
        ]
        return bytes(api_pb2.ListContainersResponse(containers=found).SerializeToString())


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
        answer = await through(self.faults, asked)
        for fault in self.faults:
            if hasattr(fault, "under_way"):
                await fault.under_way.settled()
        return answer

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
        ("update-misdirected", BEFORE | MEMORY, BEFORE | MEMORY),
        ("update-late:seconds=0.01", WANTED, WANTED),
        ("update-undone:seconds=0.01", BEFORE | MEMORY, BEFORE | MEMORY),
        (
            "update-other-period",
            WANTED | {"cpu_period": 50_000, "cpu_quota": 7_750},
            WANTED | {"cpu_period": 50_000, "cpu_quota": 7_750},
        ),
        ("update-pins:cpus=1", WANTED | {"cpuset_cpus": "1"}, WANTED | {"cpuset_cpus": "1"}),
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
    spec: str, has: dict[str, Any], says: dict[str, Any] | None
) -> None:
    kubelet = after(spec)

    assert kubelet.runtime.resources["one"] == has
    assert kubelet.status() == says


NEEDED = {
    "update-delayed": "seconds=0",
    "update-late": "seconds=0",
    "update-field-dropped": "field=oom_score_adj",
    "cgroup-written": "file=cpu.shares,value=2",
    "unit-overridden": "setting=MemoryMax,value=4G",
}
OF_A_CONTAINER = [each for each in FAULTS if "container" in signature(FAULTS[each]).parameters]


def spec_of(name: str, *parameters: str) -> str:
    """Return a fault with what it cannot be without, and some parameters more."""
    return f"{name}:" + ",".join(filter(None, [NEEDED.get(name, ""), *parameters]))


@pytest.mark.parametrize("name", OF_A_CONTAINER)
def test_a_fault_of_one_container_leaves_the_others_alone(name: str) -> None:
    kubelet = Kubelet(spec_of(name, "container=two"))

    kubelet.update("one")

    assert kubelet.runtime.resources["one"] == WANTED
    assert kubelet.status("one") == WANTED
    assert kubelet.runtime.calls == ["UpdateContainerResources", "ContainerStatus"]


def test_all_but_what_makes_and_removes_is_of_a_container() -> None:
    assert {each.partition("-")[0] for each in FAULTS.keys() - set(OF_A_CONTAINER)} == {
        "create",
        "remove",
        "sandbox",
    }


def test_an_update_that_goes_to_another_is_done_there() -> None:
    assert after("update-misdirected:to=two").runtime.resources["two"] == WANTED


def test_an_update_finds_another_container_of_its_pod_by_itself() -> None:
    assert after("update-misdirected").runtime.resources["two"] == WANTED


def test_without_another_container_nothing_is_done() -> None:
    kubelet = Kubelet("update-misdirected")
    del kubelet.runtime.resources["two"]

    kubelet.update()

    assert kubelet.runtime.resources["one"] == BEFORE | MEMORY


def test_one_resource_of_an_update_may_be_late_alone() -> None:
    """The kubelet asks for memory first, in an update that carries cpu as well."""
    kubelet = Kubelet("update-late:seconds=0.01,of=memory")
    seen: list[dict[str, int]] = []
    ask = kubelet.runtime.ask

    async def watched(method: str, request: bytes) -> bytes:
        answer = await ask(method, request)
        seen.append(dict(kubelet.runtime.resources["one"]))
        return answer

    kubelet.runtime.ask = watched  # type: ignore[method-assign]
    kubelet.update()

    assert seen == [WANTED | MEMORY, WANTED]


def test_a_container_is_made_with_other_resources() -> None:
    kubelet = Kubelet("create-scaled:memory=2")
    wanted: dict[str, Any] = BEFORE | {"memory_limit_in_bytes": 64 * MIB}
    resources = api_pb2.LinuxContainerResources(**wanted)
    config = api_pb2.ContainerConfig(linux=api_pb2.LinuxContainerConfig(resources=resources))

    kubelet.call(CREATE, api_pb2.CreateContainerRequest(config=config))

    assert kubelet.runtime.created == [BEFORE | {"memory_limit_in_bytes": 128 * MIB}]


def test_a_container_has_started_anew_as_the_status_tells() -> None:
    kubelet = Kubelet("status-restarted")
    ask = api_pb2.ContainerStatusRequest(container_id="one")

    def started() -> int:
        answer = api_pb2.ContainerStatusResponse.FromString(kubelet.call(STATUS, ask))
        return int(answer.status.started_at)

    assert started() == 1
    kubelet.update()
    assert started() > 1
    assert started() == started()


def test_a_sandbox_is_not_ready_once_a_container_of_its_was_updated() -> None:
    kubelet = Kubelet("sandbox-not-ready")
    ask = api_pb2.PodSandboxStatusRequest(pod_sandbox_id="box")

    def state() -> int:
        answer = kubelet.call(SANDBOX_STATUS, ask)
        return int(api_pb2.PodSandboxStatusResponse.FromString(answer).status.state)

    assert state() == api_pb2.SANDBOX_READY
    kubelet.update()
    assert state() == api_pb2.SANDBOX_NOTREADY


def test_the_update_of_a_sandbox_is_dropped_or_refused() -> None:
    ask = api_pb2.UpdatePodSandboxResourcesRequest(pod_sandbox_id="box")
    dropped, refused = Kubelet("sandbox-update-dropped"), Kubelet("sandbox-update-refused:times=1")

    assert dropped.call(SANDBOX_UPDATE, ask) == b""
    assert dropped.runtime.calls == []
    with pytest.raises(RefusedError, match="sandbox"):
        refused.call(SANDBOX_UPDATE, ask)
    assert refused.runtime.calls == []
    refused.call(SANDBOX_UPDATE, ask)
    assert refused.runtime.calls == ["UpdatePodSandboxResources"]


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
        kubelet = Kubelet(spec_of(name))

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
        ("update-refused:code=OK", "no such value", "UNAVAILABLE"),
        ("sandbox-update-refused:code=OK", "no such value", "UNAVAILABLE"),
        ("update-half:keep=disk", "no such value", "memory"),
        ("update-late:seconds=1,of=disk", "no such value", "memory"),
        ("cgroup-written:file=cpu.shares,value=2,of=node", "no such value", "pod"),
        ("kubelet-restarted:moment=never", "no such value", "after"),
    ],
)
def test_what_is_no_fault_is_said(spec: str, what: str, named: str) -> None:
    with pytest.raises(UsageError, match=what) as error:
        make(spec)

    assert named in str(error.value)
