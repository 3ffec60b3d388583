"""Cgroups are found where they are, in every layout that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podresize.errors import HarnessError
from podresize.evidence.cgroup_paths import find_pod_cgroups, resource_files, sandbox_place

if TYPE_CHECKING:
    from pathlib import Path

UID = "0b1c2d3e-1111-2222-3333-444455556666"
ESCAPED = UID.replace("-", "_")
CID = "c0ffee" * 10 + "beef"

CGROUPFS = {
    "Guaranteed": f"kubepods/pod{UID}/{CID}",
    "Burstable": f"kubepods/burstable/pod{UID}/{CID}",
    "BestEffort": f"kubepods/besteffort/pod{UID}/{CID}",
}
SYSTEMD = {
    "Guaranteed": f"kubepods.slice/kubepods-pod{ESCAPED}.slice/cri-containerd-{CID}.scope",
    "Burstable": "kubepods.slice/kubepods-burstable.slice/"
    f"kubepods-burstable-pod{ESCAPED}.slice/cri-containerd-{CID}.scope",
    "BestEffort": "kubepods.slice/kubepods-besteffort.slice/"
    f"kubepods-besteffort-pod{ESCAPED}.slice/crio-{CID}.scope",
}
LAYOUTS = [
    pytest.param(qos, path, driver, id=f"{driver} {qos}")
    for driver, layout in (("cgroupfs", CGROUPFS), ("systemd", SYSTEMD))
    for qos, path in layout.items()
]


@pytest.mark.parametrize(("qos", "path", "driver"), LAYOUTS)
@pytest.mark.parametrize("keys", [("unified",), ("cpu", "memory"), ("cpu,cpuacct", "memory")])
def test_every_level_is_found(
    tmp_path: Path, keys: tuple[str, ...], qos: str, path: str, driver: str
) -> None:
    mounts = {key: tmp_path / key for key in keys}
    for root in mounts.values():
        (root / path).mkdir(parents=True)
        (root / "system.slice" / "some.service").mkdir(parents=True)
    found = find_pod_cgroups(
        mounts, pod_uid=UID, qos_class=qos, container_ids=(f"containerd://{CID}",)
    )
    assert found.driver == driver
    for key, root in mounts.items():
        controller = key.partition(",")[0]
        assert found.containers[CID][controller] == root / path
        assert found.pod[controller] == (root / path).parent
        assert found.qos[controller] == (root / path).parent.parent


@pytest.mark.parametrize(
    ("parent", "place"),
    [
        ("/podresize/a", "podresize/a"),
        ("podresize", "podresize"),
        ("podresize.slice", "podresize.slice"),
        ("a-b-cxd.slice", "a.slice/a-b.slice/a-b-cxd.slice"),
        ("/x/a-b.slice", "a.slice/a-b.slice"),
    ],
)
def test_a_slice_lies_in_those_that_its_name_begins_with(parent: str, place: str) -> None:
    assert sandbox_place(parent) == place


def test_below_a_kubelet_root_of_its_own(tmp_path: Path) -> None:
    pod = (
        tmp_path / "kubelet.slice" / "kubelet-kubepods.slice" / "kubelet-kubepods-burstable.slice"
    ) / f"kubelet-kubepods-burstable-pod{ESCAPED}.slice"
    pod.mkdir(parents=True)
    found = find_pod_cgroups({"unified": tmp_path}, pod_uid=UID, qos_class="Burstable")
    assert found.pod == {"unified": pod}


def test_a_monitor_with_the_containers_id_is_not_the_container(tmp_path: Path) -> None:
    pod = tmp_path / "kubepods.slice" / f"kubepods-pod{ESCAPED}.slice"
    (pod / f"crio-conmon-{CID}.scope").mkdir(parents=True)
    (pod / f"crio-{CID}.scope" / "container").mkdir(parents=True)
    found = find_pod_cgroups(
        {"unified": tmp_path}, pod_uid=UID, qos_class="Guaranteed", container_ids=(CID,)
    )
    assert found.containers[CID]["unified"] == pod / f"crio-{CID}.scope"


def test_cruns_own_group_below_a_scope_has_the_limits_on_v1(tmp_path: Path) -> None:
    scope = (
        tmp_path / "kubepods.slice" / f"kubepods-pod{ESCAPED}.slice" / f"cri-containerd-{CID}.scope"
    )
    (scope / "container").mkdir(parents=True)
    found = find_pod_cgroups(
        {"cpu": tmp_path, "memory": tmp_path},
        pod_uid=UID,
        qos_class="Guaranteed",
        container_ids=(CID,),
    )
    assert set(found.containers[CID].values()) == {scope / "container"}


def test_a_group_that_the_workload_made_is_not_its_container(tmp_path: Path) -> None:
    place = tmp_path / "kubepods" / f"pod{UID}" / CID
    (place / "container").mkdir(parents=True)
    found = find_pod_cgroups(
        {"cpu": tmp_path, "memory": tmp_path},
        pod_uid=UID,
        qos_class="Guaranteed",
        container_ids=(CID,),
    )
    assert set(found.containers[CID].values()) == {place}


def test_a_runtime_with_another_driver_than_the_kubelet(tmp_path: Path) -> None:
    (tmp_path / "kubepods.slice" / f"kubepods-pod{ESCAPED}.slice").mkdir(parents=True)
    name = f"kubepods-pod{ESCAPED}.slice:cri-containerd:{CID}"
    stray = tmp_path / "system.slice" / "containerd.service" / name
    stray.mkdir(parents=True)
    found = find_pod_cgroups(
        {"unified": tmp_path}, pod_uid=UID, qos_class="Guaranteed", container_ids=(CID,)
    )
    assert found.containers[CID]["unified"] == stray


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=f"cgroup of pod {UID}"):
        find_pod_cgroups({"unified": tmp_path}, pod_uid=UID, qos_class="Burstable")
    (tmp_path / "kubepods" / "burstable" / f"pod{UID}").mkdir(parents=True)
    with pytest.raises(HarnessError, match=f"cgroup of container {CID}"):
        find_pod_cgroups(
            {"unified": tmp_path}, pod_uid=UID, qos_class="Burstable", container_ids=(CID,)
        )


def test_twice_is_an_error_not_a_choice(tmp_path: Path) -> None:
    for root in ("a", "b"):
        (tmp_path / root / "kubepods" / f"pod{UID}").mkdir(parents=True)
    with pytest.raises(HarnessError, match="more than once"):
        find_pod_cgroups({"unified": tmp_path}, pod_uid=UID, qos_class="Guaranteed")


def test_another_qos_level_than_expected_is_an_error(tmp_path: Path) -> None:
    (tmp_path / CGROUPFS["Burstable"]).mkdir(parents=True)
    with pytest.raises(HarnessError, match="level of its QoS class Guaranteed"):
        find_pod_cgroups({"unified": tmp_path}, pod_uid=UID, qos_class="Guaranteed")


def test_missing_controllers_are_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="lack memory"):
        find_pod_cgroups({"cpu": tmp_path}, pod_uid=UID, qos_class="Guaranteed")


def test_resource_files_are_those_that_exist(tmp_path: Path) -> None:
    for name in ("cpu.max", "cpu.stat", "memory.max"):
        (tmp_path / name).touch()
    assert resource_files({"unified": tmp_path}) == {
        "cpu.max": tmp_path / "cpu.max",
        "memory.max": tmp_path / "memory.max",
    }
