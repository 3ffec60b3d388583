"""A resize on cgroup v2 under systemd, on each side of containerd 1.6.9: the smoke of the guests.

The one that sticks is watched for as long as a resize may take there, which is minutes where the
node is emulated; the other one is done meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.finished_run import ROOT, Finished
from tests.end_to_end.real_clusters import until

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("guests")]

CHECK = "suites/status_fields/test_status_follows_the_resize.py::test_status_follows_the_resize"
GUEST = ("--provider=vm", "--cgroup=v2", "--cgroup-driver=systemd", "--kubernetes=1.27.4")
_SECONDS = 1200.0


def test_what_a_silent_runtime_shows_is_the_same_and_a_reporting_one_is_done(
    tmp_path: Path,
) -> None:
    places = {name: tmp_path / name for name in ("silent", "reporting")}
    with contextlib.ExitStack() as started:
        silent = started.enter_context(_started("1.6.8", places["silent"]))
        # Two guests that boot side by side would take twice as long.
        is_up = until(lambda: _is_up(places["silent"]), deadline=_SECONDS, every=1.0)
        other = started.enter_context(_started("1.6.36", places["reporting"]))
        reporting = _finished(other, places["reporting"])
        old = _finished(silent, places["silent"])

    print(reporting.output, old.output)
    assert is_up
    assert (old.code, reporting.code) == (0, 0), old.unexpected + reporting.unexpected
    assert _stack(old) == ("1.6.8", 2, "systemd")
    assert _stack(reporting) == ("1.6.36", 2, "systemd")
    assert _said(reporting, "ST-02", "ST-20", "ST-21") == [("passed", None)] * 3
    assert _said(old, "ST-20") == [("passed", None)]
    assert _said(old, "ST-02", "ST-21") == [("deviation", "C-01")] * 2
    for run in (old, reporting):
        assert _quotas(run) == {"before": True, "after": True}


@contextlib.contextmanager
def _started(containerd: str, out: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run of the check, which does not outlive the test."""
    environment = {key: value for key, value in os.environ.items() if key != "PODRESIZE_RUN_ID"}
    command = [sys.executable, "-m", "pytest", f"{CHECK}[Guaranteed-cpu+50m]", *GUEST]
    command += [f"--containerd={containerd}", f"--out={out}"]
    with (
        _output(out).open("wb") as output,
        subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()


def _output(out: Path) -> Path:
    return out.with_suffix(".txt")


def _is_up(out: Path) -> bool:
    return "fingerprint taken" in _output(out).read_text(errors="replace")


def _finished(process: subprocess.Popen[bytes], out: Path) -> Finished:
    code = process.wait(timeout=_SECONDS)
    return Finished(code=code, output=_output(out).read_text(errors="replace"), out=out)


def _stack(run: Finished) -> tuple[Any, ...]:
    (target,) = run.of("target")
    names = ("runtime_version", "cgroup_version", "cgroup_driver")
    return tuple(target["fingerprint"][name] for name in names)


def _said(run: Finished, *requirements: str) -> list[tuple[str, str | None]]:
    found = {each["requirement"]: each for each in run.of("verdict")}
    return [(found[id_]["verdict"], found[id_]["deviation"]) for id_ in requirements]


def _quotas(run: Finished) -> dict[str, bool]:
    """Return whether the kernel had two quotas of the container, one before and one after."""
    (timeline,) = run.of("timeline")
    seen = [
        (each["t"], each["data"]["cpu.max"])
        for each in timeline["observations"]
        if each["subject"] == "container/c1" and "cpu.max" in each["data"]
    ]
    first = seen[0][1]
    return {
        "before": all(value == first for t, value in seen if t < 0),
        "after": seen[-1][1] != first,
    }
