"""The host's kernel is reached by plain paths, and what is not there says so."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from podresize.evidence.kernel_view import HostKernel, KernelView
from podresize.evidence.recorder import Recorder
from podresize.evidence.sampling import SamplingMeter
from podresize.evidence.timeline import Witness


@pytest.fixture
def kernel(tmp_path: Path) -> KernelView:
    return HostKernel({"unified": tmp_path}, proc=Path("/proc"))


def test_a_pod_is_found_below_the_mounts(kernel: KernelView, tmp_path: Path) -> None:
    place = tmp_path / "kubepods" / "poduid-1" / "cid"
    place.mkdir(parents=True)
    (place / "cpu.max").write_text("max 100000\n")

    found = kernel.pod_cgroups(pod_uid="uid-1", qos_class="Guaranteed", container_ids=("x://cid",))

    assert found.containers == {"cid": {"unified": place}}
    files = kernel.resource_files(found.containers["cid"])
    assert files == {"cpu.max": place / "cpu.max"}
    assert kernel.settings(found.containers["cid"]) == {"cpu.max": "max 100000"}
    assert kernel.files(place) == ["cpu.max"]


def test_a_file_is_read_and_written_in_place(kernel: KernelView, tmp_path: Path) -> None:
    file = tmp_path / "cpu.max"
    file.write_text("max 100000")
    number = file.stat().st_ino

    kernel.write(file, "1 2")

    assert kernel.read(file) == "1 2"
    assert file.stat().st_ino == number
    assert kernel.exists(file)
    assert not kernel.exists(tmp_path / "gone")
    for call in (kernel.read, lambda path: kernel.write(path, ""), kernel.files):
        with pytest.raises(FileNotFoundError):
            call(tmp_path / "gone")


def test_processes_are_this_hosts(kernel: KernelView, tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        (tmp_path / "cgroup.procs").write_text(f"{process.pid}\n")
        assert kernel.pids(tmp_path) == [process.pid]
        assert kernel.first_process(tmp_path)["pid"] == process.pid
        assert kernel.process_file(process.pid, "comm") == "sleep\n"
        kernel.signal(process.pid, signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        kernel.signal(process.pid, 0)


def test_its_observers_record_and_are_measured(kernel: KernelView, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("1")
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n")
    recorder = Recorder()
    with (
        kernel.sampler({"pod": {"cpu.max": tmp_path / "cpu.max"}}, recorder=recorder) as sampler,
        kernel.processes({"container/c": tmp_path}, recorder=recorder),
    ):
        meter = SamplingMeter(sampler)
        recorder.wait_until(lambda _: False, deadline=0.1)
        reached = meter.read()
    kinds = {(each.witness, each.subject) for each in recorder.observations()}
    assert kinds == {(Witness.KERNEL, "pod"), (Witness.PROCESS, "container/c")}
    assert reached["hertz"] > 0
    assert 0 < reached["largest_gap"] <= reached["seconds"]
    assert kernel.clock_ahead == 0.0
