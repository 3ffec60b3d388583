"""A guest's kernel answers as this host's does: both are asked of the same host."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.guest.conftest import Line

from podresize.errors import HarnessError
from podresize.evidence.kernel_view import HostKernel, KernelView
from podresize.evidence.observer import Observer
from podresize.evidence.recorder import Recorder
from podresize.evidence.sampling import SamplingMeter
from podresize.evidence.timeline import Observation, Timeline, Witness
from podresize.guest.client import Agent
from podresize.guest.clock import GuestClock, Offset
from podresize.guest.kernel import GuestKernel
from podresize.providers.interface import NodeHandle
from podresize.providers.kernel_of import kernel_of

UID = "0b1c2d3e-1111-2222-3333-444455556666"
POD = f"kubepods/burstable/pod{UID}"
PROC = Path("/proc")


@pytest.fixture
def cgroup(tmp_path: Path) -> Path:
    """Return the directory of a container in a tree as a kubelet makes it."""
    place = tmp_path / POD / "cid"
    place.mkdir(parents=True)
    (tmp_path / "system.slice" / "some.service").mkdir(parents=True)
    for name, text in (("cpu.max", "50000 100000\n"), ("cpu.stat", "1"), ("memory.max", "max\n")):
        (place / name).write_text(text)
    (place / "cgroup.procs").write_text(f"{os.getpid()}\n")
    return place


@pytest.fixture(params=["host", "guest"])
def kernel(request: pytest.FixtureRequest, agent: Agent, tmp_path: Path) -> KernelView:
    mounts = {"unified": tmp_path}
    if request.param == "host":
        return HostKernel(mounts, proc=PROC)
    return GuestKernel(agent, mounts)


def test_a_weights_second_name_is_no_setting_of_its_own(kernel: KernelView, cgroup: Path) -> None:
    """It moves with cpu.weight, which a resize may change: no change that nobody asked for."""
    (cgroup / "cpu.weight").write_text("4\n")
    (cgroup / "cpu.weight.nice").write_text("14\n")

    settings = kernel.settings({"unified": cgroup}, ("cpu.weight",))

    assert settings == {"cpu.weight": "4"}


def test_cgroups_are_found_and_read(kernel: KernelView, cgroup: Path) -> None:
    found = kernel.pod_cgroups(
        pod_uid=UID, qos_class="Burstable", container_ids=("containerd://cid",)
    )

    assert found.driver == "cgroupfs"
    assert found.containers == {"cid": {"unified": cgroup}}
    assert found.qos == {"unified": cgroup.parent.parent}
    files = kernel.resource_files(found.containers["cid"])
    assert files == {name: cgroup / name for name in ("cpu.max", "memory.max")}
    settings = kernel.settings(found.containers["cid"])
    assert settings == {"cpu.max": "50000 100000", "memory.max": "max"}
    assert kernel.read(files["cpu.max"]) == "50000 100000\n"
    kernel.write(files["cpu.max"], "1 2")
    assert (cgroup / "cpu.max").read_text() == "1 2"
    assert kernel.exists(cgroup)
    assert not kernel.exists(cgroup / "x")
    assert kernel.files(cgroup.parent) == []
    assert kernel.files(cgroup) == ["cgroup.procs", "cpu.max", "cpu.stat", "memory.max"]


SLICE = "podresize-a.slice"
NESTED = f"podresize.slice/{SLICE}"


@pytest.mark.parametrize(
    ("parent", "place"),
    [("/podresize/a", "podresize/a/{}"), (SLICE, NESTED + "/cri-containerd-{}.scope")],
    ids=["a path", "a slice"],
)
def test_a_container_without_a_pod_is_found_with_what_is_around_it(
    kernel: KernelView, tmp_path: Path, parent: str, place: str
) -> None:
    own, other = tmp_path / place.format("cid"), tmp_path / place.format("other")
    for each in (own, other):
        each.mkdir(parents=True)
    for number, each in enumerate((own, other, own.parent)):
        (each / "cpu.weight").write_text(f"{number}\n")

    found = kernel.container_cgroups({"unified": tmp_path}, parent=parent, container_id="cid")

    assert found.own == {"unified": own}
    pod, neighbour = found.around
    assert pod == "the pod's cgroup"
    assert neighbour == f"its neighbour {other.name[:24]}"
    settings = kernel.settings_of_each([found.own, *found.around.values()], ("cpu.",))
    assert [each["cpu.weight"] for each in settings] == ["0", "2", "1"]


def test_a_container_elsewhere_is_found_and_one_that_is_gone_is_not(
    kernel: KernelView, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere" / "cid").mkdir(parents=True)
    (tmp_path / "podresize" / "a").mkdir(parents=True)
    hierarchies = {"cpu": tmp_path, "memory": tmp_path / "none"}

    def found(id_: str) -> dict[str, Path]:
        return kernel.container_cgroups(hierarchies, parent="podresize/a", container_id=id_).own

    assert found("cid") == {"cpu": tmp_path / "elsewhere" / "cid"}
    assert found("other") == {}


def test_directories_and_open_files_are_told_alike(
    kernel: KernelView, cgroup: Path, tmp_path: Path
) -> None:
    assert kernel.directories(tmp_path) == ["kubepods", "system.slice"]
    assert kernel.directories(cgroup) == []
    assert kernel.directories(tmp_path / "gone") == []
    with subprocess.Popen(["sleep", "1000"], stdin=subprocess.PIPE) as process:
        before = kernel.open_files(process.pid)
        assert before >= 1
        process.kill()
        process.wait()
    with pytest.raises(FileNotFoundError):
        kernel.open_files(process.pid)


def test_what_is_not_there_is_refused_alike(kernel: KernelView, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="did not find the cgroup of pod"):
        kernel.pod_cgroups(pod_uid=UID, qos_class="Burstable")
    with pytest.raises(FileNotFoundError):
        kernel.read(tmp_path / "gone")
    with pytest.raises(FileNotFoundError):
        kernel.write(tmp_path / "gone", "1")
    with pytest.raises(FileNotFoundError):
        kernel.files(tmp_path / "gone")
    assert kernel.pids(tmp_path / "gone") == []
    assert kernel.first_process(tmp_path / "gone") == {"pid": None, "start_ticks": None}


def test_processes_are_alike(kernel: KernelView, cgroup: Path) -> None:
    with subprocess.Popen(["sleep", "1000"]) as process:
        (cgroup / "cgroup.procs").write_text(f"{process.pid}\n")
        assert kernel.pids(cgroup.parent) == [process.pid]
        assert kernel.first_process(cgroup)["pid"] == process.pid
        assert "NSpid:" in kernel.process_file(process.pid, "status")
        kernel.signal(process.pid, signal.SIGTERM)
        process.wait()
    with pytest.raises(ProcessLookupError):
        kernel.signal(process.pid, signal.SIGTERM)


def seen(recorder: Recorder, is_so: Callable[[tuple[Observation, ...]], bool]) -> None:
    assert recorder.wait_until(lambda found: is_so(found) or None, deadline=30)


def of(recorder: Recorder, witness: Witness) -> list[dict[str, object]]:
    return [each.data for each in recorder.observations() if each.witness is witness]


def test_a_sampler_records_changes_and_the_last_look(kernel: KernelView, cgroup: Path) -> None:
    files = {name: cgroup / name for name in ("cpu.max", "late", "never")}
    recorder = Recorder()
    with kernel.sampler({"pod": files}, recorder=recorder):
        files["cpu.max"].write_text("2 2\n")
        seen(recorder, lambda found: found[-1].data["cpu.max"] == "2 2")
        files["late"].write_text("1\n\n")
        seen(recorder, lambda found: found[-1].data["late"] == "1")
        files["cpu.max"].write_text("3 3\n")

    values = [tuple(data.values()) for data in of(recorder, Witness.KERNEL)]
    # A file may be seen between its making and its content.
    assert [each for each in values if "" not in each] == [
        ("50000 100000", None, None),
        ("2 2", None, None),
        ("2 2", "1", None),
        ("3 3", "1", None),
    ]


def test_a_sampler_follows_a_container_that_is_another_one(
    kernel: KernelView, cgroup: Path
) -> None:
    other = cgroup.with_name("other")
    other.mkdir()
    (other / "cpu.max").write_text("7 7")
    recorder = Recorder()
    with (
        kernel.sampler({"c": {"cpu.max": cgroup / "cpu.max"}}, recorder=recorder) as sampler,
        kernel.processes({"c": cgroup}, recorder=recorder) as processes,
    ):
        sampler.hurry()
        sampler.follow("c", {"cpu.max": other / "cpu.max"})
        processes.follow("c", other)
        seen(recorder, lambda found: len(found) == 4)
    assert of(recorder, Witness.KERNEL)[-1] == {"cpu.max": "7 7"}
    first, second = of(recorder, Witness.PROCESS)
    assert first["pid"] == os.getpid()
    assert second == {"pid": None, "start_ticks": None}


def test_a_file_that_cannot_be_read_is_no_missing_file(kernel: KernelView, cgroup: Path) -> None:
    with pytest.raises(HarnessError, match=r"IsADirectoryError|is a directory"):
        kernel.sampler({"pod": {"x": cgroup}}, recorder=Recorder()).start()


def test_how_fast_it_was_is_measured(kernel: KernelView, cgroup: Path) -> None:
    recorder = Recorder()
    with kernel.sampler({"c": {"cpu.max": cgroup / "cpu.max"}}, recorder=recorder) as sampler:
        meter = SamplingMeter(sampler)
        recorder.wait_until(lambda _: False, deadline=0.5)
        reached = meter.read()
    assert 0 < reached["hertz"] < 400
    assert reached["largest_gap"] > 0
    assert reached["seconds"] > 0.05


def test_a_slow_guest_is_looked_at_as_many_times_more_rarely(
    agent: Agent, cgroup: Path, tmp_path: Path
) -> None:
    """250 looks in a second would be most of what an emulated processor can do."""
    kernel = GuestKernel(agent, {"unified": tmp_path})
    recorder = Recorder(slowness=10.0)
    with kernel.sampler({"c": {"cpu.max": cgroup / "cpu.max"}}, recorder=recorder) as sampler:
        meter = SamplingMeter(sampler)
        recorder.wait_until(lambda _: False, deadline=0.5)
        reached = meter.read()
    assert 0 < reached["hertz"] < 30


def test_the_processes_of_a_slow_guest_as_well(agent: Agent, cgroup: Path, tmp_path: Path) -> None:
    """Each look is a walk through cgroups and procfs."""
    kernel, recorder = GuestKernel(agent, {"unified": tmp_path}), Recorder(slowness=100.0)
    with kernel.processes({"c": cgroup}, recorder=recorder):
        seen(recorder, lambda found: len(found) == 1)
        (cgroup / "cgroup.procs").write_text(str(os.getpid()))
        recorder.wait_until(lambda _: False, deadline=0.5)
        assert len(recorder.observations()) == 1
    # One look after the end was asked for.
    assert [each["pid"] for each in of(recorder, Witness.PROCESS)][-1] == os.getpid()


def test_times_are_this_hosts_and_the_offset_is_recorded(
    agent: Agent, cgroup: Path, tmp_path: Path
) -> None:
    kernel = GuestKernel(agent, {"unified": tmp_path})
    recorder = Recorder()
    with kernel.sampler({"c": {"cpu.max": cgroup / "cpu.max"}}, recorder=recorder):
        before = time.monotonic()
        (cgroup / "cpu.max").write_text("9 9")
        seen(recorder, lambda found: found[-1].data["cpu.max"] == "9 9")
    timeline = recorder.to_timeline(id="t", pod="ns/p")

    assert timeline.clock is not None
    uncertainty = timeline.clock["uncertainty"]
    assert before - recorder.origin - uncertainty <= timeline.observations[-1].t <= timeline.ended
    # It is the same host.
    assert abs(timeline.clock["offset"]) <= uncertainty + 1e-6
    assert abs(timeline.clock["of_day"]) <= uncertainty + 0.01
    assert abs(kernel.clock_ahead) <= uncertainty + 1e-6
    assert Timeline.from_json(timeline.to_json()) == timeline


class Off(GuestClock):
    """A clock of a guest that this host's is ahead of by that much more."""

    def __init__(self, agent: Agent, by: float) -> None:
        super().__init__(agent)
        self._by = by

    def offset(self) -> Offset:
        found = super().offset()
        return Offset(found.seconds + self._by, found.uncertainty)


