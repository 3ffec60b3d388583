"""How every ``up`` begins."""

from __future__ import annotations

import time

import pytest

from podresize.errors import UsageError
from podresize.providers.beginning import begin


def test_a_step_is_told_with_the_seconds_since_the_call() -> None:
    told: list[tuple[str, float]] = []
    beginning = begin("one", lambda step, seconds: told.append((step, seconds)))

    beginning.tell_at("earlier", beginning.began + 2.5)
    beginning.tell("now")

    assert [step for step, _ in told] == ["earlier", "now"]
    assert told[0][1] == pytest.approx(2.5)
    assert 0 <= told[1][1] <= time.monotonic() - beginning.began


def test_without_a_name_it_has_one_of_its_own() -> None:
    first, second = begin(None, None), begin(None, None)
    first.tell("nobody hears it")

    assert first.name != second.name


def test_what_is_no_name_is_told_of_the_kind_of_thing_that_was_to_begin() -> None:
    with pytest.raises(UsageError, match="not a runtime name"):
        begin("Not A Name", None, "runtime")
