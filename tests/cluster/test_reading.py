"""Logs, metrics, configurations and Events as the server gives them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from podresize.cluster.api import ApiError, ApiUnreachableError
from podresize.cluster.events import events_of
from podresize.cluster.logs import LogFollower, log_lines, log_text
from podresize.cluster.metrics import feature_enabled, features, node_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cluster.conftest import FakeApiServer, Reply

    from podresize.cluster.api import Api

LOG = "/api/v1/namespaces/ns/pods/p/log"
METRICS = b"""# TYPE kubernetes_feature_enabled gauge
kubernetes_feature_enabled{name="InPlacePodVerticalScaling",stage="ALPHA"} 1
kubernetes_feature_enabled{name="InPlacePodVerticalScalingX",stage="BETA"} 0
kubernetes_feature_enabled{stage="",name="Other"} 0
other_metric{name="InPlacePodVerticalScaling"} 0
"""


def test_log_lines(server: FakeApiServer, api: Api, reply: type[Reply]) -> None:
    server.on("GET", LOG, reply(body="a\u2028b\n\nc\n".encode()))
    where: Any = {"namespace": "ns", "pod": "p", "container": "c"}
    assert log_lines(api, **where, previous=True, tail=5, since_seconds=9) == ["a\u2028b", "", "c"]
    query = {"container": "c", "previous": "true", "tailLines": "5", "sinceSeconds": "9"}
    assert server.requests[0].query == query
    server.on("GET", LOG, reply(body=b""))
    assert log_lines(api, **where) == []


def test_a_refused_log(
    server: FakeApiServer, api: Api, reply: type[Reply], refusal: Callable[..., dict[str, Any]]
) -> None:
    server.on("GET", LOG, reply(code=400, body=refusal(400, "BadRequest", "is waiting to start")))
    with pytest.raises(ApiError, match="waiting to start"):
        log_text(api, namespace="ns", pod="p", container="c")


def test_following_ends_with_the_container_or_a_stop(
    server: FakeApiServer, api: Api, reply: type[Reply]
) -> None:
    server.on("GET", LOG, reply(parts=(b"a\nb", b"c\n")))
    with LogFollower(api, namespace="ns", pod="p", container="c") as follower:
        assert [line for _, line in follower.lines()] == ["a", "bc"]
    server.on("GET", LOG, reply(parts=(b"a\n", server.hold)))
    with LogFollower(api, namespace="ns", pod="p", container="c") as follower:
        timer = threading.Timer(0.05, follower.stop)
        for _ in follower.lines():
            timer.start()
        timer.join()


def test_a_lost_log_is_an_error(server: FakeApiServer, api: Api, reply: type[Reply]) -> None:
    server.on("GET", LOG, reply(parts=(b"a\n",), torn=True))
    with (
        LogFollower(api, namespace="ns", pod="p", container="c") as follower,
        pytest.raises(ApiUnreachableError),
    ):
        list(follower.lines())


def test_features_are_told_by_their_whole_name(
    server: FakeApiServer, api: Api, reply: type[Reply]
) -> None:
    assert features(METRICS.decode()) == {
        "InPlacePodVerticalScaling": True,
        "InPlacePodVerticalScalingX": False,
        "Other": False,
    }
    server.on("GET", "/metrics", reply(body=METRICS))
    assert feature_enabled(api, name="InPlacePodVerticalScaling") is True
    assert feature_enabled(api, name="InPlacePod") is None
    server.on("GET", "/api/v1/nodes/n/proxy/metrics", reply(body=b""))
    assert feature_enabled(api, name="InPlacePodVerticalScaling", node="n") is None


def test_the_kubelets_configuration(server: FakeApiServer, api: Api, reply: type[Reply]) -> None:
    config = {"cgroupDriver": "cgroupfs"}
    body = {"kubeletconfig": config}
    server.on("GET", "/api/v1/nodes/n/proxy/configz", reply(body=body))
    assert node_config(api, node="n") == config


def test_events_oldest_first(server: FakeApiServer, api: Api, reply: type[Reply]) -> None:
    items = [
        {"reason": "third", "series": {"lastObservedTime": "2024-01-03"}, "eventTime": "2023"},
        {"reason": "second", "lastTimestamp": "2024-01-02", "firstTimestamp": "2020"},
        {"reason": "first", "lastTimestamp": None, "eventTime": "2024-01-01"},
    ]
    body = {"kind": "EventList", "items": items}
    server.on("GET", "/api/v1/namespaces/ns/events", reply(body=body))
    found = events_of(api, namespace="ns", name="p", uid="u")
    assert [event["reason"] for event in found] == ["first", "second", "third"]
    selector = "involvedObject.kind=Pod,involvedObject.name=p,involvedObject.uid=u"
    assert server.requests[0].query == {"fieldSelector": selector}
