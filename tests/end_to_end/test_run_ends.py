"""How ``podresize run`` ends when it is asked for little, for nothing, or is not let finish."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.finished_run import NEWEST, PODRESIZE, finished, podresize
from tests.end_to_end.real_clusters import leftovers_after

from podresize.providers.local import state
from podresize_reports.loading import load_run

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("real_host")]

ONE_TARGET = ("--containerd=1.6.36", "--no-gate-off")
GONE_WITHIN_SECONDS = 10.0


def test_one_requirement_on_one_target(tmp_path: Path) -> None:
    # The newest release: it does not wait a minute for its next sync.
    run = finished("ST-21", *NEWEST, out=tmp_path / "out", timeout=300)

    assert run.code == 0, run.unexpected
    asked = [each for each in run.of("verdict") if each["requirement"] == "ST-21"]
    assert {each["verdict"] for each in asked} == {"passed"}
    assert len(run.of("target")) == 1
    assert {each["check"].partition("::")[0] for each in run.of("verdict")} == {
        "suites/status_fields/test_status_follows_the_resize.py"
    }


def test_an_unknown_requirement_is_refused_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    done = podresize("run", "ST-92", f"--out={tmp_path / 'out'}")

    assert done.returncode == 2
    assert "value:   ST-92" in done.stdout
    assert "the nearest are: ST-" in done.stdout
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "out").exists()


def test_nothing_that_could_be_executed_is_never_success(tmp_path: Path) -> None:
    run = finished("API-05", *ONE_TARGET, out=tmp_path / "out", timeout=120)

    assert run.code == 2, run.output[-5000:]
    assert "nothing was executed" in run.output
    assert {each["verdict"] for each in run.of("verdict")} == {"unsupported"}
    assert "Nothing was executed." in (tmp_path / "out" / "junit.xml").read_text()


@dataclasses.dataclass
class Running:
    """A run whose checks are under way."""

    process: subprocess.Popen[str]
    cluster: state.ClusterState
    below: list[int]
    out: Path

    def all_end_within(self, seconds: float) -> bool:
        """Return whether every process that the run had started ended in time."""
        deadline = time.monotonic() + seconds
        try:
            return all(
                select.select([each], [], [], max(0.0, deadline - time.monotonic()))[0]
                for each in self.below
            )
        finally:
            for each in self.below:
                os.close(each)


def below(process: int) -> list[int]:
    """Return every process that descends from this one."""
    found = []
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
            found += [int(child), *below(int(child))]
    return found


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A run on one target, with its cluster up and its checks under way."""
    out = tmp_path / "out"
    process = subprocess.Popen(
        [*PODRESIZE, "run", f"--out={out}", *ONE_TARGET],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    with process:
        assert process.stdout is not None
        try:
            # What is unsupported is said at once; the others wait for the kubelet by then.
            assert any(line.startswith("API-05") for line in process.stdout)
            descendants = below(process.pid)
            (cluster,) = [each for each in state.clusters() if each.supervisor[0] in descendants]
            # Its guardian and its init end with it, as other tests prove.
            descriptors = [os.pidfd_open(each) for each in descendants]
            yield Running(process, cluster, descriptors, out)
        finally:
            process.kill()


def test_a_killed_run_leaves_valid_records_and_nothing_else(running: Running) -> None:
    running.process.kill()

    assert running.all_end_within(GONE_WITHIN_SECONDS)
    assert leftovers_after(running.cluster.layout.name, deadline=1) == []
    run = load_run(running.out / "records.jsonl")
    assert run.problems == ()
    assert not run.complete
    assert run.verdicts


def test_ctrl_c_takes_the_cluster_down_and_the_reports_say_so(running: Running) -> None:
    running.process.send_signal(signal.SIGINT)
    output, _ = running.process.communicate(timeout=40)

    assert running.process.returncode == 130, output[-3000:]
    assert "Traceback" not in output
    assert running.all_end_within(1)
    assert leftovers_after(running.cluster.layout.name, deadline=1) == []
    run = load_run(running.out / "records.jsonl")
    assert run.problems == ()
    assert not run.complete
    assert "died half way" in (running.out / "index.html").read_text()
    assert "died half way" in output


def test_when_the_cluster_dies_the_run_ends_soon_with_errors(running: Running) -> None:
    os.kill(running.cluster.supervisor[0], signal.SIGKILL)
    output, _ = running.process.communicate(timeout=60)

    assert running.process.returncode == 3, output[-3000:]
    assert running.all_end_within(1)
    assert leftovers_after(running.cluster.layout.name) == []
    run = load_run(running.out / "records.jsonl")
    assert run.problems == ()
    assert run.exit == 3
    kinds = {str(each.verdict) for each in run.verdicts}
    # What the API answers at once may have been said before.
    assert kinds - {"passed"} == {"unsupported", "error"}
    assert {str(each.verdict) for each in run.verdicts if each.requirement == "ST-20"} == {"error"}
