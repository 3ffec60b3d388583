"""The components' command lines, by release and by target, and the order of their starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from podresize.providers.kubelet import FEATURE, feature_gates
from podresize.providers.local.components import Component, plan, plan_runtime
from podresize.providers.local.layout import Layout
from podresize.requirements.target import Target

CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
NAMES = ("etcd", "containerd", "ctr", "kubelet", *CONTROL_PLANE)
PROGRAMS = {name: Path(f"/cache/{name}") for name in NAMES}
CONDITIONS = {"etcd", "containerd", "apiserver-port", "apiserver"}
GATE = "--feature-gates=InPlacePodVerticalScaling"


def components(
    layout: Layout, target: Target | None = None, etcd: str = "3.5.21", *, joins: bool = False
) -> dict[str, Component]:
    images = (Path("/images/pause.tar"), Path("/images/workload.tar"))
    found = plan(layout, target or Target(), PROGRAMS, images, etcd, joins=joins)
    return {component.name: component for component in found}


@pytest.mark.parametrize(
    ("version", "has_flag"),
    [("3.4.23", False), ("3.5", True), ("3.5.21", True), ("3.6.1", True), ("3.10.0", True)],
)
def test_etcd_is_told_not_to_sync_where_it_knows_the_flag(
    layout: Layout, version: str, has_flag: bool
) -> None:
    assert ("--unsafe-no-fsync" in components(layout, etcd=version)["etcd"].command) is has_flag


@pytest.mark.parametrize(
    ("target", "flag"),
    [
        (Target(), f"{GATE}=true"),
        (Target(gate=False), f"{GATE}=false"),
        (Target(kubernetes="1.37.2"), None),
    ],
)
def test_the_gate_is_on_off_or_left_out_where_it_is_locked(
    layout: Layout, target: Target, flag: str | None
) -> None:
    found = components(layout, target)

    for name in CONTROL_PLANE:
        gates = [word for word in found[name].command if word.startswith("--feature-gates")]
        assert gates == ([] if flag is None else [flag])


def test_authorization_is_on_and_nobody_is_let_in(layout: Layout) -> None:
    command = components(layout)["kube-apiserver"].command

    assert "--authorization-mode=Node,RBAC" in command
    assert "--anonymous-auth=false" in command
    assert "--enable-admission-plugins=NodeRestriction" in command
    assert "--service-account-issuer=https://kubernetes.default.svc" in command


def test_only_the_apiserver_and_the_kubelet_are_reached_from_outside(layout: Layout) -> None:
    found = components(layout)

    for name, flag in (("kube-controller-manager", "127.0.0.1"), ("kube-scheduler", "127.0.0.1")):
        assert f"--bind-address={flag}" in found[name].command
    assert f"--bind-address={layout.node_address}" in found["kube-apiserver"].command
    assert any("//127.0.0.1:2379" in word for word in found["etcd"].command)


def test_what_a_component_writes_lies_below_the_clusters_directory(layout: Layout) -> None:
    found = components(layout)

    assert f"--root-dir={layout.directory}/kubelet" in found["kubelet"].command
    assert f"--data-dir={layout.directory}/etcd/data" in found["etcd"].command


def test_each_waits_for_conditions_that_exist_and_only_images_are_jobs(layout: Layout) -> None:
    found = components(layout)

    assert all(set(component.after) <= CONDITIONS for component in found.values())
    jobs = [name for name, component in found.items() if component.job]
    assert jobs == ["load-pause", "load-workload"]
    # It gives up after ten seconds without a healthy API.
    assert found["kube-controller-manager"].after == ("apiserver",)


def test_a_node_that_joins_has_no_control_plane_and_waits_for_none(layout: Layout) -> None:
    found = components(layout, joins=True)

    assert set(found) == {"containerd", "load-pause", "load-workload", "kubelet"}
    assert {each for component in found.values() for each in component.after} == {"containerd"}
    assert found["kubelet"].command == components(layout)["kubelet"].command


def test_every_command_is_an_absolute_program(layout: Layout) -> None:
    assert all(Path(each.command[0]).is_absolute() for each in components(layout).values())


@pytest.mark.parametrize("tap", [False, True])
def test_a_runtime_alone_is_containerd_its_images_and_perhaps_a_tap(
    layout: Layout, tap: bool
) -> None:
    images = (Path("/images/pause.tar"), Path("/images/workload.tar"))

    found = plan_runtime(layout, PROGRAMS, images, tap=tap, faults=("update-dropped",))

    assert [each.name for each in found] == [
        *(["tap"] if tap else []),
        *("containerd", "load-pause", "load-workload"),
    ]
    assert all(set(each.after) <= {"containerd"} for each in found)


def test_one_component_alone_may_have_the_gate_off(layout: Layout) -> None:
    found = components(layout, Target(gate_off_in=("scheduler",)))

    off = {
        name for name in CONTROL_PLANE for word in found[name].command if word == f"{GATE}=false"
    }
    assert off == {"kube-scheduler"}
    assert feature_gates(Target(gate_off_in=("kubelet",)), "kubelet") == {FEATURE: False}
