"""What is made of an OCI runtime's exit code and words, with a program that plays one.

That it does so with real ones is in tests/end_to_end/test_oci_alone.py.
"""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from podresize.cri.oci_command import OciCommand
from podresize.cri.oci_service import OciService
from podresize.cri.oci_witness import OciWitness
from podresize.cri.service import Executed
from podresize.cri.workplace import HostWorkplace
from podresize.errors import HarnessError
from podresize.evidence.kernel_view import HostKernel
from podresize.requirements.runtime_target import OciHandle

SCRIPT = """#!/bin/sh
echo "$@" >> {log}
case "$*" in *update*-*) cat >> {log} ;; esac
{body}
"""


class Played:
    """A program of which a test says what it does; ``said`` is what it was called with."""

    def __init__(self, place: Path, body: str, **how: Any) -> None:
        self.place = place
        (place / "root").mkdir(exist_ok=True)
        program = place / "runc"
        program.write_text(SCRIPT.format(log=place / "log", body=body))
        program.chmod(0o755)
        handle = OciHandle(
            kind="runc",
            program=program,
            root=place / "root",
            bundles=place / "bundles",
            flags=how.pop("flags", ()),
        )
        self.command = OciCommand(handle, **how)
        self.mounts = {"cpu": place / "cpu"}
        kernel = HostKernel(self.mounts, proc=Path("/proc"))
        self.service = OciService(self.command, mounts=self.mounts, kernel=kernel)
        self.witness = OciWitness(self.command, kernel)

    @property
    def said(self) -> str:
        return (self.place / "log").read_text()


def test_an_update_goes_to_standard_input_and_exit_code_0_is_ok(tmp_path: Path) -> None:
    played = Played(tmp_path, "exit 0")

    answer = played.service.update("c1", {"cpu_shares": 700})

    words, given = played.said.split("\n", 1)
    assert words == f"--root {tmp_path}/root update --resources - c1"
    assert json.loads(given) == {"cpu": {"shares": 700}}
    assert (answer.is_ok, answer.message) == (True, "")


def test_an_update_of_nothing_has_no_resources_at_all(tmp_path: Path) -> None:
    played = Played(tmp_path, "exit 0")

    played.service.update("c1", {}, empty=True)

    assert played.said == f"--root {tmp_path}/root update c1\n"


def test_a_refusal_has_the_programs_words_and_no_code_of_its_own(tmp_path: Path) -> None:
    played = Played(tmp_path, "echo 'no such quota' >&2; exit 1")

    answer = played.service.update("c1", {"cpu_quota": 5})

    assert (answer.code, answer.message) == ("UNKNOWN", "no such quota")


def test_a_score_is_nothing_that_an_oci_runtime_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="oom_score_adj"):
        Played(tmp_path, "exit 0").service.update("c1", {"oom_score_adj": 500})


def test_what_the_container_holds_open_keeps_nobody_waiting(tmp_path: Path) -> None:
    played = Played(tmp_path, "sleep 30 & echo $! > pid; exit 0".replace("pid", f"{tmp_path}/pid"))

    done = played.command.run("create", "c1", seconds=10)

    assert done.code == 0
    assert Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("created", "CONTAINER_CREATED"),
        ("running", "CONTAINER_RUNNING"),
        ("paused", "CONTAINER_RUNNING"),
        ("stopped", "CONTAINER_EXITED"),
    ],
)
def test_a_state_is_told_by_the_names_of_cri(tmp_path: Path, status: str, state: str) -> None:
    played = Played(tmp_path, f"""echo '{{"status": "{status}"}}'""")

    said = played.witness.said("c1")

    assert (said.state, said.status, said.spec, said.started_at) == (state, None, None, None)


def test_a_container_of_which_nothing_is_kept_is_gone(tmp_path: Path) -> None:
    played = Played(tmp_path, "exit 1")

    assert played.witness.said("c1").state is None


def test_a_state_that_cannot_be_told_is_no_container_that_is_gone(tmp_path: Path) -> None:
    played = Played(tmp_path, "echo broken >&2; exit 1")
    (tmp_path / "root/c1").mkdir()

    with pytest.raises(HarnessError, match="broken"):
        played.witness.said("c1")


def test_what_is_kept_is_counted_to_the_last_file(tmp_path: Path) -> None:
    played = Played(tmp_path, "printf 123")
    (tmp_path / "root/c1/deep").mkdir(parents=True)
    (tmp_path / "root/c1/state.json").write_text("four")
    (tmp_path / "root/c1/deep/more").write_text("five5")

    assert played.witness.footprint("c1") == {
        "status": 3,
        "specification": 9,
        "memory": 0,
        "files": 0,
    }


def test_a_program_that_is_not_there_is_the_harnesss_error(tmp_path: Path) -> None:
    played = Played(tmp_path, "exit 0")
    (tmp_path / "runc").unlink()

    with pytest.raises(HarnessError, match="did not end"):
        played.service.start("c1")


