"""The guest's agent is built of its source, static, and anew where that changes."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from podresize.artifacts import agent_build
from podresize.artifacts.artifact import Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.go_source import go_source
from podresize.artifacts.store import Store
from podresize.errors import HostError, UsageError

if TYPE_CHECKING:
    from tests.artifacts.conftest import Notes

SOURCE = {
    "go.mod": b"module podresize.local/agent\n\ngo 1.21\n",
    "main.go": b'package main\n\nfunc main() { println("at your service") }\n',
}


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    source = dict(SOURCE)
    monkeypatch.setattr(agent_build, "go_source", lambda _: source)
    return source


@pytest.mark.usefixtures("source")
def test_it_is_one_static_program(cache: Cache, notes: Notes) -> None:
    agent = Store(cache).get(Component.GUEST_AGENT, progress=notes)

    assert agent.source is Source.ASSEMBLED
    program = agent.files["podresize-agent"]
    said = subprocess.run([program], capture_output=True, text=True, check=True).stderr
    assert said == "at your service\n"
    data = program.read_bytes()
    assert b"/lib64/ld-linux" not in data
    assert str(cache.layout.root).encode() not in data


def test_another_source_is_another_version(source: dict[str, bytes]) -> None:
    before = agent_build.agent_version(None)
    assert agent_build.agent_version(before) == before

    source["main.go"] += b"// changed\n"

    assert agent_build.agent_version(None) != before


def test_a_version_of_it_cannot_be_chosen(cache: Cache, notes: Notes) -> None:
    with pytest.raises(UsageError, match="follows its source"):
        Store(cache).get(Component.GUEST_AGENT, "1", progress=notes)


def test_an_installation_without_its_source_is_told(
    cache: Cache, notes: Notes, source: dict[str, bytes]
) -> None:
    source.clear()

    with pytest.raises(HostError) as caught:
        Store(cache).get(Component.GUEST_AGENT, progress=notes)
    assert "the agent's source is not installed" in str(caught.value)


def test_tests_are_no_source_and_what_there_is_not_has_none() -> None:
    assert "go.mod" in go_source("probe")
    assert not any(name.endswith("_test.go") for name in go_source("probe"))
    assert go_source("none") == {}
