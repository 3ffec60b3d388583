"""The API's witness: every version once, with the time of its arrival."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from podresize.cluster.observing import observe_pod
from podresize.errors import HarnessError
from podresize.evidence.recorder import Recorder
from podresize.evidence.timeline import Witness

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cluster.conftest import FakeApiServer, Reply

    from podresize.cluster.api import Api
    from podresize.evidence.timeline import Observation

PODS = "/api/v1/namespaces/ns/pods"
EVENTS = "/api/v1/namespaces/ns/events"


def pod(version: int) -> dict[str, Any]:
    metadata = {"name": "p", "resourceVersion": str(version), "managedFields": [{"manager": "x"}]}
    return {"metadata": metadata, "status": {"n": version}}


def event(version: int, **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": "e", "resourceVersion": str(version)}, "reason": "R"} | fields


def page(kind: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"kind": f"{kind}List", "metadata": {"resourceVersion": "7"}, "items": list(items)}


def line(kind: str, body: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": body}).encode() + b"\n"


def wait_for(recorder: Recorder, count: int) -> None:
    def decide(observations: tuple[Observation, ...]) -> bool:
        return len(observations) >= count

    assert recorder.wait_until(decide, deadline=10)


def seen(recorder: Recorder, witness: Witness) -> list[dict[str, Any]]:
    return [o.data for o in recorder.observations() if o.witness is witness]


def test_the_pod_and_its_events_without_managed_fields(
    server: FakeApiServer, api: Api, reply: type[Reply]
) -> None:
    server.on("GET", PODS, reply(body=page("Pod", pod(5))))
    server.on("GET", EVENTS, reply(body=page("Event")))
    server.on("WATCH", PODS, reply(parts=(line("MODIFIED", pod(8)), server.hold)))
    events = (
        line("ADDED", event(9, type="Normal", message="m")),
        line("MODIFIED", event(10, type="Warning", count=2, note="n")),
        line("DELETED", event(11)),
        server.hold,
    )
    server.on("WATCH", EVENTS, reply(parts=events))
    recorder = Recorder()
    with observe_pod(api, namespace="ns", name="p", recorder=recorder):
        wait_for(recorder, 4)
        began = time.monotonic()
    assert time.monotonic() - began < 1
    versions = seen(recorder, Witness.API)
    assert [version["status"]["n"] for version in versions] == [5, 8]
    assert all("managedFields" not in version["metadata"] for version in versions)
    assert versions[0]["kind"] == "Pod"
    assert seen(recorder, Witness.EVENT) == [
        {"reason": "R", "type": "Normal", "message": "m", "count": 1},
        {"reason": "R", "type": "Warning", "message": "n", "count": 2},
    ]


def test_a_list_after_410_records_only_what_is_new(
    server: FakeApiServer, api: Api, reply: type[Reply], refusal: Callable[..., dict[str, Any]]
) -> None:
    expired = line("ERROR", refusal(410, "Expired", "too old"))
    server.on("GET", PODS, reply(body=page("Pod", pod(5))))
    server.on("GET", EVENTS, reply(body=page("Event", event(4))))
    server.on(
        "WATCH",
        PODS,
        reply(parts=(expired,)),
        reply(parts=(line("MODIFIED", pod(8)), server.hold)),
    )
    server.on("WATCH", EVENTS, reply(parts=(expired,)), reply(parts=(server.hold,)))
    recorder = Recorder()
    with observe_pod(api, namespace="ns", name="p", recorder=recorder):
        wait_for(recorder, 3)
    assert [version["status"]["n"] for version in seen(recorder, Witness.API)] == [5, 8]
    assert len(seen(recorder, Witness.EVENT)) == 1


def test_a_watch_that_is_refused_later_is_a_death(
    server: FakeApiServer, api: Api, reply: type[Reply], refusal: Callable[..., dict[str, Any]]
) -> None:
    server.on("GET", PODS, reply(body=page("Pod", pod(5))))
    server.on("GET", EVENTS, reply(body=page("Event")))
    server.on("WATCH", PODS, reply(code=401, body=refusal(401, "Unauthorized", "expired")))
    server.on("WATCH", EVENTS, reply(parts=(server.hold,)))
    recorder = Recorder()
    group = observe_pod(api, namespace="ns", name="p", recorder=recorder)
    with pytest.raises(HarnessError, match="pod ns/p died"):  # noqa: SIM117  # the start may raise, too
        with group:
            recorder.wait_until(lambda _: False, deadline=10)
