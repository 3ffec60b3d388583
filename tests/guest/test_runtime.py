"""A runtime alone behind an agent: the guest is this host, its OCI runtime a script."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.guest.conftest import Line
from tests.oracle.test_container_update import V1

from podresize.cri.oci_service import OciService
from podresize.cri.oci_witness import OciWitness
from podresize.cri.workplace import HostWorkplace
from podresize.errors import HarnessError
from podresize.evidence.kernel_view import HostKernel
from podresize.guest.client import Agent
from podresize.guest.conversation import Conversation
from podresize.guest.kernel import GuestKernel
from podresize.providers.runtimes.reaching import (
    GuestWorkplace,
    runtime_agent,
    runtime_kernel,
    runtime_workplace,
)
from podresize.requirements.runtime_target import NO_RUNTIME, OciHandle, RuntimeHandle
from podresize_fixtures.runtimes.containers import Containers
from podresize_fixtures.runtimes.reach import reach_runtime, refuse_dead, why_dead

# As runc: a state with a file for each container that is created.
RUNC = """#!/bin/sh
root=$2; shift 2
case $1 in
create) mkdir -p $root/$4; echo '{"config": {"cgroups": {"cpu_shares": 512}}}' >$root/$4/state.json
    mkdir -p CGROUP/podresize/pod/$4; echo 5 >CGROUP/podresize/pod/$4/cpu.weight
    sleep 1000 & echo $! >CGROUP/podresize/pod/$4/cgroup.procs ;;
update) cat >$root/$4/asked; echo 9 >CGROUP/podresize/pod/$4/cpu.weight ;;
state) [ -d $root/$2 ] || exit 1; echo '{"status": "running"}' ;;
kill) kill -9 $(cat CGROUP/podresize/pod/$2/cgroup.procs); >CGROUP/podresize/pod/$2/cgroup.procs ;;
delete) rm -r $root/$3 CGROUP/podresize/pod/$3 ;;
esac
"""


@pytest.fixture
def handle(line: Line, tmp_path: Path) -> RuntimeHandle:
    """An OCI runtime alone behind an agent."""
    line.agent()
    program, cgroup = tmp_path / "runc", tmp_path / "cgroup"
    program.write_text(RUNC.replace("CGROUP", str(cgroup)))
    program.chmod(0o755)
    (cgroup / "podresize").mkdir(parents=True)
    return RuntimeHandle(
        endpoint="",
        name="one",
        image="/rootfs",
        cgroup_mounts={"unified": cgroup},
        proc=Path("/proc"),
        cgroup_parent="podresize",
        oci=OciHandle(
            kind="runc", program=program, root=tmp_path / "oci", bundles=tmp_path / "bundles"
        ),
        fingerprint=dataclasses.replace(
            V1, runtime=NO_RUNTIME, cgroup_version=2, slowness=2.0, runtime_version=NO_RUNTIME
        ),
        control=str(tmp_path / "control.sock"),
        agent=str(line.socket),
    )


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the agent is asked, in order."""
    found: list[str] = []
    ask = Conversation.ask

    def noting(self: Conversation, do: str, **fields: Any) -> Conversation:
        found.append(do)
        return ask(self, do, **fields)

    monkeypatch.setattr(Conversation, "ask", noting)
    return found


def test_a_container_is_made_updated_seen_and_ended(
    handle: RuntimeHandle, questions: list[str], tmp_path: Path
) -> None:
    with reach_runtime(handle, "run") as reach:
        assert isinstance(reach.service, OciService)
        assert isinstance(reach.witness, OciWitness)
        sandbox = reach.service.run_sandbox(name="pod", run="r", cgroup_parent="podresize/pod")
        made = reach.service.create(sandbox, name="c", image="/rootfs", resources={})
        answer = reach.service.update(made, {"cpu_shares": 700})
        questions.clear()
        taken = reach.camera.take(made, parent=sandbox.cgroup_parent)
        asked = list(questions)
        kept = reach.witness.footprint(made)["specification"]
        reach.service.stop(made)
        reach.service.remove_sandbox("pod")
        gone = reach.camera.take(made, parent=sandbox.cgroup_parent)

    assert answer.is_ok
    assert (taken.kernel, taken.oci) == ({"cpu.weight": "9"}, {"cpu_shares": 512})
    assert taken.process["pid"] is not None
    assert taken.oom_score_adj == int(Path("/proc/self/oom_score_adj").read_text())
    # The kernel first, and no more of them for a container with much around it.
    assert asked == ["find", "settings", "identity", "read", "exec", "read"]
    assert kept > 40
    assert (gone.state, gone.kernel) == (None, {})
    assert list((tmp_path / "bundles").iterdir()) == []
    assert not (tmp_path / "cgroup/podresize/pod").exists()


