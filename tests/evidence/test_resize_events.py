"""Events about resizes: their messages, and that a resize is decided only when they have come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.evidence.mutants.saying import V137

from podresize.evidence.decider import is_decided
from podresize.evidence.resize_events import is_event, summary, why_not
from podresize.evidence.timeline import Witness

# As Kubernetes 1.37.2 writes them.
STARTED = (
    'Pod resize started: {"containers":[{"name":"c1","resources":{"limits":{"cpu":"300m",'
    '"memory":"96Mi"},"requests":{"cpu":"300m","memory":"96Mi"}}}],"generation":2}'
)
PENDING = (
    'Pod resize OutOfcpu: {"containers":[{"name":"c1","resources":{"requests":{"cpu":"2"}}}],'
    '"generation":2,"error":"Node didn\'t have enough resource: cpu"}'
)


def test_the_json_of_a_message_is_read() -> None:
    found = summary(PENDING)

    assert found is not None
    assert found.generation == 2
    assert found.error == "Node didn't have enough resource: cpu"
    assert found.containers == {"c1": {"requests": {"cpu": "2"}, "limits": {}}}


def test_what_was_combined_with_similar_ones_is_read() -> None:
    assert summary(f"(combined from similar events): {STARTED}") == summary(STARTED)


@pytest.mark.parametrize("message", ["", "Pod resize started", "Pod resize: {", "{1}", "{}[]"])
def test_what_is_no_json_says_nothing(message: str) -> None:
    assert summary(message) is None


def test_an_expected_event_is_known_by_its_values(resized: Callable[..., Any]) -> None:
    wanted = resized(**V137).expectation.events[0]
    data = {"reason": "ResizeStarted", "type": "Normal", "message": STARTED, "count": 1}

    assert is_event(data, wanted)
    other = str(why_not(data | {"message": STARTED.replace("96Mi", "95Mi")}, wanted))
    assert "container c1" in other


def test_a_resize_is_not_decided_before_its_events(resized: Callable[..., Any]) -> None:
    resize = resized(**V137)
    assert is_decided(resize.timeline.observations, resize.expectation)

    resize.drop(Witness.EVENT, since=0.1)

    assert not is_decided(resize.timeline.observations, resize.expectation)


def test_nothing_is_awaited_where_nothing_is_promised(resized: Callable[..., Any]) -> None:
    resize = resized()

    assert resize.expectation.events == ()
    assert is_decided(resize.timeline.observations, resize.expectation)
