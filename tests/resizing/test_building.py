"""Pods fit the node, whatever its size, and their resizes can be told apart in every witness."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from podresize.errors import HostError, UsageError
from podresize.oracle import admission
from podresize.oracle.change import CPU, MEMORY, Change, apply
from podresize.oracle.conversions import cpu_quota, cpu_shares, linear_weight, quadratic_weight
from podresize.oracle.quantity import millicores, parse_quantity
from podresize.oracle.resources import LIMITS, REQUESTS, amount, normalised
from podresize.resizing.building import QOS_CLASSES, container_resources, pod_body

TINY = {"cpu": "400m", "memory": "256Mi"}
NODES = [
    TINY,
    {"cpu": "940m", "memory": "1393Mi"},  # the smallest that clouds rent out
    {"cpu": "2", "memory": "3913420Ki"},
    {"cpu": "15890m", "memory": "58567114752"},
    {"cpu": "192", "memory": "1.5Ti"},
    {"cpu": "1k", "memory": "24Ti"},
]
# What the suites ask for (suites/*): each step must show.
CHANGES = [
    Change(cpu="+50m"),
    Change(memory="+32Mi"),
    Change(cpu="+50m", memory="-32Mi"),
    Change(cpu="+50m", memory="+32Mi"),
]
SIZES = pytest.mark.parametrize("node", NODES, ids=lambda node: f"{node['cpu']}-{node['memory']}")
LIMITED = pytest.mark.parametrize("qos", ["Guaranteed", "Burstable"])


def values(resources: dict[str, Any], kind: str) -> tuple[Decimal, Decimal]:
    read = normalised(resources)
    cpu, memory = amount(read, kind, CPU), amount(read, kind, MEMORY)
    assert cpu is not None
    assert memory is not None
    return cpu, memory


@SIZES
@LIMITED
def test_the_requests_fit_the_node_with_every_change_and_room_for_others(
    node: dict[str, str], qos: str
) -> None:
    whole = parse_quantity(node["cpu"]), parse_quantity(node["memory"])

    for change in CHANGES:
        before = normalised(container_resources(qos, allocatable=node))
        cpu, memory = values(apply(change, before), REQUESTS)

        assert 2 * cpu <= whole[0]
        assert 2 * memory <= whole[1]


@SIZES
@LIMITED
def test_every_change_shows_in_shares_quota_and_both_weight_formulas(
    node: dict[str, str], qos: str
) -> None:
    before = normalised(container_resources(qos, allocatable=node))

    for change in CHANGES:
        after = apply(change, before)
        for kind in (REQUESTS, LIMITS):
            (old_cpu, old_memory), (cpu, memory) = values(before, kind), values(after, kind)
            moved = old_cpu != cpu
            assert moved == (change.cpu is not None)
            assert (old_memory != memory) == (change.memory is not None)
            assert memory >= parse_quantity("16Mi")  # the probe needs a few
            if moved:
                old, new = millicores(old_cpu), millicores(cpu)
                shares = cpu_shares(old), cpu_shares(new)
                assert len(set(shares)) == 2
                assert cpu_quota(old) != cpu_quota(new)
                # A status in whole millicores must come back as it went in.
                assert (new * 1024 // 1000) != (old * 1024 // 1000)
                assert linear_weight(shares[0]) != linear_weight(shares[1])
                assert quadratic_weight(shares[0]) != quadratic_weight(shares[1])


@SIZES
@pytest.mark.parametrize("qos", QOS_CLASSES)
def test_the_pod_gets_the_class_that_was_asked_for_and_keeps_it(
    node: dict[str, str], qos: str
) -> None:
    resources = normalised(container_resources(qos, allocatable=node))

    assert admission.qos_class([resources]) == qos
    if qos != "BestEffort":
        assert {admission.qos_class([apply(change, resources)]) for change in CHANGES} == {qos}


@pytest.mark.parametrize(
    "node",
    [TINY | {"cpu": "199m"}, TINY | {"memory": "255Mi"}],
    ids=["cpu", "memory"],
)
def test_a_node_that_holds_nothing_is_the_hosts_fault_and_named(node: dict[str, str]) -> None:
    with pytest.raises(HostError, match="too small") as caught:
        container_resources("Guaranteed", allocatable=node)

    assert node["cpu"] in str(caught.value.value)
    assert node["memory"] in str(caught.value.value)
    assert container_resources("BestEffort", allocatable=node) == {}


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(UsageError, match="no such QoS class"):
        container_resources("Best", allocatable=TINY)


def test_a_pod_has_a_container_for_each_entry_and_asks_no_registry() -> None:
    resources = [container_resources(qos, allocatable=TINY) for qos in QOS_CLASSES]

    pod = pod_body("a", image="probe:1", resources=resources, labels={"podresize/run": "r"})

    containers = pod["spec"]["containers"]
    assert [each["name"] for each in containers] == ["c1", "c2", "c3"]
    assert [each["resources"] for each in containers] == resources
    assert {each["imagePullPolicy"] for each in containers} == {"Never"}
    assert pod["metadata"]["labels"] == {"podresize/run": "r"}
    # Left out where it was not asked for: the apiserver's own default is part of what is checked.
    assert not any("resizePolicy" in each for each in containers)


def test_a_resize_policy_goes_to_every_container() -> None:
    policy = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]

    pod = pod_body("a", image="probe:1", resources=[{}, {}], labels={}, resize_policy=policy)

    assert [each["resizePolicy"] for each in pod["spec"]["containers"]] == [policy, policy]