def test_what_a_check_asks_of_its_machine_is_the_guests(
    handle: RuntimeHandle, questions: list[str]
) -> None:
    with reach_runtime(handle, "run") as reach:
        containers = Containers(reach)
        assert containers.processors == os.cpu_count()
        with containers.scratch() as place:
            assert place.is_dir()
        assert not place.exists()
        assert reach.patience(5.0) == 10.0
    assert "read" in questions
    assert "exec" in questions


def test_a_handle_says_where_its_runtime_is(handle: RuntimeHandle) -> None:
    again = RuntimeHandle.from_json(json.loads(json.dumps(handle.to_json())))
    here = dataclasses.replace(handle, agent=None)

    assert again == handle
    agent = runtime_agent(handle)
    assert agent is not None
    assert agent.patience == 60.0
    assert isinstance(runtime_kernel(again), GuestKernel)
    assert isinstance(runtime_workplace(again), GuestWorkplace)
    assert isinstance(runtime_kernel(here), HostKernel)
    assert isinstance(runtime_workplace(here), HostWorkplace)


def test_a_guest_that_ends_is_told(
    handle: RuntimeHandle, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("podresize.providers.control.running", lambda _: {})
    assert why_dead(handle) is None

    line.kill("relay")

    assert why_dead(handle) == "the guest answers no more"
    with pytest.raises(HarnessError, match="the guest answers no more"):
        refuse_dead(handle)


@pytest.fixture
def guest(agent: Agent) -> GuestWorkplace:
    return GuestWorkplace(agent)


def test_programs_and_files_are_the_guests(guest: GuestWorkplace, tmp_path: Path) -> None:
    done = guest.run("sh", "-c", "cat; echo wrong >&2; exit 3", text="in\n", seconds=20)

    assert (done.code, done.stdout, done.stderr) == (3, "in\n", "wrong\n")
    guest.write(tmp_path / "a/b/file", "text")
    guest.make_directory(tmp_path / "c/d")
    guest.make_directory(tmp_path / "c/d")
    assert (tmp_path / "a/b/file").read_text() == "text"
    guest.remove(tmp_path / "a")
    guest.remove(tmp_path / "a")
    guest.remove_directory(tmp_path / "c/d")
    assert list(tmp_path.rglob("*")) == [tmp_path / "c"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda guest, place: guest.remove_directory(place), "not empty"),
        (lambda guest, place: guest.make_directory(place / "file/x"), "Not a directory"),
        (lambda guest, _: guest.run("/no/such/program", seconds=1.0), "no such file"),
        (lambda guest, _: guest.run("sleep", "1000", seconds=0.2), "timed out"),
    ],
)
def test_what_a_guest_refuses_is_an_error_of_the_system(
    guest: GuestWorkplace,
    tmp_path: Path,
    wrong: Callable[[GuestWorkplace, Path], object],
    said: str,
) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OSError, match=f"(?i){said}"):
        wrong(guest, tmp_path)


def test_a_program_that_is_not_there_is_the_harnesss_error(handle: RuntimeHandle) -> None:
    assert handle.oci is not None
    other = dataclasses.replace(handle.oci, program=Path("/no/such/program"))

    with (
        reach_runtime(dataclasses.replace(handle, oci=other), "run") as reach,
        pytest.raises(HarnessError, match="runc start did not end"),
    ):
        reach.service.start("c")