def test_a_sandbox_is_a_cgroup_that_takes_processes_and_goes_with_it(tmp_path: Path) -> None:
    played = Played(tmp_path, "exit 0")
    parent, place = tmp_path / "cpu/run", tmp_path / "cpu/run/pod"
    place.mkdir(parents=True)
    for name, content in (("cpuset.cpus", "0-1"), ("cpuset.mems", "0")):
        (parent / name).write_text(content)
        (place / name).touch()  # as the kernel makes them

    played.service.run_sandbox(name="pod", run="r", cgroup_parent="/run/pod")

    assert [(place / name).read_text() for name in ("cpuset.cpus", "cpuset.mems")] == ["0-1", "0"]
    for name in ("cpuset.cpus", "cpuset.mems"):
        (place / name).unlink()  # as the kernel removes them
    played.service.remove_sandbox("pod")
    assert not place.exists()


def test_a_cgroup_that_cannot_be_made_is_the_harnesss_error(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="cannot be made"):
        Played(tmp_path, "exit 0").service.run_sandbox(
            name="pod", run="r", cgroup_parent="/run/pod"
        )


class Systemd(HostWorkplace):
    """This host, but for its systemd, which says what a test wants; ``asked`` is what of."""

    def __init__(self, code: int = 0) -> None:
        self.code = code
        self.asked: list[tuple[str, ...]] = []
        self.seconds: list[float] = []

    def run(self, *command: str, text: str | None = None, seconds: float) -> Executed:
        self.seconds.append(seconds)
        if command[0] != "systemctl":
            return super().run(*command, text=text, seconds=seconds)
        self.asked.append(command)
        return Executed(code=self.code, stdout="", stderr="no")


def test_below_a_slice_systemd_makes_the_cgroups_and_is_told_of_their_end(tmp_path: Path) -> None:
    systemd = Systemd()
    played = Played(tmp_path, "exit 0", flags=("--systemd-cgroup",), workplace=systemd)

    sandbox = played.service.run_sandbox(name="pod", run="r", cgroup_parent="x-pod.slice")
    made = played.service.create(sandbox, name="c", image="/rootfs", resources={"cpu_shares": 5})
    written = json.loads((tmp_path / "bundles" / made / "config.json").read_text())
    played.service.remove_sandbox("pod")

    assert written["linux"]["cgroupsPath"] == f"x-pod.slice:podresize:{made}"
    first = played.said.splitlines()[0]
    assert first.startswith(f"--root {tmp_path}/root --systemd-cgroup create --bundle ")
    assert systemd.asked == [("systemctl", "stop", "x-pod.slice")]
    assert not (tmp_path / "cpu").exists()
    assert list((tmp_path / "bundles").iterdir()) == []


@pytest.mark.parametrize(("code", "is_fine"), [(0, True), (5, True), (1, False)])
def test_a_slice_that_was_never_made_is_no_error(tmp_path: Path, code: int, is_fine: bool) -> None:
    played = Played(tmp_path, "exit 0", workplace=Systemd(code))
    played.service.run_sandbox(name="pod", run="r", cgroup_parent="x-pod.slice")

    if is_fine:
        played.service.remove_sandbox("pod")
    else:
        with pytest.raises(HarnessError, match="slice cannot be stopped: no"):
            played.service.remove_sandbox("pod")


class Holding(HostWorkplace):
    """A guest that lets go of no directory."""

    def remove(self, path: Path) -> None:
        raise OSError(5, f"{path.name} stays")


def test_a_bundle_that_cannot_be_removed_is_the_harnesss_error(tmp_path: Path) -> None:
    played = Played(tmp_path, "exit 0", workplace=Holding())

    with pytest.raises(HarnessError, match=r"container cannot be removed: .*c1 stays"):
        played.service.remove("c1")


def test_a_call_may_take_as_long_as_its_machine_is_slow(tmp_path: Path) -> None:
    workplace = Systemd()
    played = Played(tmp_path, "exit 0", workplace=workplace, slowness=8.0)

    played.command.run("state", "c1", seconds=10)

    assert workplace.seconds == [80.0]


def test_the_end_of_a_container_is_that_of_its_processes(tmp_path: Path) -> None:
    """The kill is answered at once; whoever asked returns when the cgroup is empty."""
    played = Played(tmp_path, "exit 0")
    (tmp_path / "cpu/run").mkdir(parents=True)
    sandbox = played.service.run_sandbox(name="pod", run="r", cgroup_parent="/run/pod")
    made = played.service.create(sandbox, name="c", image="/rootfs", resources={})
    place = tmp_path / "cpu/run/pod" / made
    place.mkdir()
    with subprocess.Popen(["sleep", "1000"]) as process:
        (place / "cgroup.procs").write_text(f"{process.pid}\n")
        threading.Timer(0.3, lambda: (place / "cgroup.procs").write_text("")).start()

        played.service.stop(made)

        assert (place / "cgroup.procs").read_text() == ""
        process.kill()
    assert played.said.splitlines()[-1] == f"--root {tmp_path}/root kill {made} KILL"
