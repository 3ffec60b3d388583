"""One event that several pods wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from podresize.errors import HarnessError
from podresize.resizing.running_pod import RunningPod
from podresize.resizing.together import observe_together


class FakePod:
    """A pod whose witnesses look when ``observe`` is called."""

    def __init__(self, name: str, seen: list[str], *, broken: bool = False) -> None:
        self.name, self.seen, self.broken = name, seen, broken

    def patience(self, seconds: float) -> float:
        return seconds

    def observe(self, action: Callable[[], object], *, what: str) -> str:
        if self.broken:
            raise HarnessError("nobody looks")
        self.seen.append(f"look at {self.name}")
        action()
        self.seen.append(f"{self.name} after {what}")
        return f"timeline of {self.name}"

    def expectation(self, _: None) -> str:
        return f"expectation of {self.name}"


def pods(*fakes: FakePod) -> list[RunningPod]:
    return cast(list[RunningPod], list(fakes))


def test_it_is_done_once_when_everybody_looks() -> None:
    seen: list[str] = []

    found: Any = observe_together(
        pods(*(FakePod(name, seen) for name in "abc")),
        lambda: seen.append("it"),
        what="it",
    )

    assert found == [(f"timeline of {name}", f"expectation of {name}") for name in "abc"]
    assert sorted(seen[:3]) == ["look at a", "look at b", "look at c"]
    assert seen[3] == "it"
    assert sorted(seen[4:]) == ["a after it", "b after it", "c after it"]


def test_a_witness_that_cannot_look_is_the_error_and_nothing_is_done() -> None:
    seen: list[str] = []
    before = threading.active_count()

    with pytest.raises(HarnessError, match="nobody looks"):
        observe_together(
            pods(FakePod("a", seen), FakePod("b", seen, broken=True), FakePod("c", seen)),
            lambda: seen.append("it"),
            what="it",
        )

    assert "it" not in seen
    assert threading.active_count() <= before


def test_what_the_action_raises_is_the_error() -> None:
    def refused() -> None:
        raise HarnessError("refused")

    with pytest.raises(HarnessError, match="refused"):
        observe_together(pods(FakePod("a", []), FakePod("b", [])), refused, what="it")
