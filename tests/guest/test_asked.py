"""What the vm provider asks of a guest, put to the real agent."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.guest.conftest import SECONDS, Line

from podresize.errors import HarnessError
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


def test_a_guest_that_never_answers_is_told(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="the guest did not answer within 1 s") as raised:
        wait_answers(tmp_path / "agent.sock", within=1.0)

    assert "its console says why" in raised.value.causes[0]
