"""The probe and the pause program, taken out of their images and run for real."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from podresize.artifacts.artifact import Artifact, Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.progress import Silent
from podresize.artifacts.store import Store

needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="no go on PATH")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    root = tmp_path_factory.mktemp("images")
    return Store(Cache(root)).get(Component.IMAGES, progress=Silent())


@pytest.fixture(scope="module")
def programs(built: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the two programs, out of the images as ``docker load`` finds them."""
    directory = tmp_path_factory.mktemp("programs")
    for path in built.files.values():
        with tarfile.open(path) as image:
            (listed,) = json.load(_file(image, "manifest.json"))
            (layer,) = listed["Layers"]
            with tarfile.open(fileobj=_file(image, layer)) as archive:
                archive.extractall(directory, filter="tar")
    return directory


def _file(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    file = archive.extractfile(name)
    assert file is not None
    return file


@pytest.fixture
def probe(programs: Path) -> Iterator[Any]:
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [programs / "probe", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def resident_kib(process: subprocess.Popen[str]) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    assert found is not None
    return int(found.group(1))


def cpu_ticks(process: subprocess.Popen[str]) -> int:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@needs_go
def test_both_images_are_assembled(built: Artifact) -> None:
    assert built.source is Source.ASSEMBLED
    assert set(built.files) == {"pause.tar", "workload.tar"}


@needs_go
def test_the_programs_are_static(programs: Path) -> None:
    for name in ("probe", "pause"):
        # A dynamic program names its loader in a PT_INTERP segment.
        assert b"/lib64/ld-linux" not in (programs / name).read_bytes()


@needs_go
def test_the_heartbeat_is_on_the_hosts_monotonic_clock(probe: Any) -> None:
    before = time.monotonic()
    process = probe()
    beats = [line(process) for _ in range(4)]
    after = time.monotonic()

    assert [beat["beat"] for beat in beats] == [0, 1, 2, 3]
    assert len({beat["instance"] for beat in beats}) == 1
    assert before <= beats[0]["monotonic"] < beats[-1]["monotonic"] <= after
    for earlier, later in itertools.pairwise(beats):
        assert 0.03 < later["monotonic"] - earlier["monotonic"] < 0.5
    assert line(probe("serve"))["instance"] != beats[0]["instance"]


@needs_go
def test_a_stop_is_no_wait_for_a_processor(probe: Any) -> None:
    process = probe()
    beats = [line(process)]
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.5)
    process.send_signal(signal.SIGCONT)
    beats += [line(process) for _ in range(2)]

    stop = max(
        itertools.pairwise(beats), key=lambda pair: pair[1]["monotonic"] - pair[0]["monotonic"]
    )
    assert stop[1]["monotonic"] - stop[0]["monotonic"] > 0.45
    assert stop[1]["waited"] - stop[0]["waited"] < 0.2


@needs_go
def test_a_wait_for_a_processor_is_counted(probe: Any) -> None:
    """One that runs when nobody else wants to, beside one that always does."""
    processor = min(os.sched_getaffinity(0))
    code = f"import os\nos.sched_setaffinity(0, {{{processor}}})\nwhile True: pass"
    process = probe()
    first = line(process)
    for thread in Path(f"/proc/{process.pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {processor})
        os.sched_setscheduler(int(thread.name), os.SCHED_IDLE, os.sched_param(0))
    busy = subprocess.Popen([sys.executable, "-c", code])
    try:
        beats = [line(process) for _ in range(15)]
    finally:
        busy.kill()
        busy.wait()

    assert beats[-1]["waited"] > first["waited"]


@needs_go
def test_the_probe_is_small_and_ends_at_once(probe: Any) -> None:
    process = probe("serve")
    line(process)
    assert resident_kib(process) < 8 * 1024
    begun = time.monotonic()

    process.send_signal(signal.SIGTERM)

    assert process.wait(5) == 0
    assert time.monotonic() - begun < 0.5


@needs_go
def test_memory_is_held(probe: Any) -> None:
    by_option, by_environment = probe("--hold-mib", "16"), probe(PROBE_HOLD_MIB="16")
    for process in (by_option, by_environment):
        line(process)
        assert 16 * 1024 < resident_kib(process) < 26 * 1024
    process = probe("allocate", "12")
    assert line(process) == {"held_mib": 12}
    assert 12 * 1024 < resident_kib(process) < 20 * 1024


@needs_go
def test_a_file_is_held_without_a_name(probe: Any, tmp_path: Path) -> None:
    process = probe("allocate", "3", "--in", str(tmp_path))

    assert line(process) == {"held_mib": 3}
    held = [
        each
        for each in Path(f"/proc/{process.pid}/fd").iterdir()
        if "held-" in each.readlink().name
    ]
    assert [each.stat().st_size for each in held] == [3 << 20]
    assert not list(tmp_path.iterdir())


@needs_go
def test_cpu_is_used_as_told(probe: Any) -> None:
    process = probe("--burn-millicores", "200")
    first = line(process)["monotonic"]
    begun = cpu_ticks(process)
    beats = [line(process) for _ in range(10)]

    seconds = beats[-1]["monotonic"] - first
    used = (cpu_ticks(process) - begun) / os.sysconf("SC_CLK_TCK")
    assert 0.05 < used / seconds < 0.3  # less on a host that has no time left


@needs_go
def test_limited_commands_end_by_themselves(probe: Any) -> None:
    for arguments in (("burn", "100", "--seconds", "0.05"), ("allocate", "1", "--seconds", "0.05")):
        assert probe(*arguments).wait(5) == 0


@needs_go
def test_identity_and_cgroup_are_one_json_line(probe: Any) -> None:
    start_ticks = int(Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19])
    assert line(probe("identity")) == {"pid": 1, "start_ticks": start_ticks}

    process = probe("cgroup")
    answer, _ = process.communicate(timeout=5)
    if process.returncode == 0:  # a host without a mounted hierarchy has nothing to show
        raw = json.loads(answer)
        assert raw["version"] in (1, 2)
        assert all(isinstance(value, str) for value in raw["values"].values())


@needs_go
@pytest.mark.parametrize(
    "arguments",
    [
        ("dance",),
        ("burn",),
        ("allocate", "-1"),
        ("allocate", "x"),
        ("serve", "x"),
        ("--hold-mib", "-1"),
    ],
)
def test_a_wrong_call_is_refused(probe: Any, arguments: tuple[str, ...]) -> None:
    process = probe(*arguments)
    _, said = process.communicate(timeout=5)

    assert process.returncode == 2
    assert said


@needs_go
def test_pause_reaps_children_and_ends_at_sigterm(programs: Path) -> None:
    # A shell becomes the pause program: the shell's child is pause's child then.
    script = 'sleep 0.1 & echo $!; exec "$0"'
    command = ["sh", "-c", script, str(programs / "pause")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        _until_gone(int(process.stdout.readline()))
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


def _until_gone(pid: int) -> None:
    """Wait until a process is reaped by another: no event tells a bystander of that."""
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, "a zombie stays"
        time.sleep(0.01)
