"""Pods for checks: resources that fit the node, whatever its size.

Sizes are computed from what the node has to give, never constants that a small node cannot hold.
They are small, since several checks run beside each other, and such that a change of 50m or 32Mi
shows in every witness: 50m and 100m differ in ``cpu.shares``, in ``cpu.weight`` under both formulas
in use and in the quota.
"""

from __future__ import annotations

from typing import Any

from podresize.errors import HostError, UsageError
from podresize.oracle.quantity import format_cpu, format_memory, parse_quantity

_CPU_FLOOR = parse_quantity("50m")
_MEMORY_FLOOR = parse_quantity("64Mi")
# The share of the node that one pod asks for; several checks run beside each other.
_SHARE = 40
_CPU_GRAIN = parse_quantity("50m")
_MEMORY_GRAIN = parse_quantity("16Mi")
QOS_CLASSES = ("Guaranteed", "Burstable", "BestEffort")


def container_resources(qos: str, *, allocatable: dict[str, str]) -> dict[str, Any]:
    """Return the resources of one container of the QoS class for a node of this size.

    Guaranteed: requests equal limits. Burstable: limits are twice the requests. BestEffort: none.
    Raises ``HostError`` when the node cannot hold even the smallest.
    """
    if qos not in QOS_CLASSES:
        raise UsageError("no such QoS class", value=qos, causes=(f"one of {QOS_CLASSES}",))
    if qos == "BestEffort":
        return {}
    cpu_whole = parse_quantity(allocatable["cpu"])
    memory_whole = parse_quantity(allocatable["memory"])
    if cpu_whole < 4 * _CPU_FLOOR or memory_whole < 4 * _MEMORY_FLOOR:
        raise HostError(
            "the node is too small for the pods of the checks",
            value=f"allocatable cpu {allocatable['cpu']}, memory {allocatable['memory']}",
            origin="the node's status",
        )
    cpu = max(_CPU_FLOOR, min(4 * _CPU_FLOOR, cpu_whole / _SHARE // _CPU_GRAIN * _CPU_GRAIN))
    memory = max(
        _MEMORY_FLOOR,
        min(2 * _MEMORY_FLOOR, memory_whole / _SHARE // _MEMORY_GRAIN * _MEMORY_GRAIN),
    )
    factor = 1 if qos == "Guaranteed" else 2
    return {
        "requests": {"cpu": format_cpu(cpu), "memory": format_memory(memory)},
        "limits": {"cpu": format_cpu(factor * cpu), "memory": format_memory(factor * memory)},
    }


def pod_body(
    name: str,
    *,
    image: str,
    resources: list[dict[str, Any]],
    labels: dict[str, str],
    resize_policy: list[dict[str, str]] | None = None,
    restart_policy: str = "Always",
) -> dict[str, Any]:
    """Return a pod of probe containers ``c1``, ``c2``, ..., one for each entry of ``resources``."""
    containers = []
    for number, each in enumerate(resources, start=1):
        container: dict[str, Any] = {
            "name": f"c{number}",
            "image": image,
            # The image was loaded into the runtime; there is no registry to ask.
            "imagePullPolicy": "Never",
            "resources": each,
        }
        if resize_policy is not None:
            container["resizePolicy"] = resize_policy
        containers.append(container)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "containers": containers,
            "restartPolicy": restart_policy,
            "terminationGracePeriodSeconds": 2,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
        },
    }
