"""What the cgroup of all Burstable pods of a node holds (KL-38).

The kubelet counts the requests of the specs, not the allocation, so the sum is certain only while
no resize is pending.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from podresize.oracle import conversions
from podresize.oracle.cgroups import pod_whole
from podresize.oracle.change import CPU
from podresize.oracle.node import qos_of
from podresize.oracle.quantity import millicores
from podresize.oracle.resources import REQUESTS
from podresize.requirements.target import Fingerprint

_ENDED = ("Succeeded", "Failed")


def burstable_cpu(pods: Iterable[dict[str, Any]], fingerprint: Fingerprint) -> tuple[str, int]:
    """Return the file of the Burstable pods' cgroup that weighs its cpu, and what it must hold.

    ``pods`` are the raw pods of the node; those that have ended do not count. The sum is rounded
    once. On cgroup v2 the kubelet turns it into a weight along the straight line (KL-39).
    """
    total = sum(
        millicores(pod_whole(pod, {}, REQUESTS, CPU) or Decimal(0))
        for pod in pods
        if qos_of(pod) == "Burstable" and pod.get("status", {}).get("phase") not in _ENDED
    )
    shares = conversions.cpu_shares(total)
    if fingerprint.cgroup_version == 1:
        return "cpu.shares", shares
    return "cpu.weight", conversions.linear_weight(shares)
