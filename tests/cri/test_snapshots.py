"""What is read of a container at one moment, and in which order."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.oracle.test_container_update import V1

from podresize.cri.service import Said
from podresize.cri.snapshots import Photographer, hierarchies
from podresize.evidence.kernel_view import HostKernel
from podresize.requirements.runtime_target import OciHandle, RuntimeHandle

V2 = dataclasses.replace(V1, cgroup_version=2, cgroup_driver="systemd")
PARENT = "podresize-a.slice"


@pytest.fixture
def asked() -> list[str]:
    """Who was asked, in order."""
    return []


class Kernel(HostKernel):
    """This host's, which notes when it is asked for settings."""

    def __init__(self, mounts: Mapping[str, Path], asked: list[str]) -> None:
        super().__init__(mounts, proc=Path("/proc"))
        self._asked = asked

    def settings_of_each(
        self, places: Sequence[Mapping[str, Path]], prefixes: tuple[str, ...] = ()
    ) -> list[dict[str, str]]:
        self._asked.append("the kernel")
        return super().settings_of_each(places, prefixes)


class Witness:
    """A runtime that says of every container that it runs."""

    def __init__(self, asked: list[str]) -> None:
        self._asked = asked

    def said(self, container: str) -> Said:
        self._asked.append(f"the runtime of {container}")
        return Said(state="CONTAINER_RUNNING", started_at=7)

    def footprint(self, container: str) -> dict[str, int]:
        raise AssertionError(container)

    def hugepage_entries(self, container: str) -> dict[str, int]:
        raise AssertionError(container)


@pytest.fixture
def handle(tmp_path: Path) -> RuntimeHandle:
    return RuntimeHandle(
        endpoint="",
        name="one",
        image="i",
        cgroup_mounts={"unified": tmp_path / "cgroup"},
        proc=None,
        cgroup_parent="podresize.slice",
        oci=OciHandle(kind="runc", program=Path("/runc"), root=tmp_path / "oci"),
        fingerprint=V2,
    )


@pytest.fixture
def camera(handle: RuntimeHandle, asked: list[str]) -> Photographer:
    return Photographer(handle, Witness(asked), Kernel(handle.cgroup_mounts, asked))


def test_the_kernel_is_read_first_and_each_witness_is_in_its_place(
    camera: Photographer, asked: list[str], tmp_path: Path
) -> None:
    pod = tmp_path / "cgroup/podresize.slice" / PARENT
    for name, weight in (("podresize-cid.scope", "5"), ("podresize-b.scope", "6"), ("", "7")):
        (pod / name).mkdir(parents=True, exist_ok=True)
        (pod / name / "cpu.weight").write_text(f"{weight}\n")
        (pod / name / "io.weight").write_text("none of ours")
    (pod / "podresize-cid.scope/cgroup.procs").write_text(f"{os.getpid()}\n")
    (tmp_path / "oci/cid").mkdir(parents=True)
    state = {"config": {"cgroups": {"cpu_shares": 700}}}
    (tmp_path / "oci/cid/state.json").write_text(json.dumps(state))

    taken = camera.take("cid", parent=PARENT)

    assert asked == ["the kernel", "the runtime of cid"]
    assert taken.kernel == {"cpu.weight": "5"}
    assert taken.around == {
        "the pod's cgroup": {"cpu.weight": "7"},
        "its neighbour podresize-b.scope": {"cpu.weight": "6"},
    }
    assert taken.process["pid"] == os.getpid()
    own = Path("/proc/self/oom_score_adj").read_text()
    assert taken.oom_score_adj == int(own)
    assert taken.oci == {"cpu_shares": 700}
    assert (taken.state, taken.started_at) == ("CONTAINER_RUNNING", 7)


def test_of_a_container_that_has_ended_the_kernel_has_nothing(
    camera: Photographer, tmp_path: Path
) -> None:
    (tmp_path / "cgroup").mkdir()

    taken = camera.take("cid", parent=PARENT)

    assert (taken.kernel, taken.around, taken.process, taken.oci) == ({}, {}, {}, None)
    assert taken.oom_score_adj is None


def test_hierarchies_are_those_with_settings_of_a_container() -> None:
    v1 = {"cpu,cpuacct": Path("/c"), "memory": Path("/m"), "name=systemd": Path("/s")}

    assert hierarchies(v1) == {"cpu": Path("/c"), "memory": Path("/m")}
    assert hierarchies({"unified": Path("/u")}) == {"unified": Path("/u")}
