"""The sum over the Burstable pods: who counts, and that it is rounded once."""

from __future__ import annotations

import dataclasses
from typing import Any

from tests.targets import TARGET as BASE

from podresize.oracle.qos_cgroup import burstable_cpu

V1 = dataclasses.replace(BASE, cgroup_version=1)
V2 = dataclasses.replace(BASE, cgroup_version=2)


def pod(cpu: str, qos: str = "Burstable", phase: str = "Running") -> dict[str, Any]:
    container = {"name": "c1", "resources": {"requests": {"cpu": cpu}}}
    return {"spec": {"containers": [container]}, "status": {"qosClass": qos, "phase": phase}}


def test_only_burstable_pods_that_have_not_ended_count() -> None:
    others = [pod("1", "Guaranteed"), pod("1", phase="Failed"), pod("1", phase="Succeeded")]

    assert burstable_cpu([pod("100m"), *others], V1) == ("cpu.shares", 102)


def test_the_sum_is_rounded_and_not_its_parts() -> None:
    # 33m are 33 shares and a rest of 0.79.
    assert burstable_cpu([pod("33m")] * 3, V1) == ("cpu.shares", 101)


def test_nobody_has_the_least() -> None:
    assert burstable_cpu([], V1) == ("cpu.shares", 2)


def test_cgroup_v2_has_a_weight() -> None:
    assert burstable_cpu([pod("1")], V2) == ("cpu.weight", 39)


def test_what_a_pod_asks_for_itself_counts_and_not_the_sum_of_its_parts() -> None:
    own = pod("100m")
    own["spec"]["resources"] = {"requests": {"cpu": "200m"}}

    assert burstable_cpu([own], V1) == ("cpu.shares", 204)
    own["spec"]["resources"] = {"requests": {"memory": "64Mi"}}
    assert burstable_cpu([own], V1) == ("cpu.shares", 102)
