"""What is told of a start that fails: which logs, and which of their lines."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from podresize.providers.local import init
from podresize.providers.local.components import Component
from podresize.providers.local.conditions import Conditions
from podresize.providers.local.init import Init
from podresize.providers.local.layout import Layout

PANIC = "[ 2.1] Kernel panic - not syncing: VFS: Unable to mount root fs"
TRACE = [f"[ 2.2]  ? frame_{number}+0x1/0x2" for number in range(30)]
SLEEPS = (sys.executable, "-c", "import time; time.sleep(100)")


class ExitError(Exception):
    """In place of the process's end."""


@pytest.fixture
def layout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Layout:
    def leave(_: int) -> NoReturn:
        raise ExitError

    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.setenv("PODRESIZE_STATE_DIR", str(tmp_path))
    made = Layout(name="one", index=1)
    made.logs.mkdir(parents=True)
    return made


def failure_of(layout: Layout, *plan: Component, seconds: float = 30.0) -> dict[str, Any]:
    told: list[dict[str, Any]] = []
    conditions = Conditions(held={}, answers={})
    begun = Init(layout, list(plan), conditions, told.append, "/usr/bin:/bin", seconds=seconds)
    try:
        with pytest.raises(ExitError):
            begun.run()
    finally:
        for pid in begun._running:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return told[-1]


def test_a_job_that_takes_too_long_is_told_with_the_logs_of_all_that_it_deals_with(
    layout: Layout,
) -> None:
    (layout.logs / "console.log").write_text("Freezing execution.\n")
    (layout.logs / "qemu.log").write_text("qemu: slow\n")
    machine = Component(name="machine", command=SLEEPS, others=("console",))
    job = Component(name="guest", command=SLEEPS, job=True, others=("qemu",))

    failed = failure_of(layout, machine, job, seconds=0.3)

    assert failed["what"] == "not ready after 0 s"
    assert failed["logs"] == {
        "console": ["Freezing execution."],
        "guest": [],
        "qemu": ["qemu: slow"],
    }


def test_why_a_kernel_gave_up_is_told_however_long_its_trace_is(layout: Layout) -> None:
    (layout.logs / "console.log").write_text("\n".join(["[ 1.0] x", PANIC, *TRACE]))
    ends = (sys.executable, "-c", "raise SystemExit(3)")
    telling = re.compile("Kernel panic")
    machine = Component(name="machine", command=ends, others=("console",), telling=telling)
    waits = Component(name="later", command=SLEEPS, after=("never",))

    failed = failure_of(layout, machine, waits)

    assert failed["what"] == "machine ended with 3"
    assert failed["logs"]["console"] == [PANIC, *TRACE[-init._TAIL_LINES :]]


def test_a_telling_line_among_the_last_is_told_once() -> None:
    lines = ["a", PANIC, "b"]

    assert init._tail(lines, re.compile("panic")) == lines
    assert init._tail(lines, None) == lines
    assert init._tail(lines, re.compile("nothing")) == lines
