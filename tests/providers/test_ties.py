"""What a cluster's life hangs on: whoever of them ends, the wait ends with the reason."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator

import pytest

from podresize.providers import linux
from podresize.providers.ties import Process, TieCutError, Ties

Roles = dict[str, Process]
DEAD = (2**22 + 1, 1)  # above the kernel's largest pid


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def known(process: subprocess.Popen[bytes]) -> Process:
    return process.pid, linux.start_ticks(process.pid) or 0


@contextlib.contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    try:
        yield reader, writer
    finally:
        for descriptor in (reader, writer):
            with contextlib.suppress(OSError):
                os.close(descriptor)


def ties(
    ends: dict[int, str] | None = None, *, handed_over: bool = False, roles: Roles | None = None
) -> Ties:
    roles = roles or {}
    return Ties(
        ends or {},
        owner=roles.get("owner"),
        starter=roles.get("starter"),
        was_handed_over=lambda: handed_over,
    )


def test_what_can_be_read_is_returned() -> None:
    with pipe() as (reader, writer):
        os.write(writer, b"x")

        assert ties().wait(reader) == reader


def test_a_descriptor_that_ends_is_told_by_its_meaning() -> None:
    with pipe() as (reader, writer):
        os.close(writer)

        with pytest.raises(TieCutError, match="asked to stop"):
            ties({reader: "asked to stop"}).wait()


@pytest.mark.parametrize("role", ["owner", "starter"])
def test_the_end_of_owner_or_starter_is_told(role: str, other: subprocess.Popen[bytes]) -> None:
    held = ties(roles={role: known(other)})
    threading.Timer(0.2, other.kill).start()

    with pytest.raises(TieCutError, match=f"{role} ended"):
        held.wait()


@pytest.mark.parametrize("role", ["owner", "starter"])
def test_one_that_has_ended_before_is_told_at_once(role: str) -> None:
    with pytest.raises(TieCutError, match=f"{role} ended"):
        ties(roles={role: DEAD})


def test_another_process_with_the_owners_pid_is_not_the_owner(
    other: subprocess.Popen[bytes],
) -> None:
    pid, ticks = known(other)

    with pytest.raises(TieCutError, match="owner ended"):
        ties(roles={"owner": (pid, ticks + 1)})


def test_the_starter_may_end_once_it_has_got_what_it_asked_for(
    other: subprocess.Popen[bytes],
) -> None:
    held = ties(roles={"starter": known(other)}, handed_over=True)
    other.kill()
    with pipe() as (reader, writer):
        threading.Timer(0.3, os.write, (writer, b"x")).start()

        assert held.wait(reader) == reader


def output_of(program: str) -> str:
    """Return what a process of its own and whoever it leaves print: a fork wants no threads."""
    head = "import os, signal\nfrom podresize.providers.guarding import *\n"
    done = subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=30,
    )
    return done.stdout


def test_a_guardian_cleans_with_what_it_was_told_when_its_ward_is_killed() -> None:
    said = output_of("""
        kept = os.dup(1)
        said = lambda told: f"{told['init']} {told['more']}".encode()
        _, tell = fork_guardian(lambda told: os.write(kept, said(told)))
        tell({"init": 7})
        tell({"more": "x"})
        os.kill(os.getpid(), signal.SIGKILL)
    """)

    assert said == "7 x"


def test_a_guardian_that_is_ended_cleans_nothing() -> None:
    said = output_of("""
        kept = os.dup(1)
        guardian, _ = fork_guardian(lambda told: os.write(kept, b"cleaned"))
        end_guardian(guardian)
    """)

    assert said == ""