def test_a_guests_time_is_mapped_by_what_this_host_is_ahead(
    agent: Agent, cgroup: Path, tmp_path: Path
) -> None:
    """What the guest's clock says is this host's five seconds before, whenever it arrives."""
    kernel = GuestKernel(agent, {"unified": tmp_path})
    kernel.clock = Off(agent, by=-5.0)
    recorder = Recorder()
    before = time.monotonic() - recorder.origin
    with kernel.sampler({"c": {"cpu.max": cgroup / "cpu.max"}}, recorder=recorder):
        seen(recorder, lambda found: bool(found))
        now = time.monotonic() - recorder.origin

    assert before - 5.1 <= recorder.observations()[0].t <= now - 4.9


def test_nothing_is_seen_later_than_it_arrived(agent: Agent, cgroup: Path, tmp_path: Path) -> None:
    kernel = GuestKernel(agent, {"unified": tmp_path})
    kernel.clock = Off(agent, by=3600.0)
    recorder = Recorder()
    with kernel.sampler({"c": {"cpu.max": cgroup / "cpu.max"}}, recorder=recorder):
        seen(recorder, lambda found: bool(found))
    timeline = recorder.to_timeline(id="t", pod="ns/p")

    assert timeline.clock is not None
    assert timeline.clock["offset"] == pytest.approx(3600.0, abs=1.0)
    # An hour from now, which cannot be: it was seen when it arrived, and not an hour ago.
    assert 0 <= timeline.observations[0].t <= timeline.ended


