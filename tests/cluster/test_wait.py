"""A waiter returns what matched, or says what it saw last."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from podresize.cluster.wait import describe_state, wait_for, wait_gone, wait_settled
from podresize.errors import HarnessError

if TYPE_CHECKING:
    from tests.cluster.conftest import FakeApiServer, Reply

    from podresize.cluster.api import Api

PODS = "/api/v1/namespaces/ns/pods"


def pod(version: int, phase: str = "Pending", uid: str = "u1") -> dict[str, Any]:
    metadata = {"name": "a", "namespace": "ns", "uid": uid, "resourceVersion": str(version)}
    return {"metadata": metadata, "status": {"phase": phase}}


def pods(*items: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "PodList", "metadata": {"resourceVersion": "7"}, "items": list(items)}


def line(kind: str, body: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": body}).encode() + b"\n"


def running(body: dict[str, Any]) -> bool:
    return bool(body["status"]["phase"] == "Running")


def test_the_object_that_matched_is_returned(
    server: FakeApiServer, api: Api, reply: type[Reply]
) -> None:
    server.on("GET", PODS, reply(body=pods(pod(5))))
    events = (line("MODIFIED", pod(8)), line("MODIFIED", pod(9, "Running")), server.hold)
    server.on("WATCH", PODS, reply(parts=events))
    found = wait_for(
        api, kind="pods", namespace="ns", name="a", predicate=running, deadline=10, what="Running"
    )
    assert found == pod(9, "Running")
    assert [r.method for r in server.requests] == ["GET", "WATCH"]


def settled(api: Api, *, quiet: float, deadline: float) -> dict[str, Any]:
    return wait_settled(
        api,
        kind="pods",
        namespace="ns",
        name="a",
        predicate=running,
        quiet=quiet,
        deadline=deadline,
        what="Running",
    )


def test_an_object_that_is_still_changed_has_not_settled(
    server: FakeApiServer, api: Api, reply: type[Reply]
) -> None:
    server.on("GET", PODS, reply(body=pods(pod(5, "Running"))))
    events = (line("MODIFIED", pod(8)), line("MODIFIED", pod(9, "Running")), server.hold)
    server.on("WATCH", PODS, reply(parts=events))
    began = time.monotonic()

    assert settled(api, quiet=0.5, deadline=20) == pod(9, "Running")
    assert time.monotonic() - began >= 0.5


def test_what_does_not_settle_in_time_is_an_error(
    server: FakeApiServer, api: Api, reply: type[Reply]
) -> None:
    server.on("GET", PODS, reply(body=pods(pod(5, "Running"))))
    server.on("WATCH", PODS, reply(parts=(server.hold,)))
    with pytest.raises(HarnessError, match=r"was not Running within 0\.3 s"):
        settled(api, quiet=30, deadline=0.3)


def test_what_is_deleted_does_not_settle(
    server: FakeApiServer, api: Api, reply: type[Reply]
) -> None:
    server.on("GET", PODS, reply(body=pods(pod(5, "Running"))))
    server.on("WATCH", PODS, reply(parts=(line("DELETED", pod(8, "Running")), server.hold)))
    with pytest.raises(HarnessError, match="was deleted before it was Running"):
        settled(api, quiet=30, deadline=20)


def test_what_is_there_already_needs_no_watch(
    server: FakeApiServer, api: Api, reply: type[Reply]
) -> None:
    server.on("GET", PODS, reply(body=pods(pod(5, "Running"))))
    wait_for(
        api, kind="pods", namespace="ns", name="a", predicate=running, deadline=10, what="Running"
    )
    assert [r.method for r in server.requests] == ["GET"]


def test_the_deadline_ends_a_silent_watch_with_the_last_state(
    server: FakeApiServer, api: Api, reply: type[Reply]
) -> None:
    server.on("GET", PODS, reply(body=pods(pod(5))))
    server.on("WATCH", PODS, reply(parts=(server.hold,)))
    began = time.monotonic()
    with pytest.raises(HarnessError, match=r"pods ns/a was not Running within 0.1 s\n.*Pending"):
        wait_for(
            api,
            kind="pods",
            namespace="ns",
            name="a",
            predicate=running,
            deadline=0.1,
            what="Running",
        )
    assert time.monotonic() - began < 2


def test_a_deletion_ends_the_wait(server: FakeApiServer, api: Api, reply: type[Reply]) -> None:
    server.on("GET", PODS, reply(body=pods(pod(5))))
    server.on("WATCH", PODS, reply(parts=(line("DELETED", pod(8)), server.hold)))
    with pytest.raises(HarnessError, match="was deleted before it was Running"):
        wait_for(
            api,
            kind="pods",
            namespace="ns",
            name="a",
            predicate=running,
            deadline=10,
            what="Running",
        )


@pytest.mark.parametrize(
    ("listed", "event"),
    [
        ((), None),
        ((pod(5),), ("DELETED", pod(8))),
        ((pod(5),), ("ADDED", pod(9, uid="u2"))),
    ],
    ids=["never there", "deleted", "replaced by a namesake"],
)
def test_gone(server: FakeApiServer, api: Api, reply: type[Reply], listed: Any, event: Any) -> None:
    server.on("GET", PODS, reply(body=pods(*listed)))
    parts = (line(*event), server.hold) if event else (server.hold,)
    server.on("WATCH", PODS, reply(parts=parts))
    wait_gone(api, kind="pods", namespace="ns", name="a", deadline=10, uid="u1")


def test_not_gone(server: FakeApiServer, api: Api, reply: type[Reply]) -> None:
    server.on("GET", PODS, reply(body=pods(pod(5))))
    server.on("WATCH", PODS, reply(parts=(server.hold,)))
    with pytest.raises(HarnessError, match=r"was not gone within 0\.1 s"):
        wait_gone(api, kind="pods", namespace="ns", name="a", deadline=0.1)


def test_the_state_in_words() -> None:
    assert describe_state(None) == "it was never there"
    container = {"name": "c", "state": {"waiting": {"reason": "ErrImagePull"}}, "restartCount": 2}
    condition = {"type": "Ready", "status": "False", "reason": "No", "message": "not yet"}
    body = {
        "metadata": {"deletionTimestamp": "now"},
        "status": {
            "phase": "Pending",
            "resize": "Deferred",
            "conditions": [condition],
            "containerStatuses": [container],
        },
    }
    assert describe_state(body) == (
        "phase Pending; resize Deferred; being deleted; Ready=False (No): not yet; "
        'container c {"waiting":{"reason":"ErrImagePull"}}, 2 restarts'
    )
    assert describe_state({"status": {"used": {"pods": "1"}}}) == '{"used":{"pods":"1"}}'
