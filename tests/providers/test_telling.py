"""Errors survive the way from the supervisor's process: kind, parts and the tails of logs."""

from __future__ import annotations

import json

import pytest

from podresize.errors import HarnessError, HostError, PodresizeError, UsageError
from podresize.providers.telling import from_event, to_event


@pytest.mark.parametrize("kind", [UsageError, HostError, HarnessError])
def test_an_error_arrives_as_what_it_was(kind: type[PodresizeError]) -> None:
    sent = kind("what", value="v", origin="o", causes=("a", "b"), next_command="n")

    got = from_event(json.loads(json.dumps(to_event(sent))))

    assert type(got) is kind
    assert str(got) == str(sent)
    assert got.exit_code == sent.exit_code


def test_a_kind_of_error_below_a_known_one_arrives_as_the_known_one() -> None:
    class NarrowError(HostError):
        pass

    assert type(from_event(to_event(NarrowError("what")))) is HostError


def test_a_dead_component_is_told_with_the_last_lines_of_its_log() -> None:
    event = {"event": "failed", "what": "etcd ended with 1", "logs": {"etcd": ["one", "two"]}}

    text = str(from_event(event))

    assert text.startswith("etcd ended with 1\n")
    assert "etcd: one\n" in text
    assert "etcd: two\n" in text


def test_a_component_that_said_nothing_is_told_without_lines() -> None:
    error = from_event({"event": "failed", "what": "etcd ended with 1", "logs": {"etcd": []}})

    assert isinstance(error, HarnessError)
    assert error.causes == ()