def test_the_time_of_day_is_the_nodes(kernel: KernelView) -> None:
    assert abs(kernel.time_of_day() - time.time()) < 30


@pytest.mark.parametrize("name", ["agent", "relay"])
def test_a_witness_whose_agent_is_gone_is_no_silence(line: Line, cgroup: Path, name: str) -> None:
    kernel = GuestKernel(line.agent(), {})
    recorder = Recorder()
    observers: list[Observer] = [
        kernel.sampler({"c": {"cpu.max": cgroup / "cpu.max"}}, recorder=recorder),
        kernel.processes({"c": cgroup}, recorder=recorder),
    ]
    for each in observers:
        each.start()

    line.kill(name)

    with pytest.raises(HarnessError, match="died: what it saw is incomplete"):
        recorder.wait_until(lambda _: False, deadline=30)
    for each in observers:
        each._thread.join(30)
        with pytest.raises(HarnessError, match="died: what it saw is incomplete"):
            each.stop()


def test_a_handle_says_which_kernel_it_is(line: Line, tmp_path: Path) -> None:
    mounts = {"unified": tmp_path}
    assert kernel_of(NodeHandle(name="far")) is None
    assert isinstance(kernel_of(NodeHandle(name="n", cgroup_mounts=mounts, proc=PROC)), HostKernel)
    line.agent()
    guest = NodeHandle(name="n", cgroup_mounts=mounts, agent=str(line.socket))
    view = kernel_of(NodeHandle.from_json(guest.to_json()))
    assert isinstance(view, GuestKernel)
    assert view.exists(tmp_path)
