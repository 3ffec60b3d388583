"""Whether the process of a mark is gone: only of those of which that can be said."""

from __future__ import annotations

import subprocess
import sys

import pytest

from podresize.providers.marks import has_ended, mark


def test_this_process_lives_and_another_does_not_once_it_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        marked = mark(other.pid)
        assert not has_ended(marked)
    assert has_ended(marked)
    assert not has_ended(mark())


def test_a_later_process_with_the_same_pid_is_another() -> None:
    pid, ticks, namespace = mark().split("-")

    assert has_ended(f"{pid}-{int(ticks) + 1}-{namespace}")


@pytest.mark.parametrize("text", ["", "latest", "1-2", "1-2-3-4", "a-b-c"])
def test_what_is_no_mark_has_not_ended(text: str) -> None:
    assert not has_ended(text)


def test_of_another_pid_namespace_nothing_can_be_said() -> None:
    assert not has_ended("999999999-1-1")
