"""A container's first process, told by pid and start time."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from podresize.evidence.process_identity import ProcessIdentity, first_process, start_ticks
from podresize.evidence.recorder import Recorder

TAIL = "S 1 1 1 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 1 0 {ticks} 1000 50"


def make_process(proc: Path, pid: int, *, ticks: int, command: str = "sleep") -> None:
    (proc / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "stat").write_text(f"{pid} ({command}) {TAIL.format(ticks=ticks)}\n")


def make_cgroup(path: Path, *pids: int) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))
    return path


@pytest.mark.parametrize("command", ["sleep", "a b", "tmux: server)", ") 1 2 (", ""])
def test_the_command_may_hold_anything(command: str) -> None:
    assert start_ticks(f"7 ({command}) {TAIL.format(ticks=4711)}") == 4711


def test_the_kernel_agrees() -> None:
    ticks = start_ticks(Path("/proc/self/stat").read_text())
    started = ticks / os.sysconf("SC_CLK_TCK")
    assert 0 < started <= time.clock_gettime(time.CLOCK_BOOTTIME) + 1


def test_the_oldest_is_the_first(tmp_path: Path) -> None:
    make_process(tmp_path / "proc", 30, ticks=900)
    make_process(tmp_path / "proc", 40, ticks=800)
    cgroup = make_cgroup(tmp_path / "c", 30, 40)
    assert first_process(cgroup, proc=tmp_path / "proc") == {"pid": 40, "start_ticks": 800}


def test_equal_starts_are_told_apart_by_pid(tmp_path: Path) -> None:
    for pid in (41, 40):
        make_process(tmp_path / "proc", pid, ticks=800)
    cgroup = make_cgroup(tmp_path / "c", 41, 40)
    assert first_process(cgroup, proc=tmp_path / "proc")["pid"] == 40


def test_processes_in_cgroups_below_count_and_invisible_ones_do_not(tmp_path: Path) -> None:
    make_process(tmp_path / "proc", 50, ticks=700)
    cgroup = make_cgroup(tmp_path / "c", 0)
    make_cgroup(tmp_path / "c" / "init.scope", 50)
    assert first_process(cgroup, proc=tmp_path / "proc") == {"pid": 50, "start_ticks": 700}


def test_none_without_a_process_or_a_cgroup(tmp_path: Path) -> None:
    nobody = {"pid": None, "start_ticks": None}
    assert first_process(tmp_path / "gone", proc=tmp_path) == nobody
    assert first_process(make_cgroup(tmp_path / "c", 99), proc=tmp_path) == nobody


def test_another_first_process_is_recorded(tmp_path: Path) -> None:
    make_process(tmp_path / "proc", 60, ticks=100)
    make_process(tmp_path / "proc", 61, ticks=200)
    cgroup = make_cgroup(tmp_path / "c", 60)
    recorder = Recorder()
    with ProcessIdentity(
        {"container/a": cgroup}, proc=tmp_path / "proc", recorder=recorder, rate=1
    ):
        make_cgroup(tmp_path / "c", 61)
    assert [o.data for o in recorder.observations()] == [
        {"pid": 60, "start_ticks": 100},
        {"pid": 61, "start_ticks": 200},
    ]
