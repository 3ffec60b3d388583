"""The pod images: their layout, their bytes, and the probe inside, built and run for real."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podresize.artifacts import images
from podresize.artifacts.artifact import Artifact, Component, Source
from podresize.artifacts.cache import Cache
from podresize.artifacts.images import Assembly, write_image
from podresize.artifacts.progress import Silent
from podresize.artifacts.source import SourcePassedOverError
from podresize.artifacts.store import Store

needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="no go on PATH")


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        found = {}
        for item in archive:
            file = archive.extractfile(item)
            found[item.name] = b"" if file is None else file.read()
        return found


def written(tmp_path: Path, name: str = "a.tar") -> Path:
    (tmp_path / "program").write_bytes(b"\x7fELF")
    write_image(
        tmp_path / name,
        name="podresize.local/test:1",
        arch="arm64",
        programs={"probe": tmp_path / "program"},
        config={"Entrypoint": ["/probe"]},
    )
    return tmp_path / name


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    first = written(tmp_path, "a.tar").read_bytes()
    os.utime(tmp_path / "program", (0, 0))

    assert written(tmp_path, "b.tar").read_bytes() == first


def test_every_digest_in_the_layout_is_right(tmp_path: Path) -> None:
    files = members(written(tmp_path))
    index = json.loads(files["index.json"])
    (entry,) = index["manifests"]
    manifest = json.loads(files[blob(entry)])

    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    assert entry["annotations"]["io.containerd.image.name"] == "podresize.local/test:1"
    assert entry["platform"] == {"architecture": "arm64", "os": "linux"}
    for descriptor in (entry, manifest["config"], *manifest["layers"]):
        data = files[blob(descriptor)]
        assert len(data) == descriptor["size"]
        assert f"sha256:{hashlib.sha256(data).hexdigest()}" == descriptor["digest"]
    configuration = json.loads(files[blob(manifest["config"])])
    assert configuration["architecture"] == "arm64"
    assert configuration["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]
    (docker,) = json.loads(files["manifest.json"])
    assert docker["RepoTags"] == ["podresize.local/test:1"]
    assert docker["Layers"] == [blob(manifest["layers"][0])]


def test_a_layer_holds_the_program_and_tmp_only(tmp_path: Path) -> None:
    files = members(written(tmp_path))
    manifest = json.loads(files[blob(json.loads(files["index.json"])["manifests"][0])])
    layer = tmp_path / "layer.tar"
    layer.write_bytes(files[blob(manifest["layers"][0])])

    with tarfile.open(layer) as archive:
        found = {item.name: (item.mode, item.uid, item.mtime) for item in archive}

    assert found == {"probe": (0o755, 0, 0), "tmp": (0o1777, 0, 0)}


def blob(descriptor: dict[str, Any]) -> str:
    return "blobs/sha256/" + str(descriptor["digest"]).removeprefix("sha256:")


def test_the_version_follows_the_probes_source(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    assembly = Assembly(cache)
    before = assembly.version_for(Component.IMAGES, None, arch="amd64")
    source = images.probe_source()
    monkeypatch.setattr(images, "probe_source", lambda: source | {"more.go": b"package main"})

    after = assembly.version_for(Component.IMAGES, None, arch="amd64")

    assert re.fullmatch("[0-9a-f]{12}", before)
    assert after != before
    assert {"go.mod", "main.go", "pause/main.go"} <= set(source)
    with pytest.raises(SourcePassedOverError, match="only the pod images"):
        assembly.version_for(Component.RUNC, None, arch="amd64")
    with pytest.raises(SourcePassedOverError, match="probe of this podresize"):
        assembly.version_for(Component.IMAGES, "other", arch="amd64")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    root = tmp_path_factory.mktemp("images")
    return Store(Cache(root)).get(Component.IMAGES, progress=Silent())


@pytest.fixture(scope="module")
def programs(built: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the two programs, taken out of the images as containerd would."""
    directory = tmp_path_factory.mktemp("programs")
    for path in built.files.values():
        files = members(path)
        manifest = json.loads(files[blob(json.loads(files["index.json"])["manifests"][0])])
        layer = directory / "layer.tar"
        layer.write_bytes(files[blob(manifest["layers"][0])])
        with tarfile.open(layer) as archive:
            archive.extractall(directory, filter="tar")
    return directory


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
def test_cpu_is_used_as_told(probe: Any) -> None:
    process = probe("--burn-millicores", "200")
    first = line(process)["monotonic"]
    begun = cpu_ticks(process)
    beats = [line(process) for _ in range(10)]

    seconds = beats[-1]["monotonic"] - first
    used = (cpu_ticks(process) - begun) / os.sysconf("SC_CLK_TCK")
    assert 0.1 < used / seconds < 0.3


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
def test_pause_ends_at_sigterm(programs: Path) -> None:
    with subprocess.Popen([programs / "pause"]) as process:
        _until_it_catches(process, signal.SIGTERM)
        process.send_signal(signal.SIGCHLD)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


def _until_it_catches(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Wait for a handler to be set: another process does that, and there is no event for it."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        status = Path(f"/proc/{process.pid}/status").read_text()
        caught = re.search(r"SigCgt:\s+([0-9a-f]+)", status)
        if caught and int(caught.group(1), 16) >> (number - 1) & 1:
            return
        time.sleep(0.005)
    raise AssertionError("pause sets no handler")
