"""The runtime's witness records changes, survives its restart and never dies quietly."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import grpc
import pytest
from cri_api.v1 import api_pb2

from podresize.cri import observing
from podresize.cri.observing import observe_containers
from podresize.errors import HarnessError
from podresize.evidence.observer import FIRST_LOOK
from podresize.evidence.recorder import Recorder

if TYPE_CHECKING:
    from tests.cri.conftest import FakeRuntime

    from podresize.cri.client import RuntimeClient
    from podresize.evidence.timeline import Observation


def status(container_id: str, quota: int) -> object:
    linux = api_pb2.LinuxContainerResources(cpu_quota=quota)
    resources = api_pb2.ContainerResources(linux=linux)
    return api_pb2.ContainerStatus(id=container_id, resources=resources)


def wait_for(recorder: Recorder, count: int) -> tuple[Observation, ...]:
    def decide(observations: tuple[Observation, ...]) -> tuple[Observation, ...] | None:
        return observations if len(observations) >= count else None

    found = recorder.wait_until(decide, deadline=10)
    assert found is not None
    return found


def test_changes_only(runtime: FakeRuntime, client: RuntimeClient) -> None:
    runtime.statuses["c"] = status("c", 1000)
    recorder = Recorder()
    with observe_containers(
        client, ids={"container/a": "containerd://c"}, recorder=recorder, rate=200
    ) as observer:
        runtime.statuses["c"] = status("c", 2000)
        wait_for(recorder, 2)
    assert observer.samples >= 2
    assert [o.data["resources"] for o in recorder.observations()] == [
        {"cpu_quota": 1000},
        {"cpu_quota": 2000},
    ]


def test_a_slow_node_is_asked_as_many_times_more_rarely(
    runtime: FakeRuntime, client: RuntimeClient
) -> None:
    runtime.statuses["c"] = status("c", 1)
    recorder = Recorder(slowness=100.0)
    with observe_containers(client, ids={"container/a": "c"}, recorder=recorder) as observer:
        recorder.wait_until(lambda _: False, deadline=0.5)
        assert observer.samples == 1


def test_a_restarted_container_is_followed_and_a_gone_one_named(
    runtime: FakeRuntime, client: RuntimeClient
) -> None:
    runtime.statuses["c1"] = status("c1", 1)
    runtime.statuses["c2"] = status("c2", 1)
    ids = {"container/a": "c1"}
    recorder = Recorder()
    with observe_containers(client, ids=lambda: dict(ids), recorder=recorder, rate=200):
        ids["container/a"] = "c2"
        wait_for(recorder, 2)
        ids["container/a"] = "c3"
        wait_for(recorder, 3)
    seen = [(o.data["id"], o.data["state"]) for o in recorder.observations()]
    assert seen == [("c1", "CONTAINER_CREATED"), ("c2", "CONTAINER_CREATED"), ("c3", None)]


def test_a_runtime_that_comes_back_is_waited_for(
    runtime: FakeRuntime, client: RuntimeClient
) -> None:
    runtime.statuses["c"] = status("c", 1)
    recorder = Recorder()
    with observe_containers(
        client, ids={"container/a": "c"}, recorder=recorder, rate=100
    ) as observer:
        runtime.refusals = [grpc.StatusCode.UNAVAILABLE] * 3
        runtime.statuses["c"] = status("c", 2)
        wait_for(recorder, 2)
    assert observer.unavailable_seconds > 0


def test_a_runtime_that_stays_away_is_a_death(runtime: FakeRuntime, client: RuntimeClient) -> None:
    runtime.statuses["c"] = status("c", 1)
    recorder = Recorder()
    observer = observe_containers(
        client, ids={"container/a": "c"}, recorder=recorder, rate=100, patience=0.05
    ).start()
    runtime.refusals = [grpc.StatusCode.UNAVAILABLE] * 1000
    with pytest.raises(HarnessError, match="UNAVAILABLE"):
        recorder.wait_until(lambda _: False, deadline=10)
    with pytest.raises(HarnessError, match="statuses"):
        observer.stop()


def test_a_runtime_that_hangs_does_not_hold_the_stop(
    runtime: FakeRuntime, client: RuntimeClient
) -> None:
    runtime.statuses["c"] = status("c", 1)
    observer = observe_containers(
        client, ids={"container/a": "c"}, recorder=Recorder(), rate=200
    ).start()
    runtime.hang = True
    runtime.called.clear()
    assert runtime.called.wait(10)
    began = time.monotonic()
    observer.stop()
    assert time.monotonic() - began < 1


def test_no_runtime_at_the_start_is_an_error_of_the_start(
    runtime: FakeRuntime, client: RuntimeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "FIRST_PATIENCE", 0.05)
    runtime.refusals = [grpc.StatusCode.UNAVAILABLE] * 1000
    with pytest.raises(HarnessError, match="UNAVAILABLE"):
        observe_containers(client, ids={"container/a": "c"}, recorder=Recorder()).start()


def test_a_connection_that_is_cut_before_the_first_answer_is_made_again(
    runtime: FakeRuntime, client: RuntimeClient
) -> None:
    runtime.statuses["c"] = status("c", 1)
    runtime.refusals = [grpc.StatusCode.UNAVAILABLE]
    recorder = Recorder()
    with observe_containers(client, ids={"container/a": "c"}, recorder=recorder) as observer:
        assert observer.samples > 0
    assert observer.unavailable_seconds > 0


def test_the_first_answer_is_waited_for_less_long_than_whoever_waits_for_it_does() -> None:
    assert observing.FIRST_PATIENCE < FIRST_LOOK
