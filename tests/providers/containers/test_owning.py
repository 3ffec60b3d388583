"""Whose containers are removed: of no process that lives, and of none that cannot be asked for."""

from __future__ import annotations

import os

import pytest
from tests.providers.kind.conftest import FakeProgram, bin_directory, docker

from podresize.errors import HostError
from podresize.providers.containers.owning import OWNER_LABEL, owner_labels, sweep
from podresize.providers.kind.engine import find_engine

__all__ = ["bin_directory", "docker"]


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)


def own() -> str:
    return owner_labels()[OWNER_LABEL]


def gone() -> str:
    """The label of a process that had this one's pid before it."""
    pid, _, namespace = own().split("-")
    return f"{pid}-1-{namespace}"


def test_only_what_has_no_process_any_more_is_removed(docker: FakeProgram) -> None:
    lines = [f"a1 {own()}", f"b2 {gone()}", f"c3 {os.getpid()}-1-1", "d4 nonsense", "e5 "]
    docker.says("ps", output="\n".join(lines) + "\n")

    assert sweep(find_engine()) == ["b2"]

    assert [words for words in docker.asked if words[0] == "rm"] == [
        ["rm", "--force", "--volumes", "b2"]
    ]


def test_what_somebody_else_removes_meanwhile_is_no_error(docker: FakeProgram) -> None:
    docker.says("ps", "--all", "--no-trunc", "--filter", output=f"b2 {gone()}\n")
    docker.says("rm", error="No such container: b2\n", code=1)

    assert sweep(find_engine()) == ["b2"]


def test_what_the_engine_does_not_let_go_is_told(docker: FakeProgram) -> None:
    docker.says("ps", output=f"b2 {gone()}\n")
    docker.says("ps", "--all", "--no-trunc", "--quiet", output="b2\n")
    docker.says("rm", error="device or resource busy\n", code=1)

    with pytest.raises(HostError, match="device or resource busy"):
        sweep(find_engine())
