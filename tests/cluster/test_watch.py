"""The watch survives what apiservers and networks do to watches."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from podresize.cluster.api import Api, ApiError, ApiUnreachableError
from podresize.cluster.kubeconfig import Connection
from podresize.cluster.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cluster.conftest import FakeApiServer, Reply

PODS = "/api/v1/namespaces/ns/pods"


def pod(version: int, *, name: str = "a") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "ns", "resourceVersion": str(version)}}


def pods(version: int, *items: dict[str, Any]) -> dict[str, Any]:
    header = {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": str(version)}}
    return header | {"items": list(items)}


def line(kind: str, body: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": body}).encode() + b"\n"


def take(watch: Watch, count: int) -> list[tuple[str, str]]:
    """Return (type, resourceVersion) of the next events, then stop."""
    seen = []
    for event in watch.events():
        seen.append((event.type, event.object.get("metadata", {}).get("resourceVersion", "")))
        if len(seen) == count:
            watch.stop()
    return seen


def watch_versions(server: FakeApiServer) -> list[str]:
    return [r.query["resourceVersion"] for r in server.requests if r.method == "WATCH"]


def test_starts_from_the_version_of_its_list(
    server: FakeApiServer, api: Api, reply: type[Reply]
) -> None:
    server.on("GET", PODS, reply(body=pods(7, pod(5))))
    server.on("WATCH", PODS, reply(parts=(line("MODIFIED", pod(8)), server.hold)))
    with Watch(api, kind="pods", namespace="ns", name="a") as watch:
        assert take(watch, 3) == [("LISTED", "5"), ("SYNCED", ""), ("MODIFIED", "8")]
    assert watch_versions(server) == ["7"]
    assert {r.query["fieldSelector"] for r in server.requests} == {"metadata.name=a"}
    assert watch.interruptions == []


def test_listed_objects_look_like_watched_ones(
    server: FakeApiServer, api: Api, reply: type[Reply]
) -> None:
    server.on("GET", PODS, reply(body=pods(7, pod(5))))
    with Watch(api, kind="pods", namespace="ns") as watch:
        event = next(watch.events())
    assert (event.object["apiVersion"], event.object["kind"]) == ("v1", "Pod")


def test_a_lost_connection_resumes_from_the_last_bookmark(
    server: FakeApiServer, api: Api, reply: type[Reply]
) -> None:
    server.on("GET", PODS, reply(body=pods(7)))
    server.on(
        "WATCH",
        PODS,
        reply(parts=(line("ADDED", pod(8)), line("BOOKMARK", pod(20))), torn=True),
        reply(parts=(line("MODIFIED", pod(21)), server.hold)),
    )
    with Watch(api, kind="pods", namespace="ns") as watch:
        assert take(watch, 3) == [("SYNCED", ""), ("ADDED", "8"), ("MODIFIED", "21")]
    assert watch_versions(server) == ["7", "20"]
    assert len(watch.interruptions) == 1
    assert "no answer" in watch.interruptions[0].reason


def test_a_torn_line_is_not_an_event(server: FakeApiServer, api: Api, reply: type[Reply]) -> None:
    whole = line("MODIFIED", pod(8))
    server.on("GET", PODS, reply(body=pods(7)))
    server.on(
        "WATCH",
        PODS,
        reply(parts=(whole[:20],), torn=True),
        reply(parts=(whole[:9], whole[9:], server.hold)),
    )
    with Watch(api, kind="pods", namespace="ns") as watch:
        assert take(watch, 2) == [("SYNCED", ""), ("MODIFIED", "8")]
    assert watch_versions(server) == ["7", "7"]


def test_the_servers_own_timeout_is_no_interruption(
    server: FakeApiServer, api: Api, reply: type[Reply]
) -> None:
    server.on("GET", PODS, reply(body=pods(7)))
    server.on(
        "WATCH",
        PODS,
        reply(parts=(line("ADDED", pod(8)),)),
        reply(parts=(line("MODIFIED", pod(9)), server.hold)),
    )
    with Watch(api, kind="pods", namespace="ns") as watch:
        assert take(watch, 3)[1:] == [("ADDED", "8"), ("MODIFIED", "9")]
    assert watch.interruptions == []


@pytest.mark.parametrize("as_event", [True, False], ids=["ERROR event", "HTTP 410"])
def test_a_forgotten_version_lists_again_and_reports_what_vanished(
    server: FakeApiServer,
    api: Api,
    reply: type[Reply],
    refusal: Callable[..., dict[str, Any]],
    as_event: bool,
) -> None:
    gone = refusal(410, "Expired", "too old resource version")
    server.on(
        "GET",
        PODS,
        reply(body=pods(7, pod(5), pod(6, name="b"))),
        reply(body=pods(90, pod(80))),
    )
    server.on(
        "WATCH",
        PODS,
        reply(parts=(line("ERROR", gone),)) if as_event else reply(code=410, body=gone),
        reply(parts=(server.hold,)),
    )
    with Watch(api, kind="pods", namespace="ns") as watch:
        assert take(watch, 6)[3:] == [("LISTED", "80"), ("DELETED", "6"), ("SYNCED", "")]


def test_a_silent_connection_counts_as_dead(
    server: FakeApiServer, api: Api, reply: type[Reply]
) -> None:
    server.on("GET", PODS, reply(body=pods(7)))
    server.on(
        "WATCH",
        PODS,
        reply(parts=(server.hold,)),
        reply(parts=(line("ADDED", pod(8)), server.hold)),
    )
    with Watch(api, kind="pods", namespace="ns", read_timeout=0.1) as watch:
        assert take(watch, 2) == [("SYNCED", ""), ("ADDED", "8")]
    assert len(watch.interruptions) == 1


def test_a_refused_list_raises_at_once(
    server: FakeApiServer, api: Api, reply: type[Reply], refusal: Callable[..., dict[str, Any]]
) -> None:
    server.on("GET", PODS, reply(code=403, body=refusal(403, "Forbidden", "no")))
    with Watch(api, kind="pods", namespace="ns") as watch, pytest.raises(ApiError, match="403"):
        take(watch, 1)


def test_a_busy_server_is_asked_again(
    server: FakeApiServer, api: Api, reply: type[Reply], refusal: Callable[..., dict[str, Any]]
) -> None:
    server.on("GET", PODS, reply(body=pods(7)))
    server.on(
        "WATCH",
        PODS,
        reply(code=429, body=refusal(429, "TooManyRequests", "later")),
        reply(parts=(line("ADDED", pod(8)), server.hold)),
    )
    with Watch(api, kind="pods", namespace="ns") as watch:
        assert take(watch, 2)[1] == ("ADDED", "8")
    assert "429" in watch.interruptions[0].reason


def test_a_cluster_that_has_ended_is_not_waited_for(
    server: FakeApiServer, reply: type[Reply]
) -> None:
    server.on("GET", PODS, reply(body=pods(7)))
    server.on("WATCH", PODS, reply(parts=(line("MODIFIED", pod(8)),)), reply(code=503))
    asked = []

    def is_there() -> bool:
        asked.append(len(watch_versions(server)))
        return len(asked) < 3

    with (
        Api(Connection(server=server.url), is_there=is_there) as api,
        Watch(api, kind="pods", namespace="ns") as watch,
        pytest.raises(ApiError, match="503"),
    ):
        take(watch, 5)
    assert asked == [2, 3, 4]


def test_patience_with_a_dead_server_ends(
    server: FakeApiServer, api: Api, reply: type[Reply], refusal: Callable[..., dict[str, Any]]
) -> None:
    server.on("GET", PODS, reply(body=pods(7)))
    server.on("WATCH", PODS, reply(code=503, body=refusal(503, "ServiceUnavailable", "etcd")))
    with (
        Watch(api, kind="pods", namespace="ns", patience=0.1) as watch,
        pytest.raises(ApiError, match="etcd"),
    ):
        take(watch, 9)


def test_a_server_that_never_answered_is_an_error_at_once(api: Api, server: FakeApiServer) -> None:
    server.close()
    with Watch(api, kind="pods", namespace="ns") as watch, pytest.raises(ApiUnreachableError):
        take(watch, 1)
    server.ending.set()


def test_stop_ends_a_blocked_read_at_once(
    server: FakeApiServer, api: Api, reply: type[Reply]
) -> None:
    server.on("GET", PODS, reply(body=pods(7)))
    server.on("WATCH", PODS, reply(parts=(line("ADDED", pod(8)), server.hold)))
    reading = threading.Event()
    with Watch(api, kind="pods", namespace="ns") as watch:

        def read() -> None:
            for event in watch.events():
                if event.type == "ADDED":
                    reading.set()

        thread = threading.Thread(target=read)
        thread.start()
        assert reading.wait(5)
        began = time.monotonic()
        watch.stop()
        thread.join(5)
    assert not thread.is_alive()
    assert time.monotonic() - began < 1


def test_stop_ends_a_list_that_hangs(server: FakeApiServer, api: Api, reply: type[Reply]) -> None:
    server.on("GET", PODS, reply(parts=(server.hold,)))
    with Watch(api, kind="pods", namespace="ns") as watch:
        timer = threading.Timer(0.05, watch.stop)
        timer.start()
        assert take(watch, 1) == []
        timer.join()
