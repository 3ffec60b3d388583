"""Programs run to their end: none outlives us, and what they leave behind harms nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from podresize.artifacts.running import by_itself, ends_with_us, run_to_end

SECONDS = 60.0


def until_gone(pid: str) -> None:
    end = time.monotonic() + SECONDS
    while _lives(pid):
        assert time.monotonic() < end, "it lives"
        time.sleep(0.01)


def _lives(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def said_pid(place: Path) -> str:
    end = time.monotonic() + SECONDS
    while not (place.exists() and place.read_text().endswith("\n")):
        assert time.monotonic() < end, "it did not start"
        time.sleep(0.01)
    return place.read_text().strip()


def test_both_outputs_and_the_status_are_kept(tmp_path: Path) -> None:
    (tmp_path / "given").write_text("given\n")
    script = 'cat; echo "$WORD" >&2; pwd; exit 3'

    done = run_to_end(
        ["sh", "-c", script],
        seconds=SECONDS,
        environment={"WORD": "word"},
        cwd=tmp_path,
        given=tmp_path / "given",
    )

    assert (done.status, done.output, done.complaints) == (3, f"given\n{tmp_path}\n", "word\n")
    run_to_end(["echo", "there"], seconds=SECONDS, into=tmp_path / "into")
    assert (tmp_path / "into").read_text() == "there\n"


def test_a_program_that_there_is_not() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        run_to_end(["no-such-program"], seconds=SECONDS)


def test_while_it_runs_somebody_is_told() -> None:
    ticks: list[None] = []

    run_to_end(["sleep", "0.5"], seconds=SECONDS, tick=lambda: ticks.append(None), every=0.1)

    assert ticks


def test_one_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    script = f"sleep 1000 & echo $! >{tmp_path}/pid; wait"

    with pytest.raises(subprocess.TimeoutExpired):
        run_to_end(["sh", "-c", script], seconds=1.0, every=0.1)

    until_gone(said_pid(tmp_path / "pid"))


def test_one_that_signals_its_group_does_not_mean_us() -> None:
    """As mmdebstrap does, with SIGHUP, when it cannot write its archive."""
    assert run_to_end(["sh", "-c", "kill -HUP 0"], seconds=SECONDS).status == -signal.SIGHUP


@pytest.mark.skipif(not ends_with_us(), reason="the host has no setpriv")
def test_one_whose_starter_is_killed_ends(tmp_path: Path) -> None:
    script = f"echo $$ >{tmp_path}/pid; exec sleep 1000"
    starter = (
        "from podresize.artifacts.running import run_to_end\n"
        f"run_to_end(['sh', '-c', {script!r}], seconds=1000)"
    )
    with subprocess.Popen([sys.executable, "-c", starter]) as process:
        pid = said_pid(tmp_path / "pid")
        process.send_signal(signal.SIGKILL)

    until_gone(pid)


@pytest.mark.skipif(os.geteuid() != 0 or not by_itself(), reason="this host does not allow it")
def test_what_it_mounts_and_starts_ends_with_it(tmp_path: Path) -> None:
    script = f"mount -t tmpfs none {tmp_path} && touch {tmp_path}/inside && (sleep 1000 &)"

    done = run_to_end([*by_itself(), "sh", "-c", script], seconds=SECONDS)

    assert (done.status, done.complaints) == (0, "")
    assert list(tmp_path.iterdir()) == []
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
