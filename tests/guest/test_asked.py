"""What the vm provider asks of a guest, put to the real agent."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.guest.conftest import SECONDS, Line

from podresize.errors import HarnessError
from podresize.evidence.recorder import Recorder
from podresize.guest.client import Agent
from podresize.guest.clock import GuestClock
from podresize.guest.conversation import Conversation
from podresize.guest.messages import Message
from podresize.guest.observers import GuestSampler
from podresize.providers.vm.guest_agent import connected, wait_answers


def test_files_are_written_with_the_directories_above_them(line: Line, tmp_path: Path) -> None:
    wait_answers(line.socket, within=SECONDS)
    guest = connected(line.socket)
    secret = tmp_path / "etc" / "podresize" / "pki" / "kubelet.key"

    guest.write({secret: (b"key", 0o600), tmp_path / "etc" / "public": (b"\0all", 0o644)})

    assert secret.read_bytes() == b"key"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert guest.read(tmp_path / "etc" / "public") == b"\0all"
    assert "/proc" in guest.read(Path("/proc/self/mountinfo")).decode()


def test_a_command_says_what_it_says_or_why_it_failed(line: Line) -> None:
    wait_answers(line.socket, within=SECONDS)
    guest = connected(line.socket, patience=2.0)

    assert guest.run("/bin/sh", "-c", "set -eu\necho one\necho two") == "one\ntwo\n"
    assert guest.run("true") == ""
    with pytest.raises(HarnessError, match="a command failed in the guest") as raised:
        guest.run("/bin/sh", "-c", "echo first >&2; echo last >&2; exit 3")
    assert raised.value.causes == ("last",)
    with pytest.raises(HarnessError, match="the guest refuses"):
        guest.run("/nothing/there")
    with pytest.raises(HarnessError, match="the guest refuses"):
        guest.read(Path("/nothing/there"))


def test_a_command_that_takes_too_long_is_told_with_its_limit(line: Line) -> None:
    wait_answers(line.socket, within=SECONDS)

    with pytest.raises(HarnessError, match="did not end within 1 s") as raised:
        connected(line.socket, patience=2.0).run("sleep", "60", seconds=0.5)

    assert raised.value.value == "sleep 60"
    assert raised.value.next_command


def test_all_is_had_of_what_a_command_said_however_late_it_is_read(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a pipe the agent waits two seconds for the rest, and takes it for the end then."""
    wait_answers(line.socket, within=SECONDS)
    messages = Conversation.messages

    def late(self: Conversation) -> Iterator[Message]:
        time.sleep(3.0)
        return messages(self)

    monkeypatch.setattr(Conversation, "messages", late)

    said = connected(line.socket).run("head", "-c", "580000", "/dev/zero")

    assert len(said) == 580000


def test_who_waits_for_a_sample_hears_at_once_why_there_is_none_any_more(
    line: Line, tmp_path: Path
) -> None:
    wait_answers(line.socket, within=SECONDS)
    agent, recorder = Agent(line.socket), Recorder(slowness=1000.0)
    file = tmp_path / "cpu.max"
    file.write_text("max 100000")
    sampler = GuestSampler(
        {"pod": {"cpu.max": file}}, agent=agent, clock=GuestClock(agent), recorder=recorder
    ).start()
    assert sampler.progress().samples

    sampler.follow("pod", {"cpu.max": tmp_path})  # a directory, of which there is nothing to read

    with pytest.raises(HarnessError, match="the cgroup files in the guest died"):
        sampler.progress(after=math.inf)
    with pytest.raises(HarnessError):
        sampler.stop()


def test_a_guest_that_never_answers_is_told(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="the guest did not answer within 1 s") as raised:
        wait_answers(tmp_path / "agent.sock", within=1.0)

    assert "its console says why" in raised.value.causes[0]
